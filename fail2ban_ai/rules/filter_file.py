"""Reads a filter file strictly: only what our own templates write is taken, whoever wrote the file.

A filter may include any file, interpolate any section and name any pattern; ours do none of that, so what root is
about to prove and install is held to the few keys below. Standard library only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import safe
from fail2ban_ai.rules.escape import from_config
from fail2ban_ai.rules.services import SERVICES, WEB_DATES

_LIMIT = 200_000  # characters
_KEY = re.compile(r"([a-z_]+) =(?: (.*))?")
_INCLUDE = "common.conf"


@dataclass(frozen=True, slots=True)
class FilterFile:
    """What a filter file of ours says; `failregex` with % as in the regex, not doubled."""

    failregex: tuple[str, ...]
    daemon: str
    journalmatch: str
    dates: tuple[str, ...]
    includes: bool


def parse(text: str, name: str = "filter.conf") -> FilterFile:
    """The filter that `text` is.

    Raises:
        RuleError: with the line, where it says anything that our templates do not.
    """
    found: dict[str, list[str]] = {}
    section = key = ""
    if len(text) > _LIMIT:
        raise RuleError(f"{name} is longer than {_LIMIT} characters")
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if not all(" " <= char <= "~" for char in line):
            raise RuleError(f"{where}: expected printable ASCII only")
        if not line or line.startswith("#"):
            key = key if line else ""
            continue
        if " ;" in line:
            raise RuleError(f"{where}: ' ;' begins a comment for fail2ban and would cut the line")
        if line in ("[INCLUDES]", "[Definition]"):
            section, key = line, ""
        elif line.startswith(" "):
            if not key:
                raise RuleError(f"{where}: continues nothing")
            found[key].append(line.strip())
        else:
            read = _KEY.fullmatch(line)
            if read is None or f"{section}{read[1]}" in found:
                raise RuleError(f"{where}: expected a key of its own, ' = ' and a value")
            key = f"{section}{read[1]}"
            found[key] = [read[2]] if read[2] else []
    return _taken(found, name)


def _taken(found: dict[str, list[str]], name: str) -> FilterFile:
    known = {f"[Definition]{key}" for key in ("_daemon", "failregex", "ignoreregex", "datepattern", "journalmatch")}
    strange = found.keys() - known - {"[INCLUDES]before"}
    if strange:
        raise RuleError(f"{name}: {sorted(strange)[0].partition(']')[2]} is no key that our filters use")
    includes = "[INCLUDES]before" in found
    if includes and found["[INCLUDES]before"] != [_INCLUDE]:
        raise RuleError(f"{name}: before: expected {_INCLUDE}")
    if found.get("[Definition]ignoreregex"):
        raise RuleError(f"{name}: ignoreregex: expected none")
    daemon = "".join(found.get("[Definition]_daemon", []))
    if daemon not in {"", *(service.daemon for service in SERVICES.values())}:
        raise RuleError(f"{name}: _daemon: expected that of a service we know")
    journalmatch = "".join(found.get("[Definition]journalmatch", []))
    if journalmatch not in {"", *(service.journalmatch for service in SERVICES.values())}:
        raise RuleError(f"{name}: journalmatch: expected that of a service we know")
    dates = tuple(found.get("[Definition]datepattern", []))
    if dates not in ((), WEB_DATES):
        raise RuleError(f"{name}: datepattern: expected that of an access log, or none")
    regexes = tuple(_regex(text, name) for text in found.get("[Definition]failregex", []))
    if not regexes:
        raise RuleError(f"{name}: failregex: expected at least one")
    if any(regex.startswith("^" + safe.PREFIX) for regex in regexes) and not includes:
        raise RuleError(f"{name}: __prefix_line needs before = {_INCLUDE}")
    return FilterFile(regexes, daemon, journalmatch, dates, includes)


def _regex(text: str, name: str) -> str:
    inner = text.removeprefix("^%(__prefix_line)s")
    if re.sub("%%", "", inner).count("%"):
        raise RuleError(f"{name}: failregex: a % that is not doubled")
    return from_config(text)


def read(folder: Path) -> FilterFile:
    """The filter of a suggestion's folder; RuleError as `parse`."""
    path = folder / "filter.conf"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path} cannot be read: {error}") from error
    return parse(text, str(path))
