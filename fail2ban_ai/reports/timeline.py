"""The picture of the window: fail2ban's bans, hours of unusual traffic and the campaigns, on one time axis.

Numbers only; reports/templates draws them.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from fail2ban_ai.reports.axis import Axis, Tick
from fail2ban_ai.reports.schema import Campaign, Report

ROWS = 20  # campaigns drawn
BINS = 80  # places for marks of fail2ban's bans
SQUARES = 12  # places up to which they are squares
ZOOMED = 0.35  # what happened is drawn larger when it took up no more than this part of the window
_PADDING = 0.04  # of the zoomed span, on both sides
BASE, _ROWS_TOP, _ROW = 64, 80, 34  # pixels; BASE: the line that fail2ban's bans stand on
_COLUMN = 22  # the highest column
_BELOW = 26


@dataclass(frozen=True, slots=True)
class Mark:
    """fail2ban's bans at one place: a square for few places, a column (from `top`, `height` pixels) for many."""

    at: str
    count: int
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """An hour of unusual traffic."""

    at: str
    width: str
    service: str


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign: when it was active and when it was told."""

    top: int
    campaign: Campaign
    at: str
    width: str
    detected: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What to draw. `part`: where the axis lies within the whole window (at, width), when it is only a part of it."""

    start: datetime
    end: datetime
    height: int
    ticks: list[Tick]
    bans: list[Mark]
    columns: bool  # whether the bans are drawn as columns
    bands: list[Band]
    rows: list[Row]
    more: int  # campaigns not drawn
    part: tuple[str, str] | None


def build(report: Report, campaigns: list[Campaign]) -> Timeline | None:
    """The picture of `campaigns`, which are drawn in order of time; None for a window of nothing."""
    if report.window.from_ is None or report.window.to is None:
        return None
    whole = Axis(report.window.from_, report.window.to)
    drawn = sorted(campaigns[:ROWS], key=lambda c: (c.first_seen, c.id))
    start, end = _span(report, drawn)
    axis = Axis(start, end)
    places = Counter(round(axis.percent(b.at) / 100 * BINS) for b in report.fail2ban.banned if start <= b.at <= end)
    zoomed = (start, end) != (report.window.from_, report.window.to)
    return Timeline(
        start=start,
        end=end,
        height=_ROWS_TOP + _ROW * len(drawn) + _BELOW,
        ticks=axis.ticks(),
        bans=_marks(places),
        columns=len(places) > SQUARES,
        bands=[
            Band(axis.at(a.from_), axis.width(a.from_, a.to), a.service)
            for a in report.anomalies
            if a.to >= start and a.from_ <= end
        ],
        rows=[_row(axis, i, campaign) for i, campaign in enumerate(drawn)],
        more=len(campaigns) - len(drawn),
        part=(whole.at(start), whole.width(start, end)) if zoomed else None,
    )


def _marks(places: Counter[int]) -> list[Mark]:
    most = max(places.values(), default=1)
    heights = {place: max(2.0, _COLUMN * count / most) for place, count in places.items()}
    return [
        Mark(f"{100 * place / BINS:.2f}%", count, round(BASE - heights[place], 1), round(heights[place], 1))
        for place, count in sorted(places.items())
    ]


def _row(axis: Axis, number: int, campaign: Campaign) -> Row:
    first, last = campaign.first_seen, campaign.last_seen
    return Row(
        top=_ROWS_TOP + _ROW * number,
        campaign=campaign,
        at=axis.at(first),
        width=axis.width(first, last),
        detected=axis.at(campaign.detected_at),
    )


def _span(report: Report, drawn: list[Campaign]) -> tuple[datetime, datetime]:
    """The whole window, or the part of it in which everything happened, where that is small."""
    assert report.window.from_ is not None  # noqa: S101 - asked by the caller
    assert report.window.to is not None  # noqa: S101
    start, end = report.window.from_, max(report.window.from_, report.window.to)
    times = [t for c in drawn for t in (c.first_seen, c.last_seen, c.detected_at)]
    times += [b.at for b in report.fail2ban.banned] + [t for a in report.anomalies for t in (a.from_, a.to)]
    if not times or (max(times) - min(times)) > ZOOMED * (end - start):
        return start, end
    padding = max((max(times) - min(times)) * _PADDING, (end - start) * 0.005)
    return max(start, min(times) - padding), min(end, max(times) + padding)
