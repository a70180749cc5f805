"""`model serve`: Ray Serve has replicas encode the texts of many watchers. Needs the extra `serve`.

    watchers ─> (nginx, TLS) ─> Ray's HTTP proxy ─> replicas: token, weights, texts ─> batches of requests ─> runtime

Queues, batches, replicas and their restarts are Ray's. With RAY_ADDRESS in the environment an existing cluster is used,
else one is started on this host, on loopback addresses alone, with a token of its own, and ended with us.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Ray reads these when it is loaded; whatever the admin has set stays.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its maker
if "RAY_ADDRESS" not in os.environ:
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # as on those: its own ports on 127.0.0.1

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import runtimes, wire
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.runtime import Runtime
from fail2ban_ai.model.weights import load

APP = "fail2ban-ai-model"
BATCH = 16  # requests that are encoded together
WAIT = 0.002  # seconds for which a request waits for others
WAITING = 128  # requests of one replica that may wait; further ones are told to go (503)
STORE = 80_000_000  # bytes of shared memory, the least that Ray takes: nothing here passes through it


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve."""

    host: str
    port: int
    token: str
    weights: Path | None  # a folder; the shipped ones if None
    runtime: str  # "onnx" or "torch"
    replicas: int


@serve.deployment
class Scoring:
    """One replica: a model, on its GPU where torch finds one."""

    def __init__(self, folder: str | None, sha256: str, token_digest: bytes, runtime: str) -> None:
        """`token_digest`: of the token that watchers send; the token itself is not handed around."""
        weights = load(Path(folder) if folder else None)
        if weights.sha256 != sha256:
            raise ModelError(f"This host has other weights than the one that started serving ({weights.sha256[:12]}).")
        self._runtime: Runtime = runtimes.by_torch(weights) if runtime == "torch" else OnnxRuntime(weights)
        self._sha256 = sha256
        self._token_digest = token_digest

    async def __call__(self, request: Request) -> Response:
        """Answer one request; see wire."""
        told = {wire.WEIGHTS: self._sha256}
        if not self._is_known(request.headers.get("authorization", "")):
            return PlainTextResponse("The token is wrong.\n", 401)
        if request.method != "POST":
            return PlainTextResponse("Texts come by POST.\n", 405, told)
        if request.headers.get(wire.WEIGHTS) != self._sha256:
            return PlainTextResponse(f"The weights here are {self._sha256}.\n", 409, told)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > wire.MOST_BYTES:
                return PlainTextResponse(f"More than {wire.MOST_BYTES} bytes.\n", 413, told)
        try:
            texts = wire.texts_of(body)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 400, told)
        return Response(await self._encoded(texts), 200, told, "application/octet-stream")

    def _is_known(self, authorization: str) -> bool:
        given = authorization.removeprefix("Bearer ").encode("utf-8", "replace")
        return hmac.compare_digest(digest(given), self._token_digest)

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=WAIT)  # type: ignore[untyped-decorator]
    async def _encoded(self, asked: list[list[str]]) -> list[bytes]:
        # Beside the loop, or the replica would seem dead to Ray meanwhile.
        return await asyncio.to_thread(self._encode, asked)

    def _encode(self, asked: list[list[str]]) -> list[bytes]:
        place: dict[str, int] = {}
        for text in (text for texts in asked for text in texts):
            place.setdefault(text, len(place))
        rows = self._runtime.encode(list(place))
        return [wire.answer(rows[[place[text] for text in texts]]) for texts in asked]


def digest(token: bytes) -> bytes:
    """What is compared: of one length whatever was sent."""
    return hashlib.sha256(token).digest()


@contextmanager
def up(serving: Serving) -> Iterator[str]:
    """Serve while the context lasts; gives the weights' checksum once watchers are answered.

    Raises:
        ModelError: the weights are damaged, an extra is missing, or Ray cannot start what was asked for.
    """
    weights = load(serving.weights)
    if serving.runtime == "onnx":
        weights.need_onnx()
    for name in weights.card["sha256"]:
        weights.read(name)
    gpus = _gpus() if serving.runtime == "torch" else 0
    made = Scoring.options(  # type: ignore[attr-defined]  # Ray is not followed by mypy
        num_replicas=serving.replicas,
        max_ongoing_requests=BATCH * 2,
        max_queued_requests=WAITING,
        ray_actor_options={"num_cpus": 1, "num_gpus": 1 if gpus else 0},
        logging_config={"enable_access_log": False},
    ).bind(
        str(serving.weights.resolve()) if serving.weights else None,
        weights.sha256,
        digest(serving.token.encode()),
        serving.runtime,
    )
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    with _ray(max(serving.replicas, os.cpu_count() or 1)):
        try:
            options = serve.config.HTTPOptions(host=serving.host, port=serving.port, request_timeout_s=10)
            serve.start(proxy_location="HeadOnly", http_options=options, logging_config={"enable_access_log": False})
            serve.run(made, name=APP, route_prefix="/")
        except (RuntimeError, ray.exceptions.RayError) as error:
            raise ModelError(f"Ray Serve could not start the model: {error}") from error
        yield weights.sha256


def _gpus() -> int:
    import torch  # noqa: PLC0415 - an extra

    return int(torch.cuda.device_count())


@contextmanager
def _ray(cpus: int) -> Iterator[None]:
    """A connection to the cluster, or a cluster of our own."""
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
        try:
            yield
        finally:
            serve.delete(APP)
            ray.shutdown()
        return
    with tempfile.TemporaryDirectory(prefix="f2b-ai-") as folder:
        ray.init(
            num_cpus=cpus,
            object_store_memory=STORE,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=folder,
        )
        try:
            yield
        finally:
            ray.shutdown()
