"""Units of systemd's journal, read through `journalctl -o json`.

Each entry becomes the line that a syslog daemon would have written, so the journal and /var/log are read by the same
patterns. journalctl writes fields over 4,096 bytes as null and those that are no UTF-8 as lists of bytes
(systemd.io/JOURNAL_EXPORT_FORMATS, "Journal JSON Format").
"""

import itertools
import json
import os
import re
import select
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.sources.logfile import GUESS_LINES
from fail2ban_ai.sources.stats import SourceStats

PREFIX = "journal:"
UNIT = re.compile(r"[A-Za-z0-9@:._\\-]{1,255}")
FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_COMM,_PID,__REALTIME_TIMESTAMP"
FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_NAMED = re.compile(r"_SYSTEMD_UNIT=([A-Za-z0-9@:._-]+)")
_SILENCE = 60.0  # seconds without a byte from journalctl before it is given up
_ENTRY_LIMIT = 1 << 20  # bytes of one JSON object; with these fields it stays far below
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TAG = re.compile(r"[\s:\[\]]+")  # a program must not end its own tag
_BREAKS = re.compile(r"[\r\n\x00]+")  # an entry of several lines must not look like several entries


def is_name(source: str) -> bool:
    """Whether a source is named as "journal:UNIT"."""
    return source.startswith(PREFIX)


def units(matches: Iterable[str]) -> list[str]:
    """The units that matches of fail2ban's name ("_SYSTEMD_UNIT=…"), each by the name that its entries bear.

    fail2ban 1.0 asks for sshd.service, which on Debian is an alias of ssh.service and is in no entry (it finds them by
    _COMM=sshd, which any local user's program can bear).
    """
    return list(dict.fromkeys(_unaliased(unit) for match in matches for unit in _NAMED.findall(match)))


def _unaliased(unit: str) -> str:
    """What an alias stands for (systemd.unit(5): a link to a unit file of another name); any other name as it is."""
    for folder in FOLDERS:
        link = Path(folder, unit)
        if link.is_symlink():
            meant = link.readlink().name
            return meant if Path(meant).suffix == Path(unit).suffix and "@" not in meant else unit
        if link.exists():
            break
    return unit


class JournalUnit:
    """The entries of one unit; "line" of its events counts the entries from 1."""

    def __init__(self, source: str, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> None:
        self.stats = SourceStats(source)
        self._zone = zone
        self._command = ["journalctl", "-o", "json", "--no-pager", "--quiet", f"--output-fields={FIELDS}"]
        self._command.append(f"--unit={source.removeprefix(PREFIX)}")
        if since is not None:
            self._command.append(f"--since=@{int(since.timestamp())}")
        if until is not None:
            self._command.append(f"--until=@{int(until.timestamp()) + 1}")

    def chunks(self, lines: int) -> Generator[pl.DataFrame, None, None]:
        """Event frames in the journal's order, of at most `lines` entries each; counted in `stats`."""
        source = self.stats.source
        if UNIT.fullmatch(source.removeprefix(PREFIX)) is None:
            self.stats.add_problem(f"{source!r} is not the name of a unit")
            return
        texts = (as_syslog(entry) for entry in self._entries())
        fmt: formats.Format | None = None
        clock = formats.Clock(self._zone)
        while batch := list(itertools.islice(texts, lines)):
            first = self.stats.read + 1
            self.stats.read += len(batch)
            fmt = fmt or formats.guess(batch[:GUESS_LINES], source)
            if fmt is None:
                self.stats.add_problem(f"{source}: no format fits its entries")
                continue
            self.stats.format, self.stats.service = fmt.name, fmt.service
            numbers = pl.int_range(first, first + len(batch), dtype=pl.UInt32, eager=True)
            frame = pl.DataFrame({"raw": pl.Series(batch, dtype=pl.String), "line": numbers})
            parsed = fmt.parse(frame, source=source, clock=clock)
            self.stats.understood += parsed.understood
            yield parsed.events

    def _entries(self) -> Iterator[bytes]:
        """JSON lines, until journalctl ends, fails or says nothing for _SILENCE seconds."""
        source = self.stats.source
        with tempfile.TemporaryFile() as errors:
            try:
                child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
            except OSError as error:
                self.stats.add_problem(f"{source}: journalctl cannot be run ({error.strerror})")
                return
            assert child.stdout is not None  # noqa: S101 - a pipe was asked for
            with child:
                try:
                    yield from _lines_of(child.stdout.fileno())
                    code = child.wait(_SILENCE)
                except (TimeoutError, subprocess.TimeoutExpired):
                    self.stats.add_problem(f"{source}: journalctl said nothing for {_SILENCE:.0f} seconds")
                    return
                finally:
                    child.kill()  # nothing more is wanted of it; a no-op once it has ended
            if code:
                errors.seek(0)
                told = errors.read(300).decode("utf-8", "replace").strip().partition("\n")[0]
                self.stats.add_problem(f"{source}: journalctl failed ({told or code})")


def _lines_of(pipe: int) -> Iterator[bytes]:
    rest = b""
    while True:
        if not select.select([pipe], [], [], _SILENCE)[0]:
            raise TimeoutError
        data = os.read(pipe, 1 << 16)
        *lines, rest = (rest + data).split(b"\n")
        yield from (line for line in lines if line)
        if not data or len(rest) > _ENTRY_LIMIT:  # an endless entry ends the reading; journalctl writes none
            break
    if rest:
        yield rest


def as_syslog(entry: bytes) -> str:
    """A JSON entry as a syslog line with an ISO stamp in UTC; what cannot be read becomes a line no format knows."""
    try:
        fields = json.loads(entry)
        moment = _EPOCH + timedelta(microseconds=int(_text(fields["__REALTIME_TIMESTAMP"])))
        program = _text(fields.get("SYSLOG_IDENTIFIER")) or _text(fields.get("_COMM"))
        pid = _text(fields.get("_PID"))
        message = _text(fields.get("MESSAGE"))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return "not a journal entry"
    tag = _NO_TAG.sub("_", program) + (f"[{pid}]" if pid.isdecimal() else "")
    return f"{moment.isoformat(timespec='microseconds')} journal {tag}: {_BREAKS.sub(' ', message)}"


def _text(value: object) -> str:
    """A field's value: text, a list of byte values when it is no UTF-8, or a list of these when it is given often."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        if all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0])
    return ""
