"""Decoding, round after round, until nothing changes."""

import re
from typing import NamedTuple

from fail2ban_ai.canonical.escapes import decode_once, plus_to_space
from fail2ban_ai.canonical.plain import GAP, bounded, cut, normalise, without_comments
from fail2ban_ai.canonical.wrapped import may_hold_base64, without_base64

LIMIT = 400  # characters of a canonical text
ROUNDS = 5  # of decoding; nothing honest is encoded more than twice

_HEAD = 280  # of LIMIT; the tail keeps the rest, as payloads stand at either end of a padded target

_UNCLEAN = re.compile(r"[^!-$'-*,-\[\]-~]")  # anything but visible ASCII without % & + and backslash
_AMPERSANDS = re.compile(r"[^!-$&-*,-\[\]-~]|&#|&[a-zA-Z]{2,31};")  # the same when & only separates parameters


class Canonical(NamedTuple):
    """A decoded text: at most LIMIT characters, lower case, whitespace folded, valid Unicode."""

    text: str
    layers: int  # rounds of decoding that changed something: 1 for any ordinary percent-encoded URL
    changed: float  # share of the raw length that decoding took away, 0..1


def canonical(text: str) -> Canonical:
    """Decode %XX, %uXXXX, + in queries, HTML entities, \\xNN, \\NNN and \\uNNNN, until nothing changes (or ROUNDS).

    Values in base64 that hold a payload are decoded before, once: letter case matters there.

    Then SQL comments become spaces (MySQL's /*!50000 … */ its content), compatibility forms (full width letters) their
    plain ones, control characters a visible stand-in. `..` and `//` in paths are kept: they mean something. Text over
    LIMIT keeps its head and tail around an ellipsis. Takes any string, lone surrogates too, and never raises.
    """
    if len(text) <= LIMIT and _is_plain(text):
        return Canonical(text.lower(), 0, 0.0)
    raw = bounded(text)
    current, layers = _decoded(raw)
    changed = max(0.0, 1 - len(current) / len(raw)) if raw else 0.0
    return Canonical(cut(current, _HEAD, LIMIT - _HEAD - len(GAP)), layers, round(changed, 4))


def whole(text: str) -> str:
    """What `canonical` cuts to LIMIT; a gap stands where a raw text is too long to be read."""
    return text.lower() if len(text) <= LIMIT and _is_plain(text) else _decoded(bounded(text))[0]


def _decoded(raw: str) -> tuple[str, int]:
    """The decoded text, and in how many rounds."""
    plain = without_base64(raw)
    current = normalise(plain)
    layers = int(plain != raw)
    for i in range(ROUNDS):
        decoded = decode_once(plus_to_space(current, first=i == 0))
        if decoded == current:
            break
        current = normalise(decoded)
        layers += 1
    return " ".join(without_comments(current).split()), layers


def canonical_many(texts: list[str]) -> list[Canonical]:
    """`canonical` of each text, in order."""
    return [
        Canonical(text.lower(), 0, 0.0) if len(text) <= LIMIT and _is_plain(text) else canonical(text) for text in texts
    ]


def _is_plain(text: str) -> bool:
    if "/*" in text or may_hold_base64(text):
        return False
    found = _UNCLEAN.search(text)
    return found is None or (found[0] == "&" and _AMPERSANDS.search(text, found.start()) is None)
