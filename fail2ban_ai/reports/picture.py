"""The picture of a campaign: its actors by time, and its targets. Few actors are drawn one by one, many as a crowd that
grows, with the events of the first of them below.

Numbers only; reports/templates draws them.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fail2ban_ai import findings
from fail2ban_ai.reports.axis import Axis, Tick
from fail2ban_ai.reports.schema import Actor, Campaign

SINGLE = 10  # actors that are drawn one by one
LANES = 48  # actors of a crowd whose events are drawn
_LANE = 4  # pixels
_BINS = 96
TOP, CROWD, _ROW, _BELOW = 26, 130, 30, 26  # pixels


@dataclass(frozen=True, slots=True)
class Row:
    """An actor: when it was active, when it was decided on, when fail2ban banned it."""

    top: int
    actor: Actor
    at: str
    width: str
    decided: str | None
    banned: str | None
    events: list[str]


@dataclass(frozen=True, slots=True)
class Target:
    """An account or endpoint: its place in the campaign's list, how often it was touched, and how wide its bar is."""

    number: int
    count: int
    width: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw: rows, or two areas."""

    height: int
    ticks: list[Tick]
    detected: str
    detected_anchor: str
    rows: list[Row]
    seen: str  # path of the actors that had shown up by then, in a box of 100 by CROWD
    decided: str  # of those decided on, to the same scale
    number_decided: int
    banned: list[str]  # where fail2ban banned some of a crowd
    lanes: list[list[str]]  # where events of a crowd's first actors lie, a list for each
    targets: list[Target]


def build(campaign: Campaign, banned: Mapping[str, datetime], found: findings.Campaign | None = None) -> Picture:
    """The picture. `banned`: when fail2ban banned an actor, by actor. `found`: the campaign with its single events."""
    actors = sorted(campaign.actors, key=lambda a: (a.first_seen, a.address))
    times = [campaign.first_seen, campaign.last_seen, campaign.detected_at]
    times += [a.decided_at for a in actors if a.decided_at] + [banned[a.address] for a in actors if a.address in banned]
    axis = Axis(min(times), max(times))
    many = len(actors) > SINGLE
    place = axis.percent(campaign.detected_at)
    events = {a.address: _events(axis, found, a.address) for a in actors[: LANES if many else SINGLE]}
    lanes = [places for places in events.values() if places] if many else []
    return Picture(
        height=TOP + (CROWD + _LANE * len(lanes) if many else _ROW * len(actors)) + _BELOW,
        ticks=axis.ticks(),
        detected=f"{place:.2f}%",
        detected_anchor="start" if place < 50 else "end",
        rows=[] if many else [_row(axis, i, actor, banned, events[actor.address]) for i, actor in enumerate(actors)],
        seen=_area(axis, [a.first_seen for a in actors], len(actors)) if many else "",
        decided=_area(axis, [a.decided_at for a in actors if a.decided_at], len(actors)) if many else "",
        number_decided=sum(a.decided_at is not None for a in actors),
        banned=sorted({axis.at(banned[a.address]) for a in actors if a.address in banned})[:_BINS] if many else [],
        lanes=lanes,
        targets=_targets(found),
    )


def _row(axis: Axis, number: int, actor: Actor, banned: Mapping[str, datetime], events: list[str]) -> Row:
    return Row(
        top=TOP + _ROW * number,
        actor=actor,
        at=axis.at(actor.first_seen),
        width=axis.width(actor.first_seen, actor.last_seen),
        decided=axis.at(actor.decided_at) if actor.decided_at else None,
        banned=axis.at(banned[actor.address]) if actor.address in banned else None,
        events=events,
    )


def _events(axis: Axis, found: findings.Campaign | None, address: str) -> list[str]:
    member = found.members.get(address) if found else None
    times = member.times if member else ()
    return sorted({axis.at(datetime.fromtimestamp(time, UTC)) for time in times})


def _targets(found: findings.Campaign | None) -> list[Target]:
    touches = found.touches if found else []
    return [Target(i, count, f"{100 * count / max(touches):.1f}%") for i, count in enumerate(touches)]


def _area(axis: Axis, times: Sequence[datetime], most: int) -> str:
    """How many of `times` had passed, as the area below steps; the full height is `most`."""
    ordered = sorted(times)
    if not ordered:
        return ""
    drawn = [f"M{axis.percent(axis.start):.2f} {CROWD}"]
    for number in range(1, _BINS + 1):
        end = axis.start + timedelta(seconds=axis.span * number / _BINS)
        passed = len(ordered) if number == _BINS else bisect_left(ordered, end)
        drawn.append(f"V{CROWD - CROWD * 0.94 * passed / most:.1f}H{axis.percent(end):.2f}")
    return "".join([*drawn, f"V{CROWD}Z"])
