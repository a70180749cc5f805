"""Lines of web servers: access logs in the combined formats of nginx and Apache, and nginx's error log."""

# ruff: noqa: PLR0917 - a log line has that many fields

import functools
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from .stage import Stage

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@functools.lru_cache(maxsize=4096)
def _stamp(second: int, zone: int) -> str:
    at = datetime.fromtimestamp(second, UTC) + timedelta(minutes=zone)
    sign = "-" if zone < 0 else "+"
    offset = f"{sign}{abs(zone) // 60:02d}{abs(zone) % 60:02d}"
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year}:{at:%H:%M:%S} {offset}"


def _escape(text: str, server: str) -> str:
    r"""What a server does to quotes, backslashes and control characters: \xHH (nginx) or \" and \xhh (Apache)."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    nginx = server == "nginx"
    parts = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\' and not nginx:
            parts.append("\\" + char)
        elif char in '"\\' or byte < 32 or byte >= 127:
            parts.append(f"\\x{byte:02X}" if nginx else f"\\x{byte:02x}")
        else:
            parts.append(char)
    return "".join(parts)


def request(
    stage: Stage,
    rng: Random,
    time: float,
    address: str,
    method: str,
    target: str,
    agent: str,
    referer: str = "-",
    status: int | None = None,
    size: int | None = None,
    user: str = "-",
    protocol: str | None = None,
) -> int:
    """Log one request; status and size are the site's own answer where not given. Returns the status."""
    scenario = stage.scenario
    if status is None:
        status, answered = stage.site.answer(rng, method, target)
        size = answered if size is None else size
    if size is None:
        size = 0 if status in {204, 302, 304} else stage.site.missing_size
    text = f"{method} {target} {protocol or 'HTTP/1.1'}".strip()
    _access(stage, rng, time, address, text, status, size, referer, agent, user)
    if status == 404 and scenario.server == "nginx" and stage.site.kind in {"static", "legacy"} and rng.random() < 0.8:
        _error(stage, rng, time, address, method, target, referer)
    return status


def garbage(stage: Stage, rng: Random, time: float, address: str, text: str) -> None:
    """Log something that is no HTTP request: the server answers 400."""
    _access(stage, rng, time, address, text, 400, rng.choice((150, 157, 166)), "-", "-", "-")


def _access(
    stage: Stage,
    rng: Random,
    time: float,
    address: str,
    text: str,
    status: int,
    size: int,
    referer: str,
    agent: str,
    user: str,
) -> None:
    server = stage.scenario.server
    sent = size
    if server != "nginx" and status != 304:
        sent += 180 + rng.randrange(0, 90)  # Apache's %O counts the headers
    prefix = f"{stage.site.host}:443 " if server == "apache_vhost" else ""
    at = _stamp(int(time), stage.scenario.zone)
    line = (
        f'{prefix}{address} - {user} [{at}] "{_escape(text, server)}" {status} {sent} '
        f'"{_escape(referer, server)}" "{_escape(agent, server)}"'
    )
    stage.log("nginx/access.log" if server == "nginx" else "apache2/access.log", time, line, address)


def _error(stage: Stage, rng: Random, time: float, address: str, method: str, target: str, referer: str) -> None:
    at = datetime.fromtimestamp(int(time), timezone(timedelta(minutes=stage.scenario.zone)))
    path = target.split("?", 1)[0]
    refer = f', referrer: "{referer}"' if referer != "-" else ""
    pid, host = 800 + len(stage.hostname), stage.site.host
    line = (
        f"{at:%Y/%m/%d %H:%M:%S} [error] {pid}#{pid}: *{rng.randrange(1, 10**6)} "
        f'open() "{stage.docroot}{path}" failed (2: No such file or directory), client: {address}, server: {host}, '
        f'request: "{method} {target} HTTP/1.1", host: "{host}"{refer}'
    )
    if line.isascii() and line.isprintable():
        stage.log("nginx/error.log", time, line, address)
