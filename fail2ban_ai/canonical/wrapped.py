"""Parameter values in base64 (RFC 4648, section 4 or 5) that hold text which means something to a shell or database."""

import base64
import re

_VALUE = re.compile(r"(?<==)(?P<body>(?:[A-Za-z0-9+/_-]|%2[BbFf]){12,})(?P<end>(?:=|%3[Dd]){0,2})(?=[&#;\s]|$)")
_ESCAPED = {"%2b": "+", "%2f": "/"}
_TELLING = frozenset("<>'\"();|$`\\ /")  # a token decodes to noise, a word to a word


def may_hold_base64(text: str) -> bool:
    """Whether a value of the text looks like base64; most values that do are tokens, which stay as they are."""
    return "=" in text and _VALUE.search(text) is not None


def without_base64(text: str) -> str:
    """The text with each such value decoded, once; one that does not decode to telling, printable ASCII is left."""
    return _VALUE.sub(_decoded, text)


def _decoded(match: re.Match[str]) -> str:
    body = re.sub("%2[BbFf]", lambda found: _ESCAPED[found[0].lower()], match["body"])
    body = body.replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
    except ValueError:  # of an impossible length, or noise
        return match[0]
    return text if text.isprintable() and _TELLING & set(text) else match[0]
