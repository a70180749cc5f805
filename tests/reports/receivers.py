"""Real receivers on loopback, and a small reader of CEF written from the format's rules, not from our writer."""

import json
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class WebHook:
    """An HTTP server that keeps what is posted; `status` is its answer."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 200:
                    hook.posted.append(json.loads(body))
                hook.paths.append(self.path)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for raw in self.rfile:
            self.server.got.append(raw.decode().rstrip("\n"))  # type: ignore[attr-defined]
        self.server.done.set()  # type: ignore[attr-defined]


@contextmanager
def syslog_by_tcp() -> Iterator[tuple[str, list[str], threading.Event]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Lines) as server:
        server.got, server.done = [], threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}", server.got, server.done  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@contextmanager
def datagrams(path: Path | None = None) -> Iterator[tuple[str, socket.socket]]:
    """A syslog setting and the socket that gets its messages: of UDP, or of the file `path`."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.settimeout(10)
        listening.bind(str(path) if path else ("127.0.0.1", 0))
        yield f"unix:{path}" if path else f"udp://127.0.0.1:{listening.getsockname()[1]}", listening


_SYSLOG = re.compile(r"<([0-9]{1,3})>([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) (?:([^ :]+) )?(?:([^ :]+): )?(CEF:.*)")


def read_syslog(message: str) -> tuple[int, str, str, str]:
    """Priority, host, tag and the rest of an RFC 3164 message."""
    found = _SYSLOG.fullmatch(message)
    assert found, message
    return int(found[1]), found[3] or "", found[4] or "", found[5]


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """The seven fields of the header and the extension, character by character."""
    fields, at = [""], 0
    while len(fields) < 8:
        if line[at] == "\\":
            assert line[at + 1] in "\\|", line[at : at + 2]
            fields[-1] += line[at + 1]
            at += 2
        elif line[at] == "|":
            fields.append("")
            at += 1
        else:
            fields[-1] += line[at]
            at += 1
    extension: dict[str, str] = {}
    starts = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", line[at:]))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(line) - at
        raw = line[at:][start.end() : end]
        value, place = "", 0
        while place < len(raw):
            assert raw[place] != "=", f"a bare = in {raw!r}"
            if raw[place] == "\\":
                value += {"\\": "\\", "=": "=", "n": "\n", "r": "\r"}[raw[place + 1]]
                place += 1
            else:
                value += raw[place]
            place += 1
        assert start[1] not in extension
        extension[start[1]] = value
    assert not starts or starts[0].start() == 0
    return fields[:7], extension
