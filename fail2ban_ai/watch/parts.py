"""The files that one log has been and is: the live file and what rotation left of it, oldest first."""

import gzip
import itertools
import os
import zlib
from dataclasses import dataclass
from datetime import datetime

from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources import rotation
from fail2ban_ai.sources.lines import open_regular
from fail2ban_ai.watch.position import Position, fingerprint

_GZIP = b"\x1f\x8b"
_TRIES = 5  # a rotation moves all parts within milliseconds


class Part:
    """One opened file of a log, plain or gzip; `inode` is the file's. A damaged gzip file ends at its damage.

    Raises SourceError when the path is no readable log.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._raw = open_regular(path)
        self.inode = os.fstat(self._raw.fileno()).st_ino
        self._zipped = gzip.GzipFile(fileobj=self._raw) if self._raw.peek(2).startswith(_GZIP) else None
        self._last, self._last_at = b"", 0  # what was read last: going back in a gzip file means starting again

    def reaches(self, offset: int) -> bool:
        """Whether the log is at least so long; of a gzip file nobody knows before it is read."""
        return self._zipped is not None or os.fstat(self._raw.fileno()).st_size >= offset

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes of the log from `offset` on; fewer at the end, or at damage."""
        try:
            if self._zipped is None:
                return os.pread(self._raw.fileno(), size, offset)
            kept = b""
            if self._last_at <= offset <= self._last_at + len(self._last):
                kept = self._last[offset - self._last_at :][:size]
                self._zipped.seek(self._last_at + len(self._last))
            else:
                self._zipped.seek(offset)
            data = kept + self._zipped.read(size - len(kept))
        except (OSError, EOFError, zlib.error):
            return b""
        self._last, self._last_at = data, offset
        return data

    def is_same(self, position: Position) -> bool:
        """Whether this is the log that the position was taken in, or a copy of it, and reaches that far."""
        if not position.head:
            return self.inode == position.inode
        start = self.read(0, position.head) if self.reaches(position.offset) else b""
        return len(start) == position.head and fingerprint(start) == position.sha256

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


@dataclass(frozen=True, slots=True)
class Start:
    """An opened part to read, and from where: after `offset` bytes and `line` lines."""

    part: Part
    offset: int = 0
    line: int = 0
    inside: bool = False
    last: datetime | None = None  # no line of it was written after this; None: the live file


def plan(path: str, position: Position | None, since: datetime) -> list[Start]:
    """What of a log is still to be read, oldest part first, the live file last if it is there.

    Without a position: everything that may hold lines since `since`. With one: from there on, wherever rotation has
    put that file by now. Where it is nowhere any more, what was written after it was read. The parts are opened all at
    once, so that a rotation under way changes nothing any more.

    Raises:
        SourceError: none can be read; the message is about the live file.
    """
    opened = _open_all(path)
    found = _find(opened, position) if position else None
    if position is not None and found is not None:
        held = opened[found]
        opened[found] = Start(held.part, position.offset, position.line, position.inside, held.last)
        wanted = opened[: found + 1]
    else:
        after = since if position is None else datetime.fromtimestamp(position.at, since.tzinfo)
        wanted = list(itertools.takewhile(lambda start: start.last is None or start.last >= after, opened))
    for start in opened[len(wanted) :]:
        start.part.close()
    return wanted[::-1]


def _open_all(path: str) -> list[Start]:
    """Every part that can be read, newest first."""
    opened: dict[str, Part] = {}
    problems: list[SourceError] = []
    for _ in range(_TRIES):
        names, opened, problems = _names(path), {}, []
        for name in names:
            try:
                opened[name] = Part(name)
            except SourceError as error:
                problems.append(error)
        if names == _names(path) and all(_inode(name) == part.inode for name, part in opened.items()):
            break
        for part in opened.values():
            part.close()  # they were moved meanwhile
        opened = {}
    if not opened:
        raise problems[0] if problems else SourceError(f"{path} is moved again and again")
    return [Start(part, last=None if name == path else rotation.last_written(name)) for name, part in opened.items()]


def _names(path: str) -> list[str]:
    """The parts that are there, newest first, the live file in any case."""
    return next(group for group in rotation.newest_first(rotation.parts_of(path)) if path in group)


def _inode(path: str) -> int:
    """0: cannot be told."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - paths are texts here
    except OSError:
        return 0


def _find(opened: list[Start], position: Position) -> int | None:
    """The place of the part that holds the position: the very file if there is one, else a copy of it."""
    same = [i for i, start in enumerate(opened) if start.part.is_same(position)]
    return next((i for i in same if opened[i].part.inode == position.inode), same[0] if same else None)
