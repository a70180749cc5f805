"""How far a source was read, in a form that survives rotation, copying and compression of the log."""

import hashlib
import json
from dataclasses import asdict, dataclass

HEAD = 512  # bytes at the start of a log whose hash tells whether it is still the same one


@dataclass(frozen=True, slots=True)
class Position:
    """Up to `offset` bytes and `line` lines of the log file `inode`, whose first `head` bytes have the hash `sha256`.

    Offsets count bytes of the log, uncompressed. Of a journal unit: up to the entry `cursor`, the `line`th one read.
    `at` is when that was read (seconds since the epoch, by the clock on the wall).
    """

    inode: int = 0
    offset: int = 0
    line: int = 0
    head: int = 0
    sha256: str = ""
    inside: bool = False  # the offset lies within a line that is over the limit and was cut
    cursor: str = ""
    at: float = 0.0


def fingerprint(start: bytes) -> str:
    """The hash of the first bytes of a log."""
    return hashlib.sha256(start).hexdigest()


def to_text(position: Position) -> str:
    """The position as JSON."""
    return json.dumps(asdict(position))


def from_text(text: str) -> Position | None:
    """The position that a text of `to_text` says; None for any other text."""
    try:
        return Position(**json.loads(text))
    except (ValueError, TypeError):
        return None
