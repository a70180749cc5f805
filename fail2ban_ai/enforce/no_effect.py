"""Bans that do not bite, seen where lines are read: they still arrive from an address that is banned.

Root reads no logs, and the watcher may not ask fail2ban. So the watcher reads root's outcomes, which everybody may,
and when lines of a banned address go on it appends a decision that asks for nothing but a look: action `alert`,
campaign MARK. `enforce` then asks fail2ban whether the ban is still in force, and tells the admin if so.

    seen = NoEffect()
    seen.learn()                            # every now and then: what was banned and lifted
    seen.see(address, time, text)           # each event
    append(paths.decisions(), *seen.ask(now))
"""

import functools
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.gate.lists import PREFIXES
from fail2ban_ai.redact import redact

MARK = decisions.NO_EFFECT
SETTLED = 60.0  # seconds after a ban within which lines may arrive: connections end, logs are late
LINES = 3  # from then on
WITHIN = 86400.0  # seconds after a ban; most have ended by then
TARGETS = 20_000  # banned ones that are remembered
EVIDENCE = 5


@dataclass(slots=True)
class _Banned:
    at: float
    lines: int = 0
    last: float = 0.0
    texts: list[str] = field(default_factory=list)
    told: bool = False


class NoEffect:
    """Counts the lines of banned targets. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._outcomes = decisions_log.Reader(paths.outcomes(), decisions_outcomes.from_line)
        self._banned: dict[str, _Banned] = {}
        self._ripe: set[str] = set()

    def __len__(self) -> int:
        """Banned targets that are remembered."""
        return len(self._banned)

    def learn(self) -> None:
        """Take in what `enforce` did since; without its log nothing is banned."""
        for outcome in self._outcomes.poll():
            if outcome.result == "banned":
                self._banned.pop(outcome.target, None)
                self._banned[outcome.target] = _Banned(outcome.at)
                if len(self._banned) > TARGETS:
                    del self._banned[next(iter(self._banned))]
            elif outcome.result == "unbanned":
                self._banned.pop(outcome.target, None)

    def see(self, address: str, time: float, text: str) -> None:
        """Count an event of an address in normal form; `text` is its line."""
        for target in _targets(address):
            banned = self._banned.get(target)
            if banned is None or banned.told or not SETTLED < time - banned.at < WITHIN:
                continue
            banned.lines += 1
            banned.last = max(banned.last, time)
            banned.texts = [*banned.texts, text][-EVIDENCE:]
            if banned.lines >= LINES:
                self._ripe.add(target)

    def ask(self, now: float) -> Iterator[str]:
        """The lines to append to the decisions log, one for each ban that does not bite, once."""
        for target in sorted(self._ripe):
            banned = self._banned.get(target)
            if banned is not None and not banned.told:
                banned.told = True
                yield decisions.to_line(_decision(target, banned, now))
        self._ripe.clear()


def _decision(target: str, banned: _Banned, now: float) -> decisions.Decision:
    return decisions.make(
        target,
        at=now,
        action="alert",
        campaign=MARK,
        severity="high",
        reason=f"{banned.lines} lines arrived from it since it was banned",
        matches=map(redact, banned.texts),
        evidence_at=min(banned.last, now),
    )


@functools.lru_cache(maxsize=8192)
def _targets(address: str) -> tuple[str, ...]:
    """The address and every network around it that may be banned."""
    parsed = ipaddress.ip_address(address)
    networks = (ipaddress.ip_network((address, length), strict=False) for length in PREFIXES[parsed.version])
    return (address, *map(str, networks))
