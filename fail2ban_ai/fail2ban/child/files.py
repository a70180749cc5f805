"""Log files as bytes lines with bounded memory; what is wrong with a file becomes a note."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

LINE = 1 << 20  # bytes; what is over is dropped, as no log daemon writes such a line


def modified(path: str) -> float:
    """When the file was last written, in seconds since the epoch: for .gz the time that gzip kept, where it did."""
    if path.endswith(".gz"):
        with Path(path).open("rb") as file:
            head = file.read(8)
        kept = int.from_bytes(head[4:8], "little")  # RFC 1952, MTIME
        if head[:2] == b"\x1f\x8b" and kept:
            return float(kept)
    return Path(path).stat().st_mtime


def lines(path: str, notes: list[str]) -> Iterator[bytes]:
    """The lines of a file, plain or .gz, without their end."""
    try:
        with cast(BinaryIO, gzip.open(path, "rb")) if path.endswith(".gz") else Path(path).open("rb") as file:
            while line := file.readline(LINE):
                whole = line
                while len(line) == LINE and not line.endswith(b"\n"):
                    line = file.readline(LINE)
                yield whole.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        notes.append(f"{path}: {error}")
