"""What a regex of ours is built from: pieces that carry a text they match, so that samples need no real line."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fail2ban_ai.rules.escape import is_plain, literal


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a regex, and an example of what it matches."""

    regex: str
    example: str


# From the narrowest on: regex of one character, and a character for examples.
_CLASSES = (
    (r"\d", "7"),
    (r"[a-z]", "a"),
    (r"[\da-f]", "a"),
    (r"[a-z\d]", "a"),
    (r"[A-Za-z\d]", "a"),
    (r"[\w-]", "a"),
    (r"[\w.-]", "a"),
    (r"[^\s/\"?&=]", "a"),
    (r"[^\s\x3c\x3e]", "a"),
    (r"[^\s\"&]", "a"),
    (r"[^\s\"]", "a"),
    (r"[^\"]", "a"),
)
_COMPILED = tuple((text, re.compile(text), example) for text, example in _CLASSES)
LONGEST = 400  # characters that a gap may span
_NUMBER = 5  # digits of a port or a process id
_ROOM = 1.5  # a gap is let grow by half over what was seen


def exact(text: str) -> Piece:
    """A piece for printable ASCII as it stands."""
    return Piece(literal(text), text)


def gap(values: Iterable[str], following: str) -> Piece | None:
    """The narrowest bounded class that all `values` lie in and whose end `following` (one character) marks.

    None when there is none: the next character occurs in a value, or a value is longer than LONGEST.
    """
    seen = set(values)
    letters = set("".join(seen))
    shortest, longest = min(map(len, seen)), max(map(len, seen))
    if not letters or longest > LONGEST or following in letters:
        return None
    if not all(is_plain(char) for char in letters):
        return None
    for text, compiled, example in _COMPILED:
        if all(compiled.match(char) for char in letters) and not compiled.match(following):
            most = min(LONGEST, max(int(longest * _ROOM), longest + 1))
            most = _NUMBER if text == r"\d" and longest <= _NUMBER else most
            # The shortest text seen is the least asked for: a gap that may be empty only where one was.
            count = f"{{{min(shortest, 1)},{most}}}"
            size = max(1, min(shortest, most))
            return Piece(text + count, (example * size)[:size])
    return None


def join(pieces: Sequence[Piece]) -> Piece:
    """Pieces one after the other, as one."""
    return Piece("".join(piece.regex for piece in pieces), "".join(piece.example for piece in pieces))


def either(pieces: Sequence[Piece]) -> Piece:
    """One of several pieces; the first one is the example."""
    if len(pieces) == 1:
        return pieces[0]
    return Piece(f"(?:{'|'.join(piece.regex for piece in pieces)})", pieces[0].example)
