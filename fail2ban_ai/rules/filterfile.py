"""The filter of a suggested rule, read as hostile input: it lands in fail2ban's configuration as it stands.

fail2ban's configuration files can name actions, read other files, cut values at ` ;` and put values into others. None
of that is let through: a filter is lines of a fixed form, with the sections and keys below, each once.

    [INCLUDES]     before = common.conf
    [DEFAULT]      _daemon
    [Definition]   _daemon, failregex, ignoreregex (empty), datepattern, journalmatch

Standard library only.
"""

import re
from dataclasses import dataclass

from fail2ban_ai import decisions_strict
from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import suggestion

SIZE = 65_536  # characters
LINES = 400
_KEYS = {
    "INCLUDES": ("before",),
    "DEFAULT": ("_daemon",),
    "Definition": ("_daemon", "failregex", "ignoreregex", "datepattern", "journalmatch"),
}
_SECTION = re.compile(r"\[([A-Za-z]+)\]")
_OPTION = re.compile(r"([a-z_]+) *=(?: (.*))?")
_INTERPOLATED = ("%(__prefix_line)s", "%(_daemon)s")  # what another value may be put into
_TAGS = ("<ADDR>", "<F-USER>", "</F-USER>")
_NAMED = re.compile(r"\(\?P[<=]")
_DAEMON = re.compile(r"[A-Za-z0-9_.()|:?/\\\[\]+*-]{1,100}")
_JOURNALMATCH = re.compile(r"(?:[A-Z_]+=[A-Za-z0-9@:._-]+|\+)(?: (?:[A-Z_]+=[A-Za-z0-9@:._-]+|\+)){0,15}")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter says, as it is written: `%` is still doubled."""

    failregex: tuple[str, ...]
    datepattern: tuple[str, ...] = ()
    journalmatch: str = ""


def parse(text: str) -> Filter:
    """The filter that `text` is.

    Raises:
        RuleError: anything in it has another form than the module says; the message names line and expectation.
    """
    if len(text) > SIZE or text.count("\n") > LINES:
        raise RuleError(f"filter.conf: expected at most {LINES} lines and {SIZE} characters")
    if not text.endswith("\n"):
        raise RuleError("filter.conf: its last line has no end")
    values: dict[tuple[str, str], list[str]] = {}
    sections: set[str] = set()
    section, current = "", None
    for number, line in enumerate(text[:-1].split("\n"), 1):
        _check_characters(number, line)
        if not line or line.startswith("#"):
            current = None
            continue
        if line.startswith(" "):
            if current is None or line.lstrip(" ")[:1] in ("", "#", ";"):
                raise _wrong(number, "an indented line goes on with the value right before it")
            current.append(line.strip(" "))
        elif header := _SECTION.fullmatch(line):
            section, current = header[1], None
            if section not in _KEYS or section in sections:
                raise _wrong(number, f"expected one of the sections {', '.join(_KEYS)}, each once")
            sections.add(section)
        else:
            current = _start(number, line, section, values)
    return _filter(values)


def _check_characters(number: int, line: str) -> None:
    if not decisions_strict.visible(line) or any(char.isspace() and char != " " for char in line):
        raise _wrong(number, "expected visible characters and spaces")
    if line.endswith(" ") and line.strip(" ") and not re.fullmatch(r"[a-z_]+ *= ", line):
        raise _wrong(number, "a space at the end would be lost")


def _start(number: int, line: str, section: str, values: dict[tuple[str, str], list[str]]) -> list[str]:
    option = _OPTION.fullmatch(line)
    if option is None or option[1] not in _KEYS.get(section, ()) or (section, option[1]) in values:
        known = ", ".join(_KEYS.get(section, ())) or "a section first"
        raise _wrong(number, f"expected `key = value`, each key once, in this place: {known}")
    values[section, option[1]] = started = [option[2].strip(" ")] if option[2] else []
    return started


def _filter(values: dict[tuple[str, str], list[str]]) -> Filter:
    if values.get(("INCLUDES", "before"), ["common.conf"]) != ["common.conf"]:
        raise RuleError("filter.conf: before: expected common.conf")
    for section in ("DEFAULT", "Definition"):
        for daemon in values.get((section, "_daemon"), []):
            if _DAEMON.fullmatch(daemon) is None:
                raise RuleError("filter.conf: _daemon: expected the name of a program")
    found = {key: lines for (section, key), lines in values.items() if section == "Definition"}
    failregex = found.get("failregex", [])
    if not 1 <= len(failregex) <= suggestion.REGEXES:
        raise RuleError(f"filter.conf: failregex: expected 1 to {suggestion.REGEXES} regexes, one a line")
    if any(found.get("ignoreregex", [])):
        raise RuleError("filter.conf: ignoreregex: expected none; exceptions of your own go to a .local file")
    journalmatch = found.get("journalmatch", [])
    if len(journalmatch) > 1:
        raise RuleError("filter.conf: journalmatch: expected one line")
    for regex in failregex:
        _check_regex(regex)
    for pattern in found.get("datepattern", []):
        _check_datepattern(pattern)
    if journalmatch and _JOURNALMATCH.fullmatch(journalmatch[0]) is None:
        raise RuleError("filter.conf: journalmatch: expected FIELD=value, joined by spaces and +")
    return Filter(tuple(failregex), tuple(found.get("datepattern", [])), "".join(journalmatch))


def _check_regex(regex: str) -> None:
    if len(regex) > suggestion.REGEX_LIMIT:
        raise RuleError(f"filter.conf: failregex: expected at most {suggestion.REGEX_LIMIT} characters each")
    _check_value("failregex", regex)
    rest = regex
    for tag in _TAGS:
        rest = rest.replace(tag, "")
    if "<" in _NAMED.sub("", rest):
        raise RuleError(rf"filter.conf: failregex: expected no < but in {', '.join(_TAGS)}; a literal one is \x3c")


def _check_datepattern(pattern: str) -> None:
    _check_value("datepattern", pattern)
    if len(pattern) > 300 or "<" in _NAMED.sub("", pattern):
        raise RuleError("filter.conf: datepattern: expected at most 300 characters, and no <")


def _check_value(key: str, value: str) -> None:
    if re.search(r"\s;", value):
        raise RuleError(f"filter.conf: {key}: ` ;` starts a comment and cuts the rest")
    rest = value.replace("%%", "")
    for reference in _INTERPOLATED:
        rest = rest.replace(reference, "")
    if "%" in rest:
        raise RuleError(f"filter.conf: {key}: expected no % but %% and {', '.join(_INTERPOLATED)}")


def _wrong(number: int, expected: str) -> RuleError:
    return RuleError(f"filter.conf, line {number}: {expected}")
