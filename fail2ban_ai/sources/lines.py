"""The lines of one file, plain or gzip, in blocks of bounded size, whatever the file holds."""

import contextlib
import gzip
import os
import stat
import zlib
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

import polars as pl

from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources.stats import SourceStats

LINE_LIMIT = 65536  # bytes; the rest of a longer line is dropped
BLOCK = 4 << 20  # bytes of whole lines handled at once

_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
_GZIP = b"\x1f\x8b"
_BINARY_SHARE = 0.1  # of control bytes in the first 8 KiB; a log damaged by a power cut holds runs of NUL, but later on
_BINARY_LEAST = 64
_NOT_TEXT = bytes(code for code in range(32) if code not in b"\t\n\r\x1b")


class _Bytes(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> int: ...
    def tell(self) -> int: ...


class LineFile:
    """One opened log. `position` is the bytes of the file (compressed ones for gzip) consumed so far.

    Raises SourceError with the reason when the path is no readable log at all. Trouble later on ends the lines and is
    told in `stats`.
    """

    def __init__(self, path: str, stats: SourceStats) -> None:
        self._stats = stats
        self._raw = open_regular(path)
        magic = self._raw.peek(8192)[:8192]
        self.compressed = magic.startswith(_GZIP)
        strange = len(magic) - len(magic.translate(None, _NOT_TEXT))
        if not self.compressed and strange > max(_BINARY_LEAST, len(magic) * _BINARY_SHARE):
            self._raw.close()
            raise SourceError(f"{path} is a binary file, not a log")
        # fileobj keeps the position in the compressed file at hand
        self._handle: _Bytes = gzip.GzipFile(fileobj=self._raw) if self.compressed else self._raw

    @property
    def position(self) -> int:
        """Bytes of the file as stored, 0 once it is closed."""
        return self._raw.tell() if not self._raw.closed else 0

    def frames(self, lines: int) -> Generator[pl.DataFrame, None, None]:
        """Frames with columns raw (String) and line (UInt32, from 1), blank lines left out, at most `lines` rows each.

        Bytes that are no UTF-8 become U+FFFD. Only a line feed ends a line; a carriage return before it is dropped.
        """
        number = 1
        with self._raw:
            for block in self._blocks():
                frame = split(block, number)
                number += frame.height
                yield from frame.filter(pl.col("raw").str.contains(r"\S")).iter_slices(lines)

    def sample(self, apart: int) -> list[bytes]:
        """A line of each `apart` bytes, in order; what lies between is passed over. Damage only ends it."""
        lines = []
        file = self._handle
        with self._raw, contextlib.suppress(OSError, *_DAMAGE):
            while line := file.readline(LINE_LIMIT):
                lines.append(line.removesuffix(b"\n"))
                file.seek(file.tell() - len(line) + apart)
                while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                    pass
        return lines

    def count(self) -> int:
        """How many lines there are."""
        with self._raw:
            return sum(block.count(b"\n") + 1 for block in self._blocks())

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines without the last one's line feed; no line is longer than LINE_LIMIT."""
        rest = b""
        skipping = False  # inside a line that is over the limit already
        for data in self._data():
            cut = data.rfind(b"\n")
            if cut < 0:
                rest = rest if skipping else rest + data
            else:
                head = data[data.find(b"\n") :] if skipping else data
                yield self._limited(rest + head[: head.rfind(b"\n")])
                rest, skipping = data[cut + 1 :], False
            if len(rest) > LINE_LIMIT and not skipping:
                skipping = True
                rest = rest[: LINE_LIMIT + 1]  # one byte over, so that it is counted when it is cut
        if rest:
            yield self._limited(rest)

    def _limited(self, block: bytes) -> bytes:
        # A window of LINE_LIMIT bytes without a line feed is what an overlong line must have; most blocks have none.
        starts = range(0, len(block), LINE_LIMIT // 2)
        if all(block.find(b"\n", at, at + LINE_LIMIT // 2) >= 0 for at in starts if at + LINE_LIMIT // 2 <= len(block)):
            return block
        lines = block.split(b"\n")
        self._stats.truncated += sum(len(line) > LINE_LIMIT for line in lines)
        return b"\n".join(line[:LINE_LIMIT] for line in lines)

    def _data(self) -> Iterator[bytes]:
        """Pieces of about BLOCK bytes. read1 hands out what a broken gzip file gave before it broke."""
        pieces: list[bytes] = []
        size = 0
        name = self._stats.source
        try:
            while data := self._handle.read1(BLOCK):
                pieces.append(data)
                size += len(data)
                if size >= BLOCK:
                    yield b"".join(pieces)
                    pieces, size = [], 0
        except _DAMAGE as error:
            self._stats.add_problem(f"{name} is a damaged gzip file ({error}): read up to the damage")
        except OSError as error:
            self._stats.add_problem(f"{name} could not be read to its end: {error.strerror or error}")
        else:
            if os.fstat(self._raw.fileno()).st_size < self._raw.tell():
                self._stats.add_problem(f"{name} shrank while it was read: some lines may be missing or doubled")
        if pieces:
            yield b"".join(pieces)


def open_regular(path: str) -> BufferedReader:
    """The opened file; SourceError when it cannot be opened or is a folder, pipe or device."""
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise SourceError(f"{path} is {'a directory' if stat.S_ISDIR(mode) else 'no regular file'}, not a log")
    return os.fdopen(handle, "rb")


def split(block: bytes, first: int) -> pl.DataFrame:
    """The lines of a block (raw, line), the first of them numbered `first`; blank ones too."""
    # A line feed at the end, else an empty last line would be none; and one at the start, else Polars would unpack a
    # block that begins like a compressed file.
    block = b"\n" + block + b"\n"
    try:
        raw = pl.read_lines(block, name="raw")
    except pl.exceptions.ComputeError:  # bytes that are no UTF-8
        raw = pl.read_lines(block.decode("utf-8", "replace").encode(), name="raw")
    raw = raw.slice(1)
    return raw.with_columns(pl.int_range(first, first + raw.height, dtype=pl.UInt32).alias("line"))


def size_of(path: str) -> int:
    """Bytes of the file as stored; 0 when it cannot be asked."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0
