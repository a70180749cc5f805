"""Verdicts become decisions: at once, when their campaign has grown severe enough, or when the disk allows."""

from collections.abc import Mapping

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.enforce.enforcer import BANTIME
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.findings import SEVERITIES, Verdict
from fail2ban_ai.protection import Protection
from fail2ban_ai.request import ask

WAITING = 20_000  # verdicts that wait for their campaign to become severe; the oldest are given up
LOG_BYTES = 16 << 20  # size of the decisions log at which it is moved aside


class Asking:
    """`least`: the severity from which bans are asked for, "never" for none."""

    def __init__(self, protection: Protection, least: str) -> None:
        self.asked = 0
        self._protection = protection
        self._allowed = SEVERITIES[SEVERITIES.index(least) :] if least != "never" else ()
        self._waiting: dict[tuple[str, str], Verdict] = {}

    def take(self, verdicts: list[Verdict], now: float, known: Mapping[str, float] | None = None) -> None:
        """Take verdicts in. `known`: past ones that are spoken again; of these only what is fresh and new counts."""
        for verdict in verdicts:
            key = (verdict.target, verdict.campaign)
            lasts = jails.bantime_of(verdict.target)
            told = known is not None and known.get(verdict.target, 0.0) > verdict.at - lasts
            if verdict.action == "ban" and self._allowed and not told and verdict.at > now - lasts:
                self._waiting[key] = verdict
            else:
                self._protection.passed.pop(key, None)

    def flush(self, now: float) -> int:
        """Append what may be asked for; how many. OSError when the disk is full: nothing is lost, ask again later."""
        passed = self._protection.passed
        ready = {k: v for k, v in self._waiting.items() if k in passed and passed[k].campaign.severity in self._allowed}
        count = 0
        if ready:
            self._move_aside(now)
            count = ask(list(ready.values()), passed)
        for key in [*ready, *(k for k, v in self._waiting.items() if _is_old(v, now) or k not in passed)]:
            self._waiting.pop(key, None)
            passed.pop(key, None)
        while len(self._waiting) > WAITING:
            passed.pop(key := next(iter(self._waiting)), None)
            del self._waiting[key]
        self.asked += count
        return count

    @staticmethod
    def _move_aside(now: float) -> None:
        """Rotate a large log; never before what is in the older one has lost its time anyway."""
        log = paths.decisions()
        older = log.with_name(log.name + ".1")
        if log.exists() and log.stat().st_size > LOG_BYTES:
            read = not older.exists() or older.stat().st_mtime < now - BANTIME
            if read:
                log.rename(older)


def _is_old(verdict: Verdict, now: float) -> bool:
    return verdict.at <= now - jails.bantime_of(verdict.target)


def asked_before(now: float) -> dict[str, float]:
    """When a ban of each target was last asked for, as far as it still counts; seconds since the epoch."""
    found: dict[str, float] = {}
    for decision in decisions_log.Reader(paths.decisions(), decisions.from_line).poll():  # the older part first
        if decision.action == "ban" and decision.at > now - 2 * BANTIME:
            found[decision.target] = max(decision.at, found.get(decision.target, 0.0))
    return found
