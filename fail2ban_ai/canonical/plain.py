"""One spelling for what looks or works alike: Unicode forms, control characters, SQL comments."""

import re
import unicodedata

GAP = "…"

# Longer raw texts are cut in the middle before any work: bounds the time, and what the cut takes would seldom be among
# the few hundred characters that are kept.
RAW_HEAD, _RAW_TAIL = 4096, 2048

_BLOCK = 256  # normalising a run of combining marks takes quadratic time; in blocks it cannot hurt

# A server's "best fit" conversion makes these quotes of it.
_QUOTES = str.maketrans("\u2018\u2019\u02bc\u02b9\u2032\u201c\u201d\u02ba\u2033", "'''''\"\"\"\"")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(
    "[\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)  # whitespace (\t, \n …, \x1c-\x1f, \x85) is folded later
_VERSION = re.compile(r"!\d{0,6}")


def normalise(text: str) -> str:
    """Lower case, compatibility forms (NFKC) plain, control characters visible, no lone surrogate."""
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
        text = "".join(unicodedata.normalize("NFKC", text[i : i + _BLOCK]) for i in range(0, len(text), _BLOCK))
        text = bounded(text)  # one character's compatibility form can be eighteen
        text = _INVISIBLE.sub("", text.translate(_QUOTES))
    text = text.lower()
    if text.isprintable():
        return text
    # Header injection needs the pair; a lone line feed is only a way to write a space.
    return _CONTROL.sub("␦", text.replace("\0", "␀").replace("\r\n", "␍␊"))


def cut(text: str, head: int, tail: int) -> str:
    """The text, or its head and tail around an ellipsis where it is longer than all three."""
    if len(text) <= head + len(GAP) + tail:
        return text
    return f"{text[:head]}{GAP}{text[-tail:]}"


def bounded(text: str) -> str:
    """The part of a text that is worked on."""
    return cut(text, RAW_HEAD, _RAW_TAIL)


def without_comments(text: str) -> str:
    """SQL comments as the one space they work as; MySQL's conditional comment as its content."""
    start = text.find("/*")
    if start < 0:
        return text
    parts = []
    done = 0
    while start >= 0:
        end = text.find("*/", start + 2)
        if end < 0:
            break
        parts.append(text[done:start])
        version = _VERSION.match(text, start + 2, end)
        parts.append(f" {text[version.end() : end]} " if version else " ")
        done = end + 2
        start = text.find("/*", done)
    return "".join(parts) + text[done:]
