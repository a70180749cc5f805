"""The runtime that has a server (`fail2ban-ai model serve`) encode texts, and the embedded model what that cannot.

    texts ── may leave? ──> the server, DEADLINE for each request ──┐
                └─ no, or no answer ─> embedded ONNX Runtime ───────┴─> rows

Event layer and actor model run here in any case. Both sides hold the same weights, or the server is not used. Whatever
goes wrong costs one deadline, then the server is left alone for a while, twice as long each time.
"""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from fail2ban_ai.model import wire
from fail2ban_ai.model.private import may_leave
from fail2ban_ai.model.runtime import Floats, Judgement, Runtime

DEADLINE = 0.3
"""Seconds for one request, from connecting to the last byte of the answer."""
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0
"""Seconds that the server is left alone after a failure; twice as long after each further one."""

_FAILED = (OSError, http.client.HTTPException, ValueError, TimeoutError)


class RefusalError(ValueError):
    """The server's own word that it does not score for us: only somebody who changes something helps."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, as whom, and which weights it must have."""

    url: str  # https://HOST[:PORT]/[PATH], or http:// on this host
    token: str
    weights: str  # SHA-256


class RemoteRuntime:
    """runtime.Runtime that asks a server."""

    def __init__(self, server: Server, local: Runtime) -> None:
        self.sizes = local.sizes
        self.name = "remote"
        self.trouble: str | None = None
        self._local = local
        self._client = _Client(server)
        self._failures = 0
        self._rests_until = 0.0  # monotonic

    def encode(self, texts: Sequence[str]) -> Floats:
        """See runtime.Runtime; texts that must not leave the host are encoded here."""
        out = np.zeros((len(texts), self.sizes.text), np.float32)
        here = [i for i, text in enumerate(texts) if not may_leave(text)]
        there = sorted(set(range(len(texts))) - set(here))
        for start in range(0, len(there), wire.MOST_TEXTS):
            part = there[start : start + wire.MOST_TEXTS]
            rows = self._asked([texts[i] for i in part])
            if rows is None:
                here += part
            else:
                out[part] = rows
        if here:
            out[here] = self._local.encode([texts[i] for i in here])
        return out

    def embed(self, features: Floats) -> Floats:
        """See runtime.Runtime."""
        return self._local.embed(features)

    def judge(self, sequences: Sequence[Floats]) -> list[Judgement]:
        """See runtime.Runtime."""
        return self._local.judge(sequences)

    def close(self) -> None:
        """Let go of the server, in a process that goes on without it."""
        self._client.close()

    def _asked(self, texts: list[str]) -> Floats | None:
        """The server's rows; None while it is left alone or when it fails."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            rows = self._client.encode(texts, self.sizes.text)
        except _FAILED as error:
            self._failures += 1
            self._rests_until = time.monotonic() + _pause(error, self._failures)
            self.trouble = f"the model's server is not used, the embedded model scores: {_sentence(error)}"
            return None
        self._failures, self.trouble = 0, None
        return rows


class _Client:
    """One connection that is kept, used from a thread of its own: a server that trickles cannot outlast DEADLINE."""

    def __init__(self, server: Server) -> None:
        parts = urlsplit(server.url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path or "/"
        self._weights = server.weights
        self._headers = {
            "Authorization": f"Bearer {server.token}",
            wire.WEIGHTS: server.weights,
            "Content-Type": "application/json",
        }
        self._connection: http.client.HTTPConnection | None = None
        self._pool = ThreadPoolExecutor(1, "model-server")
        self._waiting: Future[Floats] | None = None

    def encode(self, texts: list[str], width: int) -> Floats:
        """The encoded texts; one of _FAILED."""
        if self._waiting is not None and not self._waiting.done():
            raise TimeoutError  # the last one hangs where nothing interrupts it: asking for the name
        self._waiting = self._pool.submit(self._post, texts, width, time.monotonic() + DEADLINE)
        try:
            return self._waiting.result(DEADLINE)
        except TimeoutError:
            self._cut()
            raise

    def close(self) -> None:
        """End the connection and the thread."""
        self._cut()
        self._pool.shutdown()

    def _post(self, texts: list[str], width: int, until: float) -> Floats:
        kept = self._connection is not None
        try:
            return self._tried(texts, width)
        except (ConnectionError, http.client.BadStatusLine):
            if not kept or time.monotonic() >= until:
                raise
            return self._tried(texts, width)  # the server had closed a connection that was idle

    def _tried(self, texts: list[str], width: int) -> Floats:
        connection = self._connection or self._new()
        self._connection = connection
        done = False
        try:
            connection.request("POST", self._path, wire.request(texts), self._headers)
            rows = self._answer(connection.getresponse(), len(texts), width)
            done = True
        finally:
            if not done:
                self._connection = None
                connection.close()
        return rows

    def _new(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=DEADLINE)
        return http.client.HTTPSConnection(self._host, self._port, timeout=DEADLINE, context=self._tls)

    def _answer(self, response: http.client.HTTPResponse, texts: int, width: int) -> Floats:
        content = response.read(2 * texts * width + 1)
        weights = response.headers.get(wire.WEIGHTS, "")
        if response.status == 401:
            raise RefusalError("it refuses the token")
        if response.status == 409 or (response.status == 200 and weights != self._weights):
            raise RefusalError(
                f"its weights are others than ours ({weights[:12] or 'unknown'}, not {self._weights[:12]})"
            )
        if response.status != 200:
            raise ValueError(f"it answered {response.status}")
        return wire.rows_of(content, texts, width)

    def _cut(self) -> None:
        """End what the thread waits for."""
        connection, self._connection = self._connection, None
        held = connection.sock if connection is not None else None
        if connection is None or held is None:
            return
        with contextlib.suppress(OSError):  # it was over just now
            held.shutdown(socket.SHUT_RDWR)
        if self._waiting is None or self._waiting.done():
            connection.close()  # else the thread does, which reads from it


def _pause(error: Exception, failures: int) -> float:
    return LAST_PAUSE if isinstance(error, RefusalError) else min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {DEADLINE * 1000:.0f} ms"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return str(error) or type(error).__name__
