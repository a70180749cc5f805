"""Sends lines over syslog: RFC 3164 headers, by UDP, by TCP (a line feed ends a message, RFC 6587) or to a socket."""

import socket
import time
from collections.abc import Sequence

from fail2ban_ai.config_delivery import syslog_of

FACILITY = 10  # authpriv
LEVEL = {"critical": 2, "high": 3, "medium": 4, "low": 5}
TIMEOUT = 4.0  # seconds for connecting and for each message
MESSAGE = 8000  # bytes


def send(where: str, messages: Sequence[tuple[str, str]], host: str) -> None:
    """Send messages, each a severity of findings.SEVERITIES and a text of one line.

    Raises:
        OSError: nobody listens, or not everything was taken. UDP does not tell.
    """
    kind, target, port = syslog_of(where)
    local = kind == "unix"
    with _connect(kind, target, port) as connection:
        end = b"\n" if connection.type == socket.SOCK_STREAM else b""
        for severity, text in messages:
            connection.sendall(_message(severity, text, "" if local else host, "fail2ban-ai: " if local else "") + end)


def _message(severity: str, text: str, host: str, tag: str) -> bytes:
    now = time.localtime()
    stamp = f"{time.strftime('%b', now)} {now.tm_mday:2d} {time.strftime('%H:%M:%S', now)}"
    header = f"<{FACILITY * 8 + LEVEL[severity]}>{stamp} {host + ' ' if host else ''}{tag}"
    return (header + text).encode("utf-8", "replace")[:MESSAGE]


def _connect(kind: str, target: str, port: int) -> socket.socket:
    if kind == "tcp":
        return socket.create_connection((target, port), timeout=TIMEOUT)
    if kind == "udp":
        family, _, _, _, address = socket.getaddrinfo(target, port, type=socket.SOCK_DGRAM)[0]
        return _opened(family, socket.SOCK_DGRAM, address)
    try:
        return _opened(socket.AF_UNIX, socket.SOCK_DGRAM, target)
    except OSError:  # some daemons listen on a stream
        return _opened(socket.AF_UNIX, socket.SOCK_STREAM, target)


def _opened(family: int, kind: int, address: object) -> socket.socket:
    made = socket.socket(family, kind)
    try:
        made.settimeout(TIMEOUT)
        made.connect(address)  # type: ignore[arg-type]  # one of the shapes that `family` takes
    except OSError:
        made.close()
        raise
    return made
