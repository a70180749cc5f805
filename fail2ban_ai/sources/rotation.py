"""Which files are parts of one rotated log, and the latest moment a line of each can have been written.

Classic syslog stamps have no year. A line belongs to the latest year that does not put it past the end of its file:
the first stamp of the next newer part, the date in the part's own name, or the time of the last change. Copying a file
without its times loses the last; then name or neighbours must do, and a lone file over a year old is read a year late.
"""

import os
import re
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources.lines import open_regular

_PART = re.compile(
    r"^(?P<base>.+?)"
    r"(?:[.-](?P<date>(?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01]))(?:-?\d{2,10})?|\.(?P<number>\d{1,4}))?"
    r"(?:\.gz)?$"
)


def newest_first(paths: Iterable[str]) -> list[list[str]]:
    """The rotated sets among `paths` (x.log, x.log.1, x.log.2.gz; x.log, x.log-20240107.gz), each newest part first."""
    sets: dict[str, list[str]] = {}
    for path in paths:
        base = str(Path(path).parent / _fields(path)["base"])
        sets.setdefault(base, []).append(path)
    for parts in sets.values():
        # The live file has neither; then numbers upwards, then dates downwards.
        parts.sort(key=lambda path: _fields(path)["date"], reverse=True)
        parts.sort(key=lambda path: (bool(_fields(path)["date"]), int(_fields(path)["number"] or -1)))
    return list(sets.values())


def parts_of(path: str) -> list[str]:
    """The log at `path` and the older parts beside it that rotation left, which need not be there; in order of name."""
    log = Path(path)
    try:
        names = [name for name in os.listdir(log.parent) if name.startswith(log.name)]  # noqa: PTH208 - names only
    except OSError:
        return [path]
    older = {str(log.parent / name) for name in names if _fields(name)["base"] == log.name}
    return [path, *sorted(older - {path})]


def last_written(path: str) -> datetime | None:
    """The end of the file by its own marks: the date in its name, gzip's time stamp, the time of last change."""
    moments = [_changed(path), _zipped(path), _named(path)]
    return min((moment for moment in moments if moment is not None), default=None)


def _fields(path: str) -> dict[str, str]:
    match = _PART.match(Path(path).name)
    return {key: value or "" for key, value in match.groupdict().items()} if match else {"base": path} | _NO_FIELDS


_NO_FIELDS = {"date": "", "number": ""}


def _changed(path: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _zipped(path: str) -> datetime | None:
    """The time of the file that was compressed, RFC 1952 section 2.3.1; 0 says that there is none."""
    try:
        with open_regular(path) as handle:
            head = handle.read(8)
    except (OSError, SourceError):
        return None
    if len(head) < 8 or not head.startswith(b"\x1f\x8b"):
        return None
    (seconds,) = struct.unpack("<I", head[4:])
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _named(path: str) -> datetime | None:
    date = _fields(path)["date"].replace("-", "")
    try:
        # The day after the named one: logrotate names the day it ran on, other tools the day the lines are of.
        return datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=2) if date else None
    except ValueError:
        return None
