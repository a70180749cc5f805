r"""Is a failregex one of those that we would write? Decided from its text alone: it may be edited or hostile.

The language allowed is small, and every regex of it takes time linear in the line in any engine:

    ^ … $                  at the ends, and nowhere else
    %(__prefix_line)s      fail2ban's own, right after ^; a blank there is what the date of a log without syslog leaves
    <ADDR>                 once; <F-USER> … </F-USER>
    literals, \xNN         printable ASCII, escaped where it must be
    [class] \d \w \S .     with {n} or {m,n}, never * or +
    (?:one|other)          without a quantifier, but ? where it holds literals only

A part of varying length is always followed by something that it cannot hold itself, so there is one way to match.
Text of a length that varies before <ADDR> holds no blank, or everything after <ADDR> is exact; in a syslog message,
where names that clients chose stand before the address, nothing after it may hold blanks: an address that a client
wrote into a name is never the one taken. Standard library only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fail2ban_ai.errors import RuleError

MOST = 2_000  # the highest count of a quantifier
BEFORE = 1_000  # characters that may stand before <ADDR>
PREFIX = "%(__prefix_line)s"

_TOKEN = re.compile(
    r"(?P<tag></?[A-Za-z][\w/-]*>)|(?P<open>\(\?:)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<set>\[\^?\]?(?:\\.|[^\]\\])+\]|\\[dwSs]|\.)"
    r"|(?P<code>\\x[0-9a-f]{2})|(?P<escape>\\[^A-Za-z0-9])|(?P<char>[^\\^$*+?{}\[\]|()<>])"
)
_COUNT = re.compile(r"\{(\d{1,4})(?:,(\d{1,4}))?\}|\?")
_RANGE = re.compile(r"\{(\d+),\d+\}")
_ALPHABET = [chr(code) for code in range(0x250)] + ["\u2028", "\ufffd", "\U0001f600"]
_ADDRESS = frozenset("0123456789abcdefABCDEF:[")
_USER = ("<F-USER>", "</F-USER>")


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a parsed regex: characters with a count, alternatives, or the address."""

    chars: frozenset[str]  # that it may begin with
    least: int
    most: int
    choices: tuple[tuple["Part", ...], ...] = ()
    address: bool = False

    @property
    def varies(self) -> bool:
        """Whether its length is not fixed."""
        return self.least != self.most

    @property
    def exact(self) -> bool:
        """Whether it is a literal or digits: nothing that a client could write an address into."""
        if self.choices:
            return all(part.exact for choice in self.choices for part in choice)
        return self.address or len(self.chars) == 1 or self.chars <= _DIGITS


_DIGITS = frozenset(char for char in _ALPHABET if char.isdigit()) | frozenset("-")


def check(regex: str) -> None:
    """Raise RuleError with the reason unless `regex` (% not doubled) belongs to the language above."""
    if not regex.startswith("^") or not regex.endswith("$") or regex.endswith("\\$"):
        raise RuleError("it does not begin with ^ and end with $")
    body = regex[1:-1].removeprefix(PREFIX)
    syslog = len(body) < len(regex) - 2 or body.startswith(" ")
    parts, at = _sequence(body, 0, 0)
    if at != len(body):
        raise RuleError(f"there is a ) too many after {at} characters")
    flat = list(_flat(parts))
    if sum(part.address for part in flat) != 1 or not any(part.address for part in parts):
        raise RuleError("it does not hold <ADDR> once, outside of any group")
    _one_way(parts, frozenset())
    where = next(index for index, part in enumerate(parts) if part.address)
    before, after = parts[:where], parts[where + 1 :]
    if _longest(before) > BEFORE:
        raise RuleError(f"more than {BEFORE} characters may stand before the address")
    blank = any(part.varies and " " in part.chars for part in _flat(before))
    if syslog and any(part.varies and " " in part.chars for part in _flat(after) if not part.choices):
        raise RuleError("what follows the address in a message may hold blanks")
    if blank and not all(part.exact for part in after):
        raise RuleError("text with blanks may stand before the address, and what follows the address is not exact")


def _sequence(text: str, at: int, depth: int) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise RuleError(f"{text[at : at + 12]!r} is not of the language that our filters use")
        kind, token = found.lastgroup, found[0]
        if kind in ("close", "bar"):
            return tuple(parts), at
        at = found.end()
        if kind == "open":
            part, at = _group(text, at, depth + 1)
        elif kind == "tag":
            if token in _USER:
                continue
            if token != "<ADDR>":  # noqa: S105 - a tag of fail2ban
                raise RuleError(f"{token} is no tag that our filters use")
            part = Part(_ADDRESS, 2, 50, address=True)
        else:
            part, at = _counted(text, at, _chars(str(kind), token))
        parts.append(part)
    return tuple(parts), at


