"""Hide what merely varies: /item/1234 and /item/99 are one text."""

import re

_LONG = re.compile(
    r"(?<![0-9a-z])(?:"
    r"(?P<uuid>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-z]))"
    r"|0x(?P<literal>[0-9a-f]{4,})(?![0-9a-z])"
    r"|(?P<word>[0-9a-z]{12,}))",
    re.IGNORECASE,
)
_DIGITS = re.compile("[0-9]+")
_NOT_HEX = re.compile("[g-z]", re.IGNORECASE)


def mask(text: str) -> str:
    """Runs of digits as 0; UUIDs, hexadecimal words of 12 and random-looking words of 20 characters as <id>.

    A word of 40 characters or more is <id> whatever it holds; 0x literals of SQL stay recognisable as 0x<id>.
    """
    return _DIGITS.sub("0", _LONG.sub(_placeholder, text))


def _placeholder(match: re.Match[str]) -> str:
    word = match[0]
    if match.lastgroup == "uuid":
        return "<id>"
    if match.lastgroup == "literal":
        return "0x<id>"
    digits = sum(map(word.count, "0123456789"))
    if digits == len(word):
        return "0"
    is_hex = digits > 0 and _NOT_HEX.search(word) is None
    is_random = len(word) >= 20 and digits >= 2
    return "<id>" if is_hex or is_random or len(word) >= 40 else word
