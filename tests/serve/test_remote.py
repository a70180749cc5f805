"""The remote runtime against servers that misbehave: every answer comes in time, and is the embedded model's."""

import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fail2ban_ai import paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.model import remote, wire
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.remote import RemoteRuntime, Server
from fail2ban_ai.model.runtime import Floats
from fail2ban_ai.model.weights import load

TOKEN = "t0ken" * 8
TEXTS = ["/", "/wp-login.php", "/?id=0' or 0=0--", "curl/0.0.0", "user alice", "/?user=alice", "/.env"]
WIDTH = OnnxRuntime().sizes.text
SHA = load().sha256

Answer = Callable[[http.server.BaseHTTPRequestHandler, list[str]], None]


class Local(OnnxRuntime):
    """The embedded runtime, and what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def encode(self, texts):  # type: ignore[no-untyped-def]
        self.asked += texts
        return super().encode(texts)


def right(handler: http.server.BaseHTTPRequestHandler, texts: list[str]) -> None:
    send(handler, wire.answer(np.full((len(texts), WIDTH), 0.25, np.float32)))


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200, weights: str = SHA) -> None:
    handler.send_response(status)
    handler.send_header(wire.WEIGHTS, weights)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Location", "/elsewhere")
    handler.end_headers()
    handler.wfile.write(body)


class Fake:
    """A server whose answer can be changed; `seen` is every text that came."""

    def __init__(self) -> None:
        fake = self
        self.answer: Answer = right
        self.seen: list[str] = []
        self.requests = self.connections = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                fake.connections += 1
                super().setup()

            def do_POST(self) -> None:
                assert self.headers["Authorization"] == f"Bearer {TOKEN}"
                fake.requests += 1
                texts = wire.texts_of(self.rfile.read(int(self.headers["Content-Length"])))
                fake.seen += texts
                try:
                    fake.answer(self, texts)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def local() -> Local:
    return Local()


@pytest.fixture
def runtime(fake: Fake, local: Local, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteRuntime]:
    """One with more patience than a watcher: machines that test are busy."""
    monkeypatch.setattr(remote, "DEADLINE", 10.0)
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.2)
    made = RemoteRuntime(Server(fake.url, TOKEN, SHA), local)
    yield made
    made.close()


@pytest.fixture
def hasty(fake: Fake, local: Local, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteRuntime]:
    """One with a watcher's deadline, which is not asked again in the time of a test."""
    monkeypatch.setattr(remote, "FIRST_PAUSE", 60.0)
    made = RemoteRuntime(Server(fake.url, TOKEN, SHA), local)
    yield made
    made.close()


def own(texts: list[str]) -> Floats:
    return OnnxRuntime().encode(texts)


def test_what_may_leave_is_encoded_there_the_rest_here(runtime: RemoteRuntime, fake: Fake, local: Local) -> None:
    rows = runtime.encode(TEXTS)
    assert local.asked == ["user alice", "/?user=alice"]
    assert fake.seen == [text for text in TEXTS if text not in local.asked]
    private = [TEXTS.index(text) for text in local.asked]
    assert np.array_equal(rows[private], own(local.asked))
    assert (np.delete(rows, private, 0) == np.float32(0.25)).all()
    assert runtime.trouble is None


def test_many_texts_go_in_parts_over_one_connection(runtime: RemoteRuntime, fake: Fake) -> None:
    texts = [f"/p/x{chr(97 + i % 26)}x{chr(97 + i // 26)}" for i in range(wire.MOST_TEXTS * 2 + 1)]
    assert runtime.encode(texts).shape == (len(texts), WIDTH)
    assert (fake.requests, fake.connections) == (3, 1)
    assert fake.seen == texts


def test_nothing_to_ask_asks_nobody(runtime: RemoteRuntime, fake: Fake) -> None:
    assert runtime.encode([]).shape == (0, WIDTH)
    assert fake.requests == 0


def hang(_: http.server.BaseHTTPRequestHandler, __: list[str]) -> None:
    time.sleep(8)


