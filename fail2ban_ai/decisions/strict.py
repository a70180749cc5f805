"""Strict reading of one JSON line that an enemy may have written. Standard library only.

An error names the field and what was expected, never the content: root reads these lines, and what it echoes may be
read by others.
"""

import json
import math
import unicodedata
from collections.abc import Iterable
from typing import Any, NoReturn

from fail2ban_ai.errors import DecisionError

LINE_LIMIT = 32 * 1024  # bytes of one line: 4 KiB of evidence, every character written as \uXXXX, and the rest
TIME_LIMIT = 253402300799.0  # the last second of the year 9999, as datetime knows it

# Control, format (bidirectional overrides among them), surrogate, private and unassigned characters, separators of
# lines and paragraphs: none of them may reach a terminal, a mail or fail2ban's database.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> bool:
    """Whether every character of `text` shows itself."""
    return text.isprintable() or all(unicodedata.category(char) not in _HIDDEN for char in text)


def clean(text: str, limit: int) -> str:
    """`text` with hidden characters written out (\\x00, \\u202e), at most `limit` characters."""
    if text.isprintable():
        return text[:limit]
    shown = "".join(_shown(char) for char in text[:limit])
    return shown if len(shown) <= limit else shown[:limit]


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def load(line: str, keys: Iterable[str]) -> dict[str, Any]:
    """The JSON object in `line`, which must have exactly these keys."""
    try:
        found = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError):
        raise DecisionError("the line is not one JSON object") from None
    if not isinstance(found, dict) or found.keys() != set(keys):
        raise DecisionError("the line does not have exactly the keys expected")
    return found


def text(found: dict[str, Any], key: str, limit: int, *, empty: bool = False) -> str:
    """A string of visible characters."""
    value = found[key]
    if not isinstance(value, str) or len(value) > limit or not (value or empty) or not visible(value):
        raise DecisionError(f"{key}: expected a text of at most {limit} characters without control characters")
    return value


def choice(found: dict[str, Any], key: str, choices: Iterable[str]) -> str:
    """One of the words expected."""
    value = found[key]
    if not isinstance(value, str) or value not in choices:
        raise DecisionError(f"{key}: expected one of {', '.join(choices)}")
    return value


def number(found: dict[str, Any], key: str, top: float) -> float:
    """A finite number from 0 to `top`; true and false are no numbers."""
    value = found[key]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= top
        or not math.isfinite(value)
    ):
        raise DecisionError(f"{key}: expected a number from 0 to {top:g}")
    return float(value)


def count(found: dict[str, Any], key: str, top: int) -> int:
    """A whole number from 0 to `top`."""
    value = found[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= top:
        raise DecisionError(f"{key}: expected a whole number from 0 to {top}")
    return value


def texts(found: dict[str, Any], key: str, most: int, limit: int) -> tuple[str, ...]:
    """A list of at most `most` strings."""
    value = found[key]
    if not isinstance(value, list) or len(value) > most:
        raise DecisionError(f"{key}: expected a list of at most {most} texts")
    return tuple(text({key: one}, key, limit, empty=True) for one in value)


def canonical(values: dict[str, Any]) -> str:
    """The one way to write these values down, in ASCII, on one line."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
