"""Undo what attackers encode, so that one payload in ten encodings is one text. Deterministic, linear time.

`canonical` decodes a request target (or a referer, or a bare value), `unpadded` takes harmless parameters out where
there are many, `mask` hides what merely varies in a decoded text (numbers, identifiers), `path_key` names the place of
a site that a target asks for.
"""

import re
from typing import NamedTuple

from fail2ban_ai.canonical.escapes import decode_once, plus_to_space
from fail2ban_ai.canonical.masking import mask
from fail2ban_ai.canonical.padding import unpadded
from fail2ban_ai.canonical.plain import GAP, RAW_HEAD, bounded, cut, normalise, without_comments
from fail2ban_ai.canonical.wrapped import may_hold_base64, without_base64

__all__ = ["LIMIT", "Canonical", "canonical", "canonical_many", "mask", "path_key", "unpadded"]

LIMIT = 400  # characters of a canonical text
ROUNDS = 5  # of decoding; nothing honest is encoded more than twice

_HEAD = 280  # of LIMIT; the tail keeps the rest, as payloads stand at either end of a padded target
_NAMES = 24  # parameter names in a path key
_NAME_LIMIT = 40

_UNCLEAN = re.compile(r"[^!-$'-*,-\[\]-~]")  # anything but visible ASCII without % & + and backslash
_AMPERSANDS = re.compile(r"[^!-$&-*,-\[\]-~]|&#|&[a-zA-Z]{2,31};")  # the same when & only separates parameters
_ORIGIN = re.compile(r"^([a-z][a-z0-9+.-]{1,15}://)[^/]*")


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
    plain = without_base64(raw)
    current = normalise(plain)
    layers = int(plain != raw)
    for i in range(ROUNDS):
        decoded = decode_once(plus_to_space(current, first=i == 0))
        if decoded == current:
            break
        current = normalise(decoded)
        layers += 1
    current = " ".join(without_comments(current).split())
    changed = max(0.0, 1 - len(current) / len(raw)) if raw else 0.0
    return Canonical(cut(current, _HEAD, LIMIT - _HEAD - len(GAP)), layers, round(changed, 4))


def canonical_many(texts: list[str]) -> list[Canonical]:
    """`canonical` of each text, in order."""
    return [
        Canonical(text.lower(), 0, 0.0) if len(text) <= LIMIT and _is_plain(text) else canonical(text) for text in texts
    ]


def path_key(target: str) -> str:
    """The place a request target asks for: its decoded, masked path and its sorted parameter names without values.

    "/Item/1234?b=2&a=1" and "/item/99?a=x&b=y" are both "/item/0?a&b". The host of an absolute URL is left out.
    """
    path, _, query = target.partition("?")
    place = _ORIGIN.sub(r"\1<host>", mask(canonical(path).text))
    if not query:
        return place
    pairs = query[:RAW_HEAD].split("&", _NAMES)[:_NAMES]
    names = {mask(canonical(pair.partition("=")[0]).text)[:_NAME_LIMIT] for pair in pairs}
    query = "&".join(sorted(names - {""}))
    return f"{place}?{query}" if query else place


def _is_plain(text: str) -> bool:
    if "/*" in text or may_hold_base64(text):
        return False
    found = _UNCLEAN.search(text)
    return found is None or (found[0] == "&" and _AMPERSANDS.search(text, found.start()) is None)