def trickle(handler: http.server.BaseHTTPRequestHandler, texts: list[str]) -> None:
    """Each byte comes soon after the one before: only a deadline for all of it helps."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(texts) * WIDTH * 2))
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"\0")
        time.sleep(0.05)


def hang_up(handler: http.server.BaseHTTPRequestHandler, _: list[str]) -> None:
    handler.close_connection = True


def half(handler: http.server.BaseHTTPRequestHandler, texts: list[str]) -> None:
    handler.send_response(200)
    handler.send_header(wire.WEIGHTS, SHA)
    handler.send_header("Content-Length", str(len(texts) * WIDTH * 2))
    handler.end_headers()
    handler.wfile.write(b"\0" * WIDTH)
    handler.close_connection = True


def no_http(handler: http.server.BaseHTTPRequestHandler, _: list[str]) -> None:
    handler.wfile.write(b"SSH-2.0-x\r\n")
    handler.close_connection = True


MISDEEDS: dict[str, tuple[Answer, str]] = {
    "hangs": (hang, "no answer within 300 ms"),
    "trickles": (trickle, "no answer within 300 ms"),
    "hangs up": (hang_up, "closed connection"),
    "sends half": (half, "not 5 texts"),
    "too short": (lambda h, t: send(h, b"\0\0"), "not 5 texts"),
    "too long": (lambda h, t: send(h, b"\0" * (len(t) * WIDTH * 2 + 2)), "not 5 texts"),
    "beyond 4": (lambda h, t: send(h, b"\xff\x7f" * len(t) * WIDTH), "beyond"),
    "redirects": (lambda h, t: send(h, b"", 302), "it answered 302"),
    "busy": (lambda h, t: send(h, b"busy", 503), "it answered 503"),
    "token": (lambda h, t: send(h, b"no", 401), "refuses the token"),
    "weights": (lambda h, t: send(h, b"no", 409, "f" * 64), f"others than ours (ffffffffffff, not {SHA[:12]})"),
    "lies of weights": (lambda h, t: send(h, b"\0" * (len(t) * WIDTH * 2), 200, "f" * 64), "others than ours"),
    "no http": (no_http, "SSH"),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_whatever_a_server_does_the_scores_are_right_and_in_time(
    hasty: RemoteRuntime, fake: Fake, misdeed: str
) -> None:
    fake.answer, words = MISDEEDS[misdeed]
    expected = own(TEXTS)
    began = time.monotonic()
    assert np.array_equal(hasty.encode(TEXTS), expected)
    assert time.monotonic() - began < 4.0  # busy machines; what hangs does so for longer
    assert hasty.trouble is not None
    assert words in hasty.trouble
    asked = fake.requests
    hasty.encode(TEXTS)  # at once again: it is left alone
    assert fake.requests == asked


def test_it_is_asked_again_after_a_while_and_then_nothing_is_wrong(runtime: RemoteRuntime, fake: Fake) -> None:
    fake.answer = hang_up
    runtime.encode(TEXTS)
    fake.answer = right
    time.sleep(0.25)
    runtime.encode(TEXTS)
    assert runtime.trouble is None


def test_each_pause_is_twice_as_long_up_to_a_minute() -> None:
    pauses = [remote._pause(OSError(), failures) for failures in (1, 2, 3, 7, 2000)]
    assert pauses == [1, 2, 4, 60, 60]
    assert remote._pause(remote.RefusalError(), 1) == 60


def test_a_connection_that_was_closed_while_idle_is_no_failure(runtime: RemoteRuntime, fake: Fake) -> None:
    def once(handler: http.server.BaseHTTPRequestHandler, texts: list[str]) -> None:
        right(handler, texts)
        handler.close_connection = True  # without a word

    fake.answer = once
    for _ in range(3):
        runtime.encode(TEXTS)
        time.sleep(0.05)
        assert runtime.trouble is None
    assert fake.connections == 3


def test_no_server_at_all(local: Local) -> None:
    runtime = RemoteRuntime(Server("http://127.0.0.1:9", TOKEN, SHA), local)
    assert np.array_equal(runtime.encode(TEXTS), own(TEXTS))
    assert "refused" in (runtime.trouble or "")
    runtime.close()


def test_analyze_without_its_server_finds_the_same_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose new texts would all go to the server: what it finds does not depend on that."""
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    log = tmp_path / "access.log"
    probes = ("/.env", "/wp-login.php", "/phpmyadmin/index.php", "/.git/config", "/shell.php?cmd=id")
    log.write_text(
        "".join(
            f'203.0.113.7 - - [01/Mar/2026:10:00:{i:02} +0000] "GET {path} HTTP/1.1" 404 1 "-" "python-requests/2.28"\n'
            for i, path in enumerate(probes * 3)
        )
    )
    found = []
    for model in ({}, {"runtime": "remote", "server": "http://127.0.0.1:9", "token_file": str(token)}):
        paths.config().parent.mkdir(parents=True, exist_ok=True)
        paths.config().write_text(json.dumps({"model": model}))
        done = CliRunner().invoke(cli, ["analyze", str(log), "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        assert ("the embedded model scores" in done.stderr) == bool(model)
        found.append(done.stdout)
    assert found[0] == found[1]
    assert "203.0.113.7" in found[0]


def test_serving_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    program = (
        "import sys; sys.modules['ray'] = None; from fail2ban_ai.cli import main;"
        "sys.argv[1:] = ['model', 'serve', '--token-file', sys.argv[1]]; main()"
    )
    done = subprocess.run([sys.executable, "-c", program, token], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fail2ban-ai[serve]" in done.stderr
