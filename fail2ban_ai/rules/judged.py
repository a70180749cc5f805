"""Who counts as hostile and who as benign when a rule is measured."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from fail2ban_ai.addresses import Network, actor_of
from fail2ban_ai.findings import Campaign
from fail2ban_ai.sightings import HOSTILE


@dataclass(slots=True)
class Judged:
    """The verdict on every actor of an analysis.

    hostile: banned, by itself or with its network. doubtful: watched as a member of a campaign, or once scored
    HOSTILE; a rule may hit it, and the proof says so. Everybody else is benign, those spared by the gate among them.
    """

    hostile: dict[str, str] = field(default_factory=dict)  # actor -> campaign id
    networks: dict[Network, str] = field(default_factory=dict)  # banned network -> campaign id
    doubtful: set[str] = field(default_factory=set)

    def of(self, actor: str) -> str:
        """ "hostile", "doubtful" or "benign"."""
        if self.campaign(actor) is not None:
            return "hostile"
        return "doubtful" if actor in self.doubtful else "benign"

    def campaign(self, actor: str) -> str | None:
        """The campaign that a hostile actor belongs to; None for any other actor."""
        found = self.hostile.get(actor)
        if found is None and self.networks:
            own = ipaddress.ip_network(actor)
            for network, campaign in self.networks.items():
                if network.version == own.version and own.overlaps(network):
                    return campaign
        return found


def judged(campaigns: Iterable[Campaign], scores: dict[str, float]) -> Judged:
    """The verdicts that an analysis came to (pipeline.Result)."""
    found = Judged()
    spared = set()
    for campaign in campaigns:
        for member in campaign.members.values():
            if member.decision == "ban":
                found.hostile.setdefault(member.actor, campaign.id)
            elif member.decision == "refused":
                spared.add(member.actor)
            else:
                found.doubtful.add(member.actor)
        for network in campaign.networks:
            if network.decision == "ban":
                found.networks.setdefault(ipaddress.ip_network(network.cidr), campaign.id)
    found.doubtful |= {actor for actor, score in scores.items() if score >= HOSTILE}
    found.doubtful -= spared
    return found


def actor(address: str) -> str:
    """The actor of a normalised address."""
    found = actor_of(address)
    assert found is not None  # noqa: S101 - callers have parsed it
    return found
