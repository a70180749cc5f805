"""Short ways to read lines in tests."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats

HINT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def parse(name: str, *lines: str, zone: str = "UTC", hint: datetime | None = HINT) -> formats.Parsed:
    frame = pl.DataFrame(
        {"raw": list(lines), "line": range(1, len(lines) + 1)}, schema={"raw": pl.String, "line": pl.UInt32}
    )
    return formats.FORMATS[name].parse(frame, source="test.log", clock=formats.Clock(ZoneInfo(zone), hint))


def events(name: str, *lines: str, zone: str = "UTC", hint: datetime | None = HINT) -> list[dict[str, Any]]:
    return parse(name, *lines, zone=zone, hint=hint).events.to_dicts()


def one(name: str, line: str) -> dict[str, Any]:
    found = events(name, line)
    assert len(found) == 1, f"{len(found)} events of {line!r}"
    return found[0]


def syslog(program: str, message: str) -> str:
    return f"Nov 24 10:00:00 web1 {program}: {message}"
