"""One round of decoding: every escape that stands in a text, each replaced once, in a single linear pass."""

import codecs
import re
from html.entities import html5

_HEX = "[0-9a-fA-F]"
_ESCAPE = re.compile(
    rf"(?P<percent>(?:%{_HEX}{{2}})+)"
    rf"|(?P<unicode>(?:[%\\][uU]{_HEX}{{4}})+)"
    rf"|(?P<hex>(?:\\[xX]{_HEX}{{2}})+)"  # nginx logs raw bytes so; JavaScript and Python write them so
    r"|(?P<octal>(?:\\[0-3][0-7]{2})+)"
    rf"|\\[uU]\{{(?P<braced>{_HEX}{{1,6}})\}}"
    rf"|&#(?:[xX](?P<entity_hex>{_HEX}{{1,8}})|(?P<entity>[0-9]{{1,8}}));?"
    r"|&(?P<named>[a-zA-Z]{2,31});"
)
_STARTS = re.compile(r"[%\\&]")


def plus_to_space(text: str, *, first: bool) -> str:
    """Form encoding's + becomes a space in the query (in all of a bare value), while another layer is being undone.

    Later rounds do it only where percent escapes are left: a + that was written %2B is a plus, not a space.
    """
    if "+" not in text or not (first or "%" in text):
        return text
    path, mark, query = text.partition("?")
    if mark:
        return path + mark + query.replace("+", " ")
    return text if text.startswith("/") or "://" in text else text.replace("+", " ")


def decode_once(text: str) -> str:
    """The text with each escape replaced by what it stands for; what comes out is not read again."""
    return _ESCAPE.sub(_replace, text) if _STARTS.search(text) else text


def _replace(match: re.Match[str]) -> str:
    kind = match.lastgroup
    found = match[0]
    if kind == "percent":
        return _bytes_to_text(bytes.fromhex(found.replace("%", "")))
    if kind == "hex":
        return _bytes_to_text(bytes.fromhex(re.sub(r"\\[xX]", "", found)))
    if kind == "octal":
        return _bytes_to_text(bytes(int(digits, 8) for digits in found.split("\\")[1:]))
    if kind == "unicode":  # UTF-16 units, so that surrogate pairs join
        units = bytes.fromhex(re.sub(r"[%\\][uU]", "", found))
        return units.decode("utf-16-be", "replace")
    if kind == "named":
        name = match["named"] + ";"
        return html5.get(name) or html5.get(name.lower(), found)
    code = int(match["entity"]) if kind == "entity" else int(match[kind or 0], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _bytes_to_text(raw: bytes) -> str:
    return raw.decode("utf-8", "fail2ban_ai.lenient")


def _lenient(error: UnicodeError) -> tuple[str, int]:
    """What servers made of broken UTF-8: an overlong form its character, any other byte its Latin-1 character.

    Overlong forms (%c0%ae for a dot, %e0%80%af for a slash; also %c0%2f, whose second byte is no continuation) passed
    the path checks of several servers: CVE-2000-0884, CVE-2008-2938.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    raw, at = error.object, error.start
    lead = raw[at]
    if lead in (0xC0, 0xC1) and at + 1 < len(raw):
        return chr((lead & 0x1F) << 6 | raw[at + 1] & 0x3F), at + 2
    size = 3 if lead == 0xE0 else 4 if lead == 0xF0 else 0
    rest = raw[at + 1 : at + size]
    if size and len(rest) == size - 1 and all(byte >> 6 == 0b10 for byte in rest):
        code = 0
        for byte in rest:  # an overlong form's lead byte carries no bits
            code = code << 6 | byte & 0x3F
        return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd", at + size
    return chr(lead), at + 1


codecs.register_error("fail2ban_ai.lenient", _lenient)
