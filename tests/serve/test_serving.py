"""`model serve` on real Ray: scores are the embedded model's whatever happens to the server."""

import http.client
import ipaddress
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving_host import PATIENCE, PROGRAM, ModelServer, free_port, until

from fail2ban_ai.config_model import Model
from fail2ban_ai.model import remote, runtimes, weights, wire
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.private import may_leave
from fail2ban_ai.model.remote import RemoteRuntime

pytest.importorskip("ray", reason="needs the extra serve: make serve-test")
pytestmark = pytest.mark.serve

TEXTS = [f"/{word}/{'x' * i}.php?q={'y' * i}" for i in range(30) for word in ("shop", "wp-admin", "cgi-bin", "p")]


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text("0123456789abcdef" * 4)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def server(token: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    made = ModelServer(token, tmp_path_factory.mktemp("server") / "told")
    try:
        made.start()
        yield made
    finally:
        made.close()


def asking(server: ModelServer, token: Path, url: str | None = None) -> RemoteRuntime:
    made = runtimes.chosen(Model(runtime="remote", server=url or server.url, token_file=token))
    assert isinstance(made, RemoteRuntime)
    return made


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """More patience than a watcher has: machines that test are busy."""
    monkeypatch.setattr(remote, "DEADLINE", 20.0)


def warm(runtime: RemoteRuntime, texts: list[str] = TEXTS) -> None:
    """Until the server answers in time: the first answers of a busy machine may not."""

    def answered() -> bool:
        runtime._rests_until = 0
        runtime.encode(texts[:1])
        return runtime.trouble is None

    until(answered, "the server scores")


@pytest.mark.usefixtures("patient")
def test_scores_are_those_of_the_embedded_model_to_the_last_bit(server: ModelServer, token: Path) -> None:
    runtime = asking(server, token)
    warm(runtime)
    counted = runtime._local
    runtime._local = None  # type: ignore[assignment]  # nothing is to be encoded here
    assert np.array_equal(runtime.encode(TEXTS), counted.encode(TEXTS))
    runtime.close()


def post(server: ModelServer, body: bytes = b"[]", **headers: str) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("POST", "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get(wire.WEIGHTS, "")
    finally:
        connection.close()


def test_what_is_refused(server: ModelServer, token: Path) -> None:
    sha = weights.load().sha256
    known = {"Authorization": f"Bearer {token.read_text()}"}
    right = {**known, wire.WEIGHTS: sha}
    assert post(server)[0] == 401
    assert post(server, Authorization="Bearer wrong")[0] == 401
    assert post(server, Authorization="Bearer é".encode().decode("latin-1"))[0] == 401
    assert post(server, Authorization="Bearer wrong")[2] == ""  # strangers are told nothing
    assert post(server, **known)[0] == 409
    assert post(server, **{**known, wire.WEIGHTS: "f" * 64})[2] == sha
    assert post(server, **right) == (200, b"", sha)
    assert post(server, b"{", **right)[0] == 400
    assert post(server, json.dumps(["x"] * 257).encode(), **right)[0] == 400
    assert post(server, b" " * (wire.MOST_BYTES + 1), **right)[0] == 413
    assert post(server, b'["/"]', **right)[0] == 200


@pytest.mark.usefixtures("patient")
def test_a_wrong_token_is_said_and_scored_without(server: ModelServer, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text("f" * 64)
    other.chmod(0o600)
    runtime = asking(server, other)

    def refused() -> bool:
        runtime._rests_until = 0
        assert np.array_equal(runtime.encode(TEXTS[:9]), OnnxRuntime().encode(TEXTS[:9]))
        return "refuses the token" in (runtime.trouble or "")

    until(refused, "the token is refused")
    runtime.close()


def listening(pids: list[int]) -> set[tuple[str, int]]:
    told = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    mine = [line.split() for line in told.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    ends = [line[3].rsplit(":", 1) for line in mine]
    return {(host.strip("[]"), int(port)) for host, port in ends}


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed")
def test_it_listens_on_loopback(server: ModelServer) -> None:
    found = listening(server.processes())
    assert ("127.0.0.1", server.port) in found
    open_to_all = [
        port
        for host, port in found
        if host == "*" or not ipaddress.ip_address(host.removeprefix("::ffff:")).is_loopback
    ]
    # Ray's own between replicas: one for each, wherever Ray listens otherwise. It asks for the run's token.
    assert len(open_to_all) <= 1
    for port in open_to_all:
        assert is_closed_to_strangers(port)


def is_closed_to_strangers(port: int) -> bool:
    import grpc  # noqa: PLC0415

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/ray.serve.ASGIService/HandleRequest")
        try:
            call(b"", timeout=10)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED)
    return False


PROBES = ("/.env", "/wp-login.php", "/phpmyadmin/index.php", "/.git/config", "/shell.php?cmd=id", "/cgi-bin/test.cgi")


class Watcher:
    """`fail2ban-ai watch` on a host of its own with one log."""

    def __init__(self, root: Path, model: dict[str, str]) -> None:
        self.root = root
        self.log = root / "access.log"
        (root / "etc/fail2ban-ai").mkdir(parents=True)
        settings = {"sources": [str(self.log)], "auto_ban": "low", "model": model}
        (root / "etc/fail2ban-ai/config.yaml").write_text(json.dumps(settings))
        self.env = {**os.environ, "FAIL2BAN_AI_ROOT": str(root)}
        self.visit("198.18.0.1", ["/index.html", "/about.html"] * 10)
        self._process: subprocess.Popen[bytes] | None = None

    def visit(self, address: str, requests: list[str]) -> None:
        now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        with self.log.open("a") as log:
            for path in requests:
                status = 200 if path.endswith(".html") else 404
                log.write(f'{address} - - [{now}] "GET {path} HTTP/1.1" {status} 1 "-" "python-requests/2.28"\n')

    def start(self) -> None:
        with (self.root / "told").open("w") as told:
            self._process = subprocess.Popen([PROGRAM, "watch"], stderr=told, stdin=subprocess.DEVNULL, env=self.env)
        until(lambda: "caught up" in (self.root / "told").read_text(), "the watcher has caught up")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def asked(self) -> set[str]:
        log = self.root / "var/lib/fail2ban-ai/decisions.jsonl"
        return {json.loads(line)["target"] for line in log.read_text().splitlines()} if log.exists() else set()

    def status(self) -> str:
        return subprocess.run([PROGRAM, "status"], capture_output=True, text=True, env=self.env, check=False).stdout


def test_two_watchers_and_a_server_that_dies_and_comes_back(token: Path, tmp_path: Path) -> None:
    server = ModelServer(token, tmp_path / "told")
    model = {"runtime": "remote", "server": server.url, "token_file": str(token)}
    watchers = [Watcher(tmp_path / name, model) for name in ("one", "two")]
    try:
        server.start()
        for number, watcher in enumerate(watchers):
            watcher.start()
            watcher.visit(f"203.0.113.{number}", list(PROBES))
        for number, watcher in enumerate(watchers):
            until(lambda: f"203.0.113.{number}" in watcher.asked(), "its attacker is asked for")  # noqa: B023
            assert "runtime remote" in watcher.status()

        server.kill()
        for number, watcher in enumerate(watchers):
            watcher.visit(f"203.0.113.{10 + number}", [*PROBES, *(f"/old{path}" for path in PROBES)])
            until(lambda: f"203.0.113.{10 + number}" in watcher.asked(), "it bans without a server")  # noqa: B023
            until(lambda: "the embedded model scores" in watcher.status(), "status says so")  # noqa: B023

        server.start()

        def over(watcher: Watcher) -> bool:
            watcher.visit(
                "198.18.0.1", [f"/{time.monotonic_ns():x}.html".translate(str.maketrans("0123456789", "ghijklmnop"))]
            )
            time.sleep(1)
            return "the embedded model scores" not in watcher.status()

        for watcher in watchers:
            until(lambda: over(watcher), "the server is used again")  # noqa: B023
        assert server.stop() == 0
    finally:
        for watcher in watchers:
            watcher.stop()
        server.close()


def test_killed_in_the_middle_of_a_batch(server: ModelServer, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.2)
    monkeypatch.setattr(remote, "LAST_PAUSE", 1.0)
    runtime = asking(server, token)
    warm(runtime)
    texts = [f"/{a}{b}{c}/x.php" for a in "abcdefghij" for b in "abcdefghij" for c in "abcdefghij"]
    assert all(map(may_leave, texts))
    expected = OnnxRuntime().encode(texts)
    troubles: set[str | None] = set()
    stop = threading.Event()
    wrong: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            if not np.array_equal(runtime.encode(texts), expected):
                wrong.append(1)
            troubles.add(runtime.trouble)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        until(lambda: None in troubles, "the server scores")
        time.sleep(0.5)
        for pid in server.processes("ServeReplica"):
            os.kill(pid, signal.SIGKILL)
        until(lambda: any(troubles), "the watcher notices")
        until(lambda: runtime.trouble is None, "Ray has replaced the replica and it is used again")
    finally:
        stop.set()
        asker.join()
    assert not wrong
    runtime.close()


@pytest.mark.usefixtures("patient")
def test_other_weights_are_refused(token: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(weights.SHIPPED, tmp_path / "weights"))
    card = json.loads((folder / weights.CARD).read_text())
    card["calibration"]["web"][0] += 0.5
    (folder / weights.CARD).write_text(json.dumps(card))
    server = ModelServer(token, tmp_path / "told", folder)
    try:
        server.start()
        runtime = asking(server, token)

        def refused() -> bool:
            runtime._rests_until = 0
            assert np.array_equal(runtime.encode(TEXTS[:9]), OnnxRuntime().encode(TEXTS[:9]))
            return "weights are others than ours" in (runtime.trouble or "")

        until(refused, "the weights are refused")
        assert weights.load(folder).sha256[:12] in (runtime.trouble or "")
        runtime.close()
    finally:
        server.close()


def test_damaged_weights_and_a_bad_token_file_do_not_start(token: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(weights.SHIPPED, tmp_path / "weights"))
    (folder / "event.onnx").write_bytes(b"damaged")
    open_token = tmp_path / "token"
    open_token.write_text("f" * 64)
    open_token.chmod(0o644)
    for words, said in (
        (["--weights", str(folder), "--token-file", str(token)], "damaged"),
        (["--token-file", str(open_token)], "chmod 640"),
    ):
        done = subprocess.run(
            [PROGRAM, "model", "serve", *words], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 1
        assert said in done.stderr


SNIPPET = Path(__file__).parents[2] / "packaging/serve/nginx.conf"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@pytest.mark.usefixtures("patient")
def test_through_nginx_with_tls(
    server: ModelServer, token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    snippet = SNIPPET.read_text()
    for old, new in (
        ("127.0.0.1:8765", f"127.0.0.1:{server.port}"),
        ("listen 8443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("model.example.org", "localhost"),
        ("/etc/ssl/fail2ban-ai-model/", f"{tmp_path}/"),
    ):
        assert old in snippet
        snippet = snippet.replace(old, new)
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\nhttp {{ {temporary}\n{snippet}}}\n"
    )
    nginx = subprocess.Popen(["nginx", "-e", tmp_path / "error.log", "-c", tmp_path / "nginx.conf"])
    try:
        until((tmp_path / "pid").exists, "nginx is up", 20)
        url = f"https://localhost:{port}"
        stranger = asking(server, token, url)
        stranger.encode(TEXTS[:1])
        assert "its certificate is not trusted" in (stranger.trouble or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        runtime = asking(server, token, url)
        warm(runtime)
        counted = runtime._local
        runtime._local = None  # type: ignore[assignment]
        assert np.array_equal(runtime.encode(TEXTS), counted.encode(TEXTS))
        connection = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context())
        for method, path, status in (("GET", "/", 403), ("POST", "/other", 404), ("POST", "/", 401)):
            connection.request(method, path, b"[]" if method == "POST" else None)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        connection.close()
        stranger.close()
        runtime.close()
    finally:
        nginx.terminate()
        nginx.wait(20)


@pytest.mark.usefixtures("patient")
def test_an_encoder_that_a_site_brought(token: Path, tmp_path: Path) -> None:
    """Needs the extra gpu beside serve; on the processor here."""
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    from tests.model.tiny_encoders import make  # noqa: PLC0415

    folder, encoder = tmp_path / "weights", make(tmp_path / "encoder", "modernbert")
    training = [PROGRAM, "model", "train", "--setting", "tiny", "--encoder", str(encoder), "--out", str(folder)]
    subprocess.run(training, check=True, capture_output=True, env={**os.environ, "FAIL2BAN_AI_CORPORA": ""})
    refused = ModelServer(token, tmp_path / "refused", folder)
    server = ModelServer(token, tmp_path / "told", folder, "torch")
    try:
        with pytest.raises(AssertionError, match="torch alone"):
            refused.start()
        server.start()
        runtime = runtimes.chosen(Model(runtime="remote", server=server.url, token_file=token, weights=folder))
        assert isinstance(runtime, RemoteRuntime)
        warm(runtime)
        expected = runtime._local.encode(TEXTS)
        runtime._local = None  # type: ignore[assignment]  # nothing is to be encoded here
        assert np.array_equal(runtime.encode(TEXTS), expected)
        runtime.close()
    finally:
        refused.close()
        server.close()
