"""Append-only logs of JSON lines that survive a crash at any point. Standard library only.

Writing: a line is one write(2) on a file opened with O_APPEND, under a lock, and is on disk when `append` returns. What
a full disk let through in part is taken back; half a line that a crash left the next writer ends first, so that a
reader loses the torn line only.

Reading: `Reader` goes on from where it was told to (`commit`), over rotation by rename and by truncation, counts bad
lines instead of stopping at them, and leaves a last line without its end for the next time. Reading a line twice is
possible (after truncation, or a crash before `commit`), losing one is not: what is carried out is idempotent by id.
"""

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from fail2ban_ai import paths
from fail2ban_ai.decisions.strict import LINE_LIMIT
from fail2ban_ai.errors import DecisionError

T = TypeVar("T")

_HEAD = 512  # bytes at the start of the file whose hash tells whether it is still the same one
_ERRORS_KEPT = 20


def append(path: Path, *lines: str) -> None:
    """Add lines (without their ends) to the log at `path`, made with mode 0644 where missing.

    On disk when this returns. OSError when the disk is full or the path is a link: then none of them counts as written,
    and writing them again is right.
    """
    paths.make_folder(path.parent)
    handle = _locked(path)
    try:
        size = os.fstat(handle).st_size
        if size == 0 and os.geteuid() == 0:  # whoever owns the folder goes on writing to what root began
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        content = ("\n" if torn else "").encode() + "".join(f"{line}\n" for line in lines).encode()
        try:
            if os.write(handle, content) != len(content):
                raise OSError(f"{path}: only a part was written; is the disk full?")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)  # the lines that did fit would stand there twice when all are written again
            raise
    finally:
        os.close(handle)
    if size == 0:
        paths.sync_folder(path.parent)


def _locked(path: Path) -> int:
    """The log open for appending, with its lock held."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                # Root may be lured through the watcher's folder.
                raise OSError(f"{path} is not a regular file of one name")
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == status.st_ino:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # while we waited it was put in another one's place: what is written here would be lost


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log was read: up to `offset` of the file `inode`, whose first `head` bytes have the hash `sha256`."""

    inode: int = 0
    offset: int = 0
    line: int = 0
    head: int = 0
    sha256: str = ""


class Reader(Generic[T]):
    """Reads what was appended to a log since the position kept in the file `state` (None: in memory, from the start).

    `bad` counts lines that were no valid record, `errors` keeps the newest of their errors, each with its line number.
    """

    def __init__(self, path: Path, parse: Callable[[str], T], state: Path | None = None) -> None:
        self.path = path
        self.bad = 0
        self.errors: list[DecisionError] = []
        self._parse = parse
        self._state = state
        self._at = self._kept = _load(state)

    def poll(self) -> Iterator[T]:
        """The records that are complete by now. A file that is not there has none.

        Call `commit` after carrying a record out: it makes the position after the record last yielded the lasting one.
        OSError when the path is a link or no regular file: neither is ever a log.
        """
        # Rotated since we last looked, perhaps more than once: then what stands in the older part is read first, from
        # where we were in it, or all of it.
        older = self.path.with_name(self.path.name + ".1")
        for path in (self.path,) if self._is_at(self.path) else (older, self.path):
            try:
                file = _open(path)
            except FileNotFoundError:
                continue
            with file:
                if not self._same(file):
                    self._at = Position(inode=os.fstat(file.fileno()).st_ino)
                yield from self._read(file)

    def commit(self) -> None:
        """Remember on disk that everything yielded so far is done."""
        if self._state is not None and self._at != self._kept:
            paths.replace(self._state, json.dumps(asdict(self._at)))
            self._kept = self._at

    def _is_at(self, path: Path) -> bool:
        """Whether the position lies in this file; OSError as `poll`."""
        try:
            with _open(path) as file:
                return self._same(file)
        except FileNotFoundError:
            return False

    def _same(self, file: BinaryIO) -> bool:
        at, status = self._at, os.fstat(file.fileno())
        if status.st_ino != at.inode or status.st_size < at.offset:
            return False
        return hashlib.sha256(os.pread(file.fileno(), at.head, 0)).hexdigest() == at.sha256 if at.head else True

    def _read(self, file: BinaryIO) -> Iterator[T]:
        offset, number, head = self._at.offset, self._at.line, self._at.head
        file.seek(offset)
        while True:
            raw, length = _line(file)
            if length == 0:
                return
            offset += length
            number += 1
            head = min(offset, _HEAD)
            sha256 = (
                hashlib.sha256(os.pread(file.fileno(), head, 0)).hexdigest()
                if head != self._at.head
                else self._at.sha256
            )
            self._at = Position(self._at.inode, offset, number, head, sha256)
            try:
                if raw is None:
                    raise DecisionError(f"the line is longer than {LINE_LIMIT} bytes")
                record = self._parse(raw.decode("ascii"))
            except UnicodeDecodeError:
                self._note(number, "the line is not ASCII")
            except DecisionError as error:
                self._note(number, str(error))
            else:
                yield record

    def _note(self, number: int, message: str) -> None:
        self.bad += 1
        self.errors = [*self.errors, DecisionError(f"{self.path.name}, line {number}: {message}")][-_ERRORS_KEPT:]


def _open(path: Path) -> BinaryIO:
    """The log for reading; a link, a pipe or a device in its place is refused without waiting on it."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is not a regular file")
    return os.fdopen(handle, "rb")


def _line(file: BinaryIO) -> tuple[bytes | None, int]:
    """The next complete line without its end (None when it is too long) and its length; length 0 when there is none."""
    raw = file.readline(LINE_LIMIT + 1)
    if raw.endswith(b"\n"):
        return raw[:-1], len(raw)
    length = len(raw)
    while len(raw) > 0:  # a line without end costs no memory, and is skipped once its end is there
        raw = file.readline(LINE_LIMIT)
        length += len(raw)
        if raw.endswith(b"\n"):
            return None, length
    return None, 0


def _load(state: Path | None) -> Position:
    """The position kept, or the start when there is none or it cannot be understood: reading again does no harm."""
    text = None if state is None else paths.read_trusted(state)
    try:
        return Position(**json.loads(text)) if text else Position()
    except (ValueError, TypeError):
        return Position()


def read_all(path: Path, parse: Callable[[str], T]) -> list[T]:
    """Every valid record of a log that root wrote itself; none when there is no file."""
    return list(Reader(path, parse).poll())