def _group(text: str, at: int, depth: int) -> tuple[Part, int]:
    if depth > 8:
        raise RuleError("its groups are nested too deeply")
    choices = []
    while True:
        choice, at = _sequence(text, at, depth)
        choices.append(choice)
        if at >= len(text):
            raise RuleError("a group does not end")
        at += 1
        if text[at - 1] == ")":
            break
    if any(not choice for choice in choices):
        raise RuleError("a group has an empty alternative")
    optional = text.startswith("?", at)
    if optional and not all(part.exact and not part.varies for part in _flat(c for choice in choices for c in choice)):
        raise RuleError("an optional group holds more than literals")
    if _COUNT.match(text, at + optional) or text[at + optional : at + optional + 1] in ("*", "+"):
        raise RuleError("a group is repeated")
    first = frozenset[str]().union(*(_first(choice, frozenset()) for choice in choices))
    longest = max(_longest(choice) for choice in choices)
    return Part(first, 0 if optional else 1, max(1, longest), tuple(choices)), at + optional


def _counted(text: str, at: int, chars: frozenset[str]) -> tuple[Part, int]:
    found = _COUNT.match(text, at)
    least = most = 1
    if found is not None:
        at = found.end()
        least = int(found[1] or 0)
        most = int(found[2]) if found[2] else least if found[1] else 1
        if most > MOST or least > most:
            raise RuleError(f"the count {found[0]} is not within 0 and {MOST}")
    if _COUNT.match(text, at) or text[at : at + 1] in ("*", "+"):
        raise RuleError("a repetition is unbounded or itself repeated")
    return Part(chars, least, most), at


def _chars(kind: str, token: str) -> frozenset[str]:
    if kind == "code":
        return frozenset(chr(int(token[2:], 16)))
    if kind == "escape":
        return frozenset(token[1])
    if kind == "char":
        if not " " <= token <= "~":
            raise RuleError("it holds a character that is not printable ASCII")
        return frozenset(token)
    try:
        compiled = re.compile(token)
    except re.error as error:
        raise RuleError(f"the class {token!r} is wrong: {error}") from None
    return frozenset(char for char in _ALPHABET if compiled.fullmatch(char))


def _flat(parts: Sequence[Part] | Iterator[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        for choice in part.choices:
            yield from _flat(choice)


def _longest(parts: Sequence[Part]) -> int:
    return sum(part.most for part in parts)


def _first(parts: Sequence[Part], follow: frozenset[str]) -> frozenset[str]:
    """What a sequence may begin with, `follow` being what may come after it."""
    found: frozenset[str] = frozenset()
    for part in parts:
        found |= part.chars
        if part.least:
            return found
    return found | follow


def _one_way(parts: Sequence[Part], follow: frozenset[str]) -> None:
    """Raise RuleError where a part of varying length may hold what comes after it."""
    for index, part in enumerate(parts):
        after = _first(parts[index + 1 :], follow)
        for choice in part.choices:
            _one_way(choice, after)
        if part.address:
            if after & (_ADDRESS - frozenset(":[")):
                raise RuleError("what follows the address may be taken for a part of it")
        elif part.varies and (not part.choices or part.least == 0) and part.chars & after:
            shown = sorted(part.chars & after)[0]
            raise RuleError(f"a part of varying length may hold what follows it ({shown!r})")


def relaxed(regex: str, *, dated: bool) -> str:
    r"""A regex for a linear-time engine that finds every raw line that `regex` can match once its date is cut out.

    Args:
        regex: one that `check` lets pass.
        dated: whether a `\[\]` in it is the place of the date.
    """
    body = regex[1:-1]
    prefixed = body.startswith((PREFIX, " "))
    text = re.sub(r"</?F-USER>", "", body.removeprefix(PREFIX))
    if dated:
        text = text.replace(r"\[\]", r"\[[^\]]{0,80}\]", 1)
    text = text.replace("<ADDR>", r"[0-9A-Fa-f:.\[\]]{2,50}")
    text = _RANGE.sub(lambda found: "*" if found[1] == "0" else "+", text)  # counted states make an engine slow
    return ("" if prefixed else "^") + text + "$"


def linear(regex: str) -> str:
    """`regex` with fail2ban's tags replaced, as a linear-time engine must be able to compile it."""
    body = re.sub(r"</?F-USER>", "", regex[1:-1].removeprefix(PREFIX))
    return "^" + body.replace("<ADDR>", r"[0-9A-Fa-f:.\[\]]{2,50}") + "$"


def nearby(regexes: Sequence[str], *, dated: bool) -> str:
    """One regex for a linear-time engine that finds every raw line that any of `regexes` can match."""
    return "|".join(f"(?:{relaxed(regex, dated=dated)})" for regex in regexes)
