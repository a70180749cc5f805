"""News as the alerts a SIEM takes: one for the campaign, and one for each target decided on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fail2ban_ai.addresses import parse
from fail2ban_ai.reports.digest import counted, name_of
from fail2ban_ai.reports.news import News
from fail2ban_ai.reports.schema import Actor, Campaign

TARGETS = 1000  # alerts on single targets at one time, of one campaign


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `target` is an address, an IPv6 /64 or a network; None: it is about the campaign."""

    id: str
    at: datetime
    action: str  # found | changed | ban | would-ban | refused
    campaign: Campaign
    reason: str
    target: str | None = None

    @property
    def address(self) -> str | None:
        """The target where it is one single address; of an alert about a campaign its only actor."""
        members = self.campaign.actors
        one = self.target if self.target is not None else members[0].address if len(members) == 1 else None
        return one if one is not None and parse(one) is not None else None

    @property
    def name(self) -> str:
        """What was seen: "Credential stuffing"."""
        return name_of(self.campaign.kind).capitalize()


def alerts(news: News, mode: str) -> Iterator[Alert]:
    """The alerts, the campaign's first. The same news gives the same ids."""
    campaign = news.campaign
    if not news.quiet:
        reason = "; ".join(news.changes or campaign.reasons[:1])
        if len(news.decided) > TARGETS:
            reason += f" ({counted(len(news.decided) - TARGETS, 'decision')} not sent one by one)"
        at = max(campaign.detected_at, campaign.last_seen)
        action = "found" if news.known is None else "changed"
        yield Alert(_id(campaign.id, action, at.isoformat()), at, action, campaign, reason)
    for one in news.decided[:TARGETS]:
        target = one.address if isinstance(one, Actor) else one.cidr
        action = one.decision if one.decision != "ban" or mode == "enforce" else "would-ban"
        at = one.decided_at or campaign.detected_at
        yield Alert(_id(campaign.id, action, target, at.isoformat()), at, action, campaign, one.reason, target)


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
