"""Lifting bans on an admin's word: everything in the AI jails that overlaps a target. Standard library only."""

import time
from collections.abc import Iterable
from typing import Protocol

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.errors import Fail2banError, JailMissing
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.gate.rules import overlap


class Unbanner(Protocol):
    """What of fail2ban.client.Client is needed here."""

    def jails(self) -> list[str]:
        """The names of the jails that run."""

    def banned(self, jail: str) -> list[str]:
        """What the jail lists as banned."""

    def unban(self, jail: str, targets: list[str]) -> int:
        """Lift bans; returns how many there were."""


def lift(client: Unbanner, target: str, reason: str, among: Iterable[str] = jails.JAILS) -> list[str]:
    """Lift every ban of the jails `among` that keeps an address of `target` out, record it, return what was lifted.

    A banned network that covers the address keeps it out as well, so it is lifted too. TargetError when `target` is no
    address; Fail2banError when fail2ban does not answer or a ban did not go away.
    """
    wanted = decisions.target_of(decisions.normal(target))
    lifted = []
    for jail in _running(client, among):
        hits = [text for text in client.banned(jail) if overlap(decisions.target_of(text), wanted)]
        if not hits:
            continue
        client.unban(jail, hits)
        left = set(hits) & set(client.banned(jail))
        gone = [text for text in hits if text not in left]
        _record(gone, reason)
        lifted += gone
        if left:
            raise Fail2banError(f"jail {jail} still lists {', '.join(sorted(left))} after the unban.")
    return lifted


def _running(client: Unbanner, among: Iterable[str]) -> list[str]:
    """Those of the jails that run: one that does not holds no ban. JailMissing when none does."""
    running = client.jails()
    ours = [jail for jail in among if jail in running]
    if not ours:
        raise JailMissing("None of the AI jails runs: `fail2ban-ai setup` installs them.")
    return ours


def _record(targets: list[str], reason: str) -> None:
    now = time.time()
    asked = (decisions.make(one, at=now, reason=reason, action="withdraw", requested_by="admin") for one in targets)
    outcomes = [Outcome(each.id, now, each.target, "unbanned", each.reason) for each in asked]
    if outcomes:
        decisions_log.append(paths.outcomes(), *map(decisions_outcomes.to_line, outcomes))
