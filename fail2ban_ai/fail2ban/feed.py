"""What the drop-in action told: bans and unbans of fail2ban's other jails, with their lines.

    for fed in Feed(position).poll(): …        # what is new since the position kept there; None: everything kept

action.d/fail2ban-ai.conf appends one line for each to a spool that only root writes and the watcher's group reads. The
lines of a ban are an attacker's text: they are data here and nowhere printed as they are.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fail2ban_ai import addresses, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions.strict import TIME_LIMIT, clean
from fail2ban_ai.errors import DecisionError, SourceError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.replay import Ban

LINE_LIMIT = 500  # characters of a line that are kept
LINES_LIMIT = 20
ADDRESSES = 100_000  # banned ones that are remembered
_NUMBER = r"(-?\d{1,15}(?:\.\d{1,9})?)"
_LINE = re.compile(
    rf"(ban|unban) {_NUMBER} (\S{{1,100}}) ([0-9a-fA-F:.]{{2,45}}) "
    rf"(\d{{1,9}}) {_NUMBER} (\d{{1,9}}) (-|[A-Za-z0-9+/]*=*)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fed:
    """One ban or unban. Times are seconds since the epoch."""

    ban: bool
    at: float  # of a ban that of the last line that led to it
    jail: str
    address: str  # normal form
    failures: int
    bantime: float  # seconds; negative: for ever
    count: int  # how many bans of this address fail2ban remembers
    lines: tuple[str, ...] = ()  # hidden characters written out

    @property
    def ends(self) -> float:
        """When the ban ends by itself."""
        return float("inf") if self.bantime < 0 else self.at + self.bantime


def from_line(line: str) -> Fed:
    """The ban or unban that a line of the spool tells; DecisionError, which does not quote it, when it is none."""
    found = _LINE.fullmatch(line)
    address = addresses.normal(found[4]) if found else None
    if found is None or address is None:
        raise DecisionError("the line is not one that the action wrote")
    at, bantime = float(found[2]), float(found[6])
    if not 0 <= at <= TIME_LIMIT:
        raise DecisionError("the line has a time that is none")
    lines = _lines(found[8]) if found[8] != "-" else ()
    return Fed(found[1] == "ban", at, found[3], address, int(found[5]), bantime, int(found[7]), lines)


def _lines(text: str) -> tuple[str, ...]:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DecisionError("the lines of the ban are not base64") from None
    lines = raw.decode("utf-8", "replace").split("\n")  # as fail2ban joins them; other ends are the attacker's
    return tuple(clean(line, LINE_LIMIT) for line in lines[:LINES_LIMIT] if line)


class Feed:
    """Reads the spool; `position` is a file that keeps how far, None: from the oldest that is kept."""

    def __init__(self, position: Path | None = None) -> None:
        self._reader = decisions_log.Reader(paths.feed(), from_line, position)

    @property
    def bad(self) -> int:
        """Lines read past that the action did not write."""
        return self._reader.bad

    def poll(self) -> Iterator[Fed]:
        """What was told since; our own jails are left out. Call `commit` once it is taken care of.

        SourceError when the spool may not be read; no spool, or one that nobody writes to, is no error.
        """
        try:
            yield from (fed for fed in self._reader.poll() if fed.jail not in jails.JAILS)
        except PermissionError as error:
            raise SourceError(f"{error.filename} may not be read: fail2ban's bans are not known from it.") from error

    def commit(self) -> None:
        """Remember how far was read."""
        self._reader.commit()


def bans(fed: Iterable[Fed]) -> list[Ban]:
    """The bans as a history, in order of time; the time is that of the last line, as in fail2ban's database."""
    return sorted(Ban(each.at, each.jail, each.address) for each in fed if each.ban)


@dataclass(slots=True)
class Held:
    """Whom fail2ban's other jails keep out, and when: the judge asks for no second ban meanwhile.

    IPv4 only: fail2ban bans one address of an IPv6 attacker, who has a whole /64.
    """

    _spans: dict[str, list[Fed]] = field(default_factory=dict)  # by address, newest last
    _lifted: dict[tuple[str, str], float] = field(default_factory=dict)  # address and jail: the newest unban

    def note(self, fed: Fed) -> None:
        """Take in what the action told, in the order it was told."""
        if ":" in fed.address:
            return
        if fed.ban:
            kept = [each for each in self._spans.get(fed.address, []) if each.ends > fed.at][-8:]
            self._spans.pop(fed.address, None)  # put back behind all others: the longest unbanned go first
            self._spans[fed.address] = [*kept, fed]
            if len(self._spans) > ADDRESSES:
                del self._spans[next(iter(self._spans))]
        else:
            self._lifted.pop((fed.address, fed.jail), None)
            self._lifted[fed.address, fed.jail] = fed.at
            if len(self._lifted) > ADDRESSES:
                del self._lifted[next(iter(self._lifted))]

    def __call__(self, actor: str, now: float) -> str | None:
        """The jail that bans the actor at `now` (seconds since the epoch), or None."""
        for fed in self._spans.get(actor, ()):
            lifted = self._lifted.get((actor, fed.jail), float("-inf"))
            if fed.at <= now < fed.ends and not fed.at <= lifted <= now:
                return fed.jail
        return None
