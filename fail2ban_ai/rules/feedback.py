"""How installed rules do: matches and bans, false ones, which are proposed for retirement, what they take off the AI.

Asked from the server, from fail2ban's own log with its rotated parts (which outlives restarts), from root's marks and
outcomes, and from the decisions log. fail2ban must log at INFO (its default) for single matches to be seen.
"""

import gzip
import re
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fail2ban_ai import addresses, decisions, paths, visitors
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.errors import Fail2banError, SourceError
from fail2ban_ai.rules import marks, states
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.states import Entry
from fail2ban_ai.sources.lines import open_regular
from fail2ban_ai.sources.rotation import newest_first

DAY = 86_400.0
PARTS = 10  # of fail2ban's log, the newest
_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ +fail2ban\.(?:filter|actions) +\[\d+\]: +[A-Z]+ +"
    rb"\[(ai-[a-z0-9-]{1,40})\] (Found|Ban|Ignore) ([0-9a-fA-F.:]{2,45})(?: |$)"
)
_TOTAL = re.compile(r"Total (failed|banned):\s+(\d+)")


@dataclass(slots=True)
class Seen:
    """What one rule did since it was installed."""

    matches: int = 0
    bans: int = 0
    spared: int = 0  # matches that did not count: the gate protects the address, or fail2ban's ignoreip
    banned_now: int | None = None  # None: its jail does not run
    last_match: float | None = None  # seconds since the epoch
    addresses: set[str] = field(default_factory=set)  # that it matched, as far as fail2ban's log tells
    false: set[str] = field(default_factory=set)  # of them, marked by an admin; and any other that was
    retire: str = ""  # why it is proposed for retirement; "" where it is not


@dataclass(frozen=True, slots=True)
class Share:
    """Campaigns of the last `days` whose addresses were to be banned, and how many of them rules had caught first."""

    days: int
    campaigns: int
    by_rules: int
    banned_by_rules: int  # addresses
    banned_by_ai: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """What rules did, by name, and their share."""

    rules: dict[str, Seen]
    share: Share
    trouble: str = ""  # what could not be asked
    idle: str = ""  # why the gate spares everybody that rules match; "" where it does not


def gather(site: Site, retire_days: int, now: float | None = None) -> Feedback:
    """The figures as of `now` (None: of the clock). What cannot be asked is told, and the rest goes on.

    Raises:
        ConfigError: one of root's logs could have been written by another.
    """
    now = time.time() if now is None else now
    history = states.history()
    installed = _installed(history)
    rules = {name: Seen() for name in installed}
    trouble = ""
    bans: dict[str, float] = {}  # address -> first ban by a live rule
    try:
        running = set(site.client.jails())
        log = _log_of(site)
        for at, name, what, address in _events(log):
            if name in installed and at >= installed[name].at - 1:
                _count(rules[name], at, what, address)
            if what == "Ban" and at > now - retire_days * DAY and _was_live(history, name, at):
                bans[address] = min(at, bans.get(address, at))
        for name in running & installed.keys():
            _ask(site, name, rules[name], logged=bool(log))
    except Fail2banError as error:
        trouble = str(error)
    for mark in marks.marks():
        if mark.name in installed and mark.at >= installed[mark.name].at:
            rules[mark.name].false.add(mark.address)
    for name, seen in rules.items():
        seen.retire = "" if trouble else _proposal(installed[name], seen, retire_days, now)
    return Feedback(rules, _share(bans, retire_days, now), trouble, visitors.known(now) if installed else "")


def _installed(history: Iterable[Entry]) -> dict[str, Entry]:
    """For each rule that is in, the entry since which it has been, live or shadow."""
    since: dict[str, Entry] = {}
    for entry in history:
        if entry.state in states.INSTALLED:
            kept = since.get(entry.name)
            since[entry.name] = entry if kept is None or kept.state != entry.state else kept
        elif entry.state != states.APPROVED:
            since.pop(entry.name, None)
    return since


def _was_live(history: Iterable[Entry], name: str, at: float) -> bool:
    mine = [entry.state for entry in history if entry.name == name and entry.at <= at + 1]
    return bool(mine) and mine[-1] == states.LIVE


def _count(seen: Seen, at: float, what: str, address: str) -> None:
    if what == "Ignore":
        seen.spared += 1
        return
    seen.addresses.add(address)
    seen.last_match = max(at, seen.last_match or 0.0)
    if what == "Found":
        seen.matches += 1
    else:
        seen.bans += 1


def _ask(site: Site, name: str, seen: Seen, *, logged: bool) -> None:
    """What the server knows; its counters begin with its start, so they count only where there is no log to read."""
    seen.banned_now = len(site.client.banned(name))
    if not logged:
        counted = {what: int(number) for what, number in _TOTAL.findall(site.client.status(name))}
        seen.matches, seen.bans = counted.get("failed", 0), counted.get("banned", 0)


def _proposal(entry: Entry, seen: Seen, days: int, now: float) -> str:
    if seen.false and seen.addresses <= seen.false:
        return f"every address that it matched was marked a false match ({len(seen.false)})"
    since = max(entry.at, seen.last_match or 0.0)
    if now - since > days * DAY:
        return f"no match for {(now - since) / DAY:.0f} days (setting rule_retire_days: {days})"
    return ""


def _share(bans: dict[str, float], days: int, now: float) -> Share:
    """A campaign is caught by rules when they had banned at least half of its addresses before the AI decided."""
    decided: dict[str, dict[str, float]] = defaultdict(dict)
    for one in decisions_log.read_all(paths.decisions(), decisions.from_line):
        if one.action == "ban" and one.campaign and "/" not in one.target and now - days * DAY < one.at <= now:
            decided[one.campaign].setdefault(one.target, one.at)
    caught = sum(
        2 * sum(bans.get(target, at + 1) <= at for target, at in targets.items()) >= len(targets)
        for targets in decided.values()
    )
    outcomes = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    by_ai = {one.target for one in outcomes if one.result == "banned" and one.at > now - days * DAY}
    return Share(days, len(decided), caught, len(bans), len(by_ai))


def _log_of(site: Site) -> str:
    """The path of fail2ban's log, "" where it logs elsewhere."""
    answer = site.client.run("get", "logtarget")
    path = answer.rpartition("- ")[2].strip()
    return path if path.startswith("/") else ""


def _events(log: str) -> Iterator[tuple[float, str, str, str]]:
    """(time, rule, Found, Ban or Ignore, address) from fail2ban's log and its rotated parts."""
    if not log:
        return
    folder = Path(log).parent
    beside = [str(path) for path in folder.glob(f"{Path(log).name}*")]
    for parts in newest_first(beside):
        for path in parts[:PARTS]:
            for line in _lines(path):
                found = _LINE.match(line) if b" [ai-" in line else None
                address = addresses.normal(found[4].decode()) if found else None
                if found and address:
                    at = datetime.strptime(found[1].decode(), "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
                    yield at, found[2].decode(), found[3].decode(), address


def _lines(path: str) -> Iterator[bytes]:
    try:
        with open_regular(path) as file:
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            yield from gzip.GzipFile(fileobj=file) if packed else file
    except (SourceError, OSError, EOFError, zlib.error):
        return  # a part that is damaged or gone takes its lines with it
