"""From text of a log to text of a regex, and from a regex to a line of a fail2ban filter file, and back.

Three readers see what we write: fail2ban's ConfigParser (% interpolates, " ;" starts a comment), its tags (<word>) and
Python's re. So a literal is plain ASCII, and what any of the three takes for more is written as \\xNN.
"""

import re

_SPECIAL = set(r"\.^$*+?{}[]|()")
_CODED = set("<>;#")  # a tag's brackets, and what starts a comment


def literal(text: str) -> str:
    """A regex that matches exactly `text`; only for printable ASCII, which callers make sure of."""
    return "".join(_char(char) for char in text)


def _char(char: str) -> str:
    if char in _SPECIAL:
        return "\\" + char
    if char in _CODED:
        return f"\\x{ord(char):02x}"
    return char


def is_plain(text: str) -> bool:
    """Whether `literal` may be asked for this text."""
    return text.isascii() and (text.isprintable() or not text)


def to_config(regex: str) -> str:
    """The regex as it stands in a filter file; fail2ban's own %(…)s stays what it is."""
    return regex.replace("%", "%%").replace("%%(__prefix_line)s", "%(__prefix_line)s")


def from_config(text: str) -> str:
    """The regex that `to_config` wrote."""
    return re.sub(r"%%", "%", text)
