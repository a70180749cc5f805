"""What is new in a report since the last one that was delivered, so that nobody is told the same thing twice.

A campaign is new, or changed: worse, of another kind, another network banned, or twice as many addresses. Ids differ
between runs over windows that begin elsewhere, so a campaign is also known by its addresses: one of the same kind that
shares one with a campaign told of in the last week is that campaign.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from fail2ban_ai import paths
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports.digest import acted, counted, name_of
from fail2ban_ai.reports.schema import Actor, Campaign, Network, Report

KEPT = 2000  # campaigns remembered
SAMPLE = 16  # addresses of each
KNOWN_FOR = 7 * 86400.0  # seconds between two parts of one campaign
GROWN = 10  # addresses that "twice as many" is at least


@dataclass(slots=True)
class Told:
    """What was said of a campaign. Times are seconds since the epoch, in event time."""

    kind: str
    severity: str
    addresses: int
    networks: int  # banned
    last_seen: float
    decided: float  # the newest decision that was told
    sample: list[str]


_FILE = TypeAdapter(dict[str, Told])


@dataclass(frozen=True, slots=True)
class News:
    """A campaign with something to tell."""

    campaign: Campaign
    known: Told | None  # what was told of it before; None: it is new
    changes: list[str]
    decided: list[Actor | Network]  # decided on since, oldest first

    @property
    def quiet(self) -> bool:
        """Whether there are only more decisions of the kind that was told before."""
        return self.known is not None and not self.changes


@dataclass(slots=True)
class Memory:
    """What was told, by campaign, in a file two folders deep in the watcher's; kept here too, should the disk be full.

    Root reads and writes it as the watcher.
    """

    file: Path
    told: dict[str, Told] = field(default_factory=dict)

    def load(self) -> None:
        """Read the file; one that is missing or damaged changes nothing."""
        try:
            with owner_of(self.file.parent.parent):
                self.told |= _FILE.validate_json(self.file.read_bytes())
        except (OSError, ValueError):
            return

    def save(self) -> None:
        """Write the file, the campaigns last seen most recently. OSError when it cannot be written."""
        newest = sorted(self.told.items(), key=lambda item: item[1].last_seen)[-KEPT:]
        self.told = dict(newest)
        with owner_of(self.file.parent.parent):
            paths.replace(self.file, _FILE.dump_json(self.told).decode() + "\n")

    def news(self, report: Report) -> list[News]:
        """What the report says that was not told; `note` makes it told."""
        by_address = {(told.kind, address): told for told in self.told.values() for address in told.sample}
        return [one for c in report.campaigns if acted(c) and (one := self._news(c, by_address)) is not None]

    def note(self, news: News) -> None:
        """This was told. Growth is measured from the last time that it was more than decisions."""
        campaign = news.campaign
        decided = max((_at(one).timestamp() for one in _decided(campaign)), default=0.0)
        if news.known is not None and news.quiet:
            last_seen = campaign.last_seen.timestamp()
            self.told[campaign.id] = replace(news.known, decided=decided, last_seen=last_seen)
            return
        self.told[campaign.id] = Told(
            kind=campaign.kind,
            severity=campaign.severity,
            addresses=len(campaign.actors),
            networks=_banned_networks(campaign),
            last_seen=campaign.last_seen.timestamp(),
            decided=decided,
            sample=sorted((a.address for a in campaign.actors), key=_order)[:SAMPLE],
        )

    def _news(self, campaign: Campaign, by_address: dict[tuple[str, str], Told]) -> News | None:
        told = self.told.get(campaign.id) or self._same(campaign, by_address)
        if told is None:
            return News(campaign, None, [], sorted(_decided(campaign), key=_at))
        since = sorted((one for one in _decided(campaign) if _at(one).timestamp() > told.decided), key=_at)
        changes = list(_changes(campaign, told))
        return News(campaign, told, changes, since) if changes or since else None

    def _same(self, campaign: Campaign, by_address: dict[tuple[str, str], Told]) -> Told | None:
        first = campaign.first_seen.timestamp()
        found = (by_address.get((campaign.kind, actor.address)) for actor in campaign.actors)
        known = [told for told in found if told is not None and told.last_seen + KNOWN_FOR >= first]
        return max(known, key=lambda told: told.addresses, default=None)


def _changes(campaign: Campaign, told: Told) -> Iterator[str]:
    if campaign.kind != told.kind:
        yield f"it is now {name_of(campaign.kind)}, it was {name_of(told.kind)}"
    if SEVERITIES.index(campaign.severity) > SEVERITIES.index(told.severity):
        yield f"it is now {campaign.severity}, it was {told.severity}"
    if _banned_networks(campaign) > told.networks:
        yield "another network is banned"
    if len(campaign.actors) >= max(2 * told.addresses, told.addresses + GROWN):
        yield f"it grew from {told.addresses:,} to {counted(len(campaign.actors), 'address')}"


def _decided(campaign: Campaign) -> Iterator[Actor | Network]:
    targets: list[Actor | Network] = [*campaign.networks, *campaign.actors]
    for one in targets:
        if one.decision != "watch" and one.decided_at is not None:
            yield one


def _at(one: Actor | Network) -> datetime:
    assert one.decided_at is not None  # noqa: S101 - `_decided` yields no other
    return one.decided_at


def _banned_networks(campaign: Campaign) -> int:
    return sum(n.decision == "ban" for n in campaign.networks)


def _order(address: str) -> str:
    """The same addresses are sampled whatever part of the campaign a window shows."""
    return hashlib.blake2s(address.encode(), digest_size=8).hexdigest()
