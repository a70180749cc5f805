"""Events made by hand: what the tests of the rules hand to `gather`."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import events, formats
from fail2ban_ai.rules.clusters import Cluster, Left, clusters
from fail2ban_ai.rules.judged import Judged
from fail2ban_ai.rules.material import Material, gather

START = datetime(2026, 3, 9, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def hostile(number: int) -> str:
    return f"198.51.100.{number}"


def honest(number: int) -> str:
    return f"203.0.113.{number}"


def web(hour: float, address: str, request: str, status: int = 404, agent: str = FIREFOX) -> str:
    when = datetime.fromtimestamp(START.timestamp() + hour * 3600, UTC)
    return f'{address} - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "{request} HTTP/1.1" {status} 153 "-" "{agent}"'


def sshd(hour: float, message: str) -> str:
    when = datetime.fromtimestamp(START.timestamp() + hour * 3600, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.000000+00:00 host sshd[4711]: {message}"


def read(lines: list[str], path: str) -> pl.DataFrame:
    """The events of a log's lines, in order of time."""
    fmt = formats.guess(lines, path)
    assert fmt is not None
    raw = pl.DataFrame({"raw": lines, "line": range(1, len(lines) + 1)}, schema={"raw": pl.String, "line": pl.UInt32})
    clock = formats.Clock(ZoneInfo("UTC"), START)
    found = fmt.parse(raw, source=path, clock=clock).events
    return found.sort("time", maintain_order=True).select(list(events.SCHEMA))


def made_of(lines: list[str], path: str = "/var/log/nginx/access.log") -> Material:
    """The material of a log in which every 198.51.100.0/24 address was banned, all in one campaign."""
    hosts = [line for line in lines if line.startswith("www.")]
    parts = [part for part in (hosts, [line for line in lines if line not in hosts]) if part]
    frame = pl.concat([read(part, path) for part in parts]).sort("time", maintain_order=True)
    banned = {address: "c-1" for address in frame["address"].unique() if address.startswith("198.51.100.")}
    return gather([frame], Judged(hostile=banned))


def clustered(lines: list[str], path: str = "/var/log/nginx/access.log") -> tuple[list[Cluster], list[Left]]:
    return clusters(made_of(lines, path), sources=3, windows=2)
