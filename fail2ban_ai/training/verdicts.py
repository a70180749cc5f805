"""What was said of addresses on this host: labels that nobody has to write for training.

| benign | hostile |
| --- | --- |
| the allow list | what fail2ban's own jails banned, told by the drop-in action, but for bans lifted early |
| bans that an admin lifted (`unban`) | bans that an admin asked for (`ban`) |
| false matches of rules (`review mark`) | members of findings whose rule an admin approved (`review approve`) |

Where both were said, benign holds. What the model found and nobody confirmed is no label: it would learn its own
mistakes.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from fail2ban_ai import decisions, paths
from fail2ban_ai.addresses import Network
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes
from fail2ban_ai.errors import RuleError
from fail2ban_ai.facts import allow
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.rules import marks, states, store, suggestion
from fail2ban_ai.state import State
from fail2ban_ai.training.hosts import Truth


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Networks by what they were called; one address is a network of one."""

    hostile: frozenset[Network]
    benign: frozenset[Network]

    def truth(self, actors: Iterable[str]) -> dict[str, Truth]:
        """What is known of these actors."""
        found = {}
        for actor in actors:
            own = ipaddress.ip_network(actor)
            if any(_share(own, each) for each in self.benign):
                found[actor] = Truth(hostile=False, kind="benign")
            elif any(_share(own, each) for each in self.hostile):
                found[actor] = Truth(hostile=True)
        return found


def gather(now: float) -> Verdicts:
    """All verdicts kept on this host as of `now` (seconds since the epoch).

    Raises:
        ConfigError: a file of root's could have been written by others, or the state cannot be read.
    """
    benign = [each.network for each in allow.load() if each.expires is None or each.expires > now]
    benign += [*_networks(_lifted()), *_networks(mark.address for mark in marks.marks())]
    approved = set(_approved())
    with owner_of(paths.decisions().parent):
        hostile = list(_networks(label.address for label in labels.load()))
        asked = decisions_log.read_all(paths.decisions(), decisions.from_line) if paths.decisions().exists() else []
        hostile += _networks(each.target for each in asked if each.requested_by == "admin" and each.action == "ban")
        for campaign in State().campaigns() if approved else ():
            if campaign.id in approved:
                hostile += _networks(each.address for each in campaign.actors if each.decision == "ban")
    return Verdicts(frozenset(hostile), frozenset(benign))


def _lifted() -> Iterator[str]:
    """Targets whose newest outcome is that an admin lifted their ban."""
    newest = {}
    if paths.outcomes().exists():
        for outcome in decisions_log.read_all(paths.outcomes(), outcomes.from_line):
            newest[outcome.target] = outcome.result
    return (target for target, result in newest.items() if result == "unbanned")


def _approved() -> Iterator[str]:
    """Campaigns of the rules that were approved and are not retired or rejected since."""
    for name, entry in states.newest(states.history()).items():
        if entry.state in (states.APPROVED, *states.INSTALLED):
            with suppress(RuleError):  # a damaged copy speaks for nothing
                yield from suggestion.read(store.judged(name)).campaigns


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    for text in texts:
        with suppress(ValueError):  # the watcher's files are not to be relied on
            yield ipaddress.ip_network(text)


def _share(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
