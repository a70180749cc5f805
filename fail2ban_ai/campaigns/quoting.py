"""Values from logs, made fit to stand in a sentence that a person reads in a terminal, a mail or a page."""

import unicodedata

VALUE_LIMIT = 80  # characters of one quoted value


def quote(value: str, limit: int = VALUE_LIMIT) -> str:
    """The value in double quotes, cut to `limit` characters, with every character that is not plain text escaped.

    Control and format characters (terminal escapes, line breaks, right-to-left marks, zero-width characters),
    surrogates, private use, line separators and odd spaces become \\xNN, \\uNNNN or \\UNNNNNNNN; so do the quote and
    the backslash, so that no value can end its own quotation.
    """
    parts: list[str] = []
    size = 0
    for character in value[: limit + 1]:
        part = _escape(character)
        if size + len(part) > limit:
            parts.append("…")
            break
        parts.append(part)
        size += len(part)
    return '"' + "".join(parts) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == " " or (unicodedata.category(character)[0] not in "CZM" and character.isprintable()):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
