"""From units to clusters: what one campaign did of one kind, cut in time into what rules are made from and the rest.

Units are recurring over the whole host, so a path that thirty small campaigns share counts for each of them. The
largest campaign takes its units first; a campaign whose units are taken already shares that rule. What is too little
for a rule of its own goes, over all campaigns, into rules for the whole host, and so do accounts: one list of names
is easier to judge than one for each botnet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fail2ban_ai.rules.material import Key, Material, Row, Unit
from fail2ban_ai.rules.recurring import why_not

HELD_BACK = 0.3  # of a cluster's lines, the latest ones
LEAST = 6  # lines that a cluster must have
OWN = 20  # lines that earn a campaign a rule of its own
_LONG = 100  # characters of a path key that make it a payload


@dataclass(slots=True)
class Cluster:
    """Lines of one kind that one rule is to match."""

    kind: str  # of suggestion.KINDS
    service: str
    units: list[Unit]
    campaigns: dict[str, int] = field(default_factory=dict)  # id -> lines in these units
    cut: float = 0.0  # seconds since the epoch; rows after it are held back

    def rows(self, unit: Unit, *, later: bool) -> list[Row]:
        """The rows of a unit before the cut, or those held back."""
        return [row for row in unit.rows if (row.time > self.cut) == later]

    def sources(self) -> set[str]:
        """Distinct actors."""
        return set().union(*(unit.sources for unit in self.units))

    def spells(self) -> int:
        """The most spells of activity of one unit."""
        return max(unit.spells for unit in self.units)


@dataclass(frozen=True, slots=True)
class Left:
    """Lines that no rule is made of, and why."""

    campaign: str
    kind: str
    reason: str
    lines: int
    example: str


def clusters(material: Material, *, sources: int, windows: int) -> tuple[list[Cluster], list[Left]]:
    """The clusters of a host, those of the largest campaigns first, and what was left over.

    Args:
        material: the host's.
        sources: as recurring.why_not.
        windows: as recurring.why_not.
    """
    reasons = {key: why_not(unit, material, sources=sources, windows=windows) for key, unit in material.units.items()}
    _one_form(material, reasons)
    fit = [unit for key, unit in material.units.items() if reasons[key] is None]
    taken: dict[Key, Cluster] = {}
    made: list[Cluster] = []
    for campaign in sorted(material.campaigns, key=lambda each: (-material.campaigns[each], each)):
        own = [unit for unit in fit if campaign in unit.campaigns]
        for found in _groups([unit for unit in own if unit.key not in taken and unit.key[0] != "account"], OWN):
            made.append(found)
            taken |= dict.fromkeys((unit.key for unit in found.units), found)
        for unit in own:
            if unit.key in taken:
                counts = taken[unit.key].campaigns
                counts[campaign] = counts.get(campaign, 0) + unit.campaigns[campaign]
    for found in _groups([unit for unit in fit if unit.key not in taken], LEAST):
        made.append(found)
        for unit in found.units:
            for campaign, lines in unit.campaigns.items():
                found.campaigns[campaign] = found.campaigns.get(campaign, 0) + lines
    for found in made:
        found.cut = _cut(found)
    return made, list(_left(material, reasons))


def _one_form(material: Material, reasons: dict[Key, str | None]) -> None:
    """Keep one form of message of each service for accounts: several lines tell of the same attempt."""
    counted: dict[tuple[str, str], int] = {}
    for key, unit in material.units.items():
        if key[0] == "account" and reasons[key] is None:
            form = (key[1], key[2].partition("\0")[0])
            counted[form] = counted.get(form, 0) + len(unit.sources)
    best: dict[str, str] = {}
    for service, message in sorted(counted, key=lambda form: (-counted[form], len(form[1]))):
        best.setdefault(service, message)
    for key, reason in reasons.items():
        if key[0] == "account" and reason is None and key[2].partition("\0")[0] != best[key[1]]:
            reasons[key] = "another line tells of the same attempts"


def _groups(units: list[Unit], least: int) -> Iterator[Cluster]:
    """Units of a kind and service together; of accounts and messages each form by itself."""
    groups: dict[tuple[str, str, str], list[Unit]] = {}
    for unit in units:
        kind, service, value = unit.key
        form = ""
        if kind == "paths" and ("?" in value or len(value) > _LONG):
            kind = "payload"
        elif kind == "account":
            form = value.partition("\0")[0]
        elif kind == "message":
            form = value
        groups.setdefault((kind, service, form), []).append(unit)
    for (kind, service, _), group in sorted(groups.items(), key=lambda item: -sum(u.lines for u in item[1])):
        if sum(len(unit.rows) for unit in group) >= least:
            yield Cluster(kind, service, sorted(group, key=lambda u: (-len(u.sources), -u.lines, u.key)))


def _cut(found: Cluster) -> float:
    times = sorted(row.time for unit in found.units for row in unit.rows)
    return times[min(len(times) - 1, int(len(times) * (1 - HELD_BACK)))]


def _left(material: Material, reasons: Mapping[Key, str | None]) -> Iterator[Left]:
    """The largest reasons of each campaign: one for each kind and reason."""
    counted: dict[tuple[str, str, str], tuple[int, str]] = {}
    for key, reason in reasons.items():
        if reason is None:
            continue
        short = (
            reason.partition(":")[0].partition(" (")[0] if reason.startswith(("not recurring", "clients")) else reason
        )
        for campaign, lines in material.units[key].campaigns.items():
            before, example = counted.get((campaign, key[0], short), (0, key[2]))
            counted[campaign, key[0], short] = (before + lines, example)
    for (campaign, kind, reason), (lines, example) in sorted(counted.items(), key=lambda item: (-item[1][0], item[0])):
        yield Left(campaign, kind, reason, lines, example)
