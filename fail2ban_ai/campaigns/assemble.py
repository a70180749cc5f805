"""Keeps the record of a campaign in step with the component behind it."""

from collections.abc import Container

from fail2ban_ai.campaigns import naming
from fail2ban_ai.campaigns.components import HOSTILE, Actor, Component
from fail2ban_ai.campaigns.networks import DENSE_LEAST, Neighbourhood, proposals
from fail2ban_ai.campaigns.quoting import quote
from fail2ban_ai.findings import Campaign, Member

LINKS = 10
TARGETS = 10


def refresh(component: Component, campaign: Campaign) -> None:
    """Write what the component did into its campaign; only members that changed are touched."""
    for name in component.dirty:
        _member(component.members[name], campaign)
    component.dirty = {}
    campaign.first_seen = component.first
    campaign.last_seen = component.last
    campaign.services = set(component.services)
    campaign.attacks = set(component.attacks)
    campaign.events = component.events
    names = component.accounts + component.paths
    most = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:TARGETS]
    campaign.targets, campaign.touches = [name for name, _ in most], [count for _, count in most]
    campaign.links = list(component.links)[:LINKS]
    campaign.evidence = list(component.evidence)
    campaign.broke = list(component.broke)
    campaign.breached = list(component.breached)
    campaign.kind = naming.kind(component)
    campaign.severity = naming.severity(component, campaign.kind)
    campaign.confidence = naming.confidence(component)
    campaign.surest = campaign.confidence if component.waves else component.top


def _member(actor: Actor, campaign: Campaign) -> None:
    member = campaign.members.get(actor.name)
    if member is None:
        member = campaign.members[actor.name] = Member(actor.name, 0, actor.first, actor.last, 0.0)
    campaign.fresh[actor.name] = None
    member.events = actor.events
    member.last_seen = actor.last
    member.score = round(actor.level, 4)
    member.offended = actor.offended
    member.in_wave = bool(actor.wave)
    member.times = actor.times
    if member.decided_at is None:  # once judged, the reason is the judge's
        member.reason = _reason(actor)


def _reason(actor: Actor) -> str:
    if actor.wave:
        return f"took part in the wave of failed log-ins on {quote(actor.wave)}"
    if actor.failures:
        failures = f"{actor.failures} failed log-in{'' if actor.failures == 1 else 's'}"
        return f"{failures}, and behaviour that scores {actor.score:.2f}"
    return f"behaviour that scores {actor.score:.2f}"


def propose(component: Component, campaign: Campaign, neighbourhood: Neighbourhood, suspects: Container[str]) -> None:
    """Propose the networks that the members fill; one with a decision stays, with its figures brought up to date."""
    old = {n.cidr: n for n in campaign.networks}
    kept = {c: n for c, n in old.items() if n.decided_at is not None}
    homes: dict[str, list[Actor]] = {n: [] for n, count in component.networks.items() if count >= DENSE_LEAST}
    for actor in component.members.values() if homes else ():
        if actor.network in homes:
            homes[actor.network].append(actor)
    for network, here in homes.items():
        members = [a.name for a in here if a.level >= HOSTILE and a.offended]
        others = [a.name for a in here if a.level < HOSTILE or not a.offended]
        # Who was only suspected is no reason to ban its neighbours, and may be one of those whom that would hit.
        ordinary = neighbourhood.ordinary(network, suspects) + others
        for found in proposals(members, ordinary):
            known = kept[found.cidr] = old.get(found.cidr, found)
            known.hostile_seen, known.benign_seen = found.hostile_seen, found.benign_seen
            if known.decided_at is None:
                known.reason = f"{found.hostile_seen} hostile actors and nobody else seen in {found.cidr}"
    campaign.networks = [kept[c] for c in sorted(kept)]
