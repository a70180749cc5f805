"""A time axis for pictures whose horizontal places are percentages, so that they fit any width without scaling text."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_STEPS = (60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200)  # seconds
_TICKS = 8  # at most
_MARGIN = 1.5  # percent left free at either end, so that marks are not cut
_LEAST = 60.0  # seconds that an axis spans


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the picture and its label; every second one is minor and left out on narrow screens."""

    at: str
    label: str
    anchor: str
    minor: bool


class Axis:
    """From one time to another; at least a minute."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.span = max(_LEAST, (end - start).total_seconds())

    def percent(self, time: datetime) -> float:
        """Where a time lies, 0..100; times outside are moved to the nearer end."""
        share = (time - self.start).total_seconds() / self.span
        return _MARGIN + (100 - 2 * _MARGIN) * min(1.0, max(0.0, share))

    def at(self, time: datetime) -> str:
        """`percent` as an attribute of SVG."""
        return f"{self.percent(time):.2f}%"

    def width(self, first: datetime, last: datetime) -> str:
        """How wide a bar is, as an attribute of SVG; never nothing."""
        return f"{max(0.4, self.percent(last) - self.percent(first)):.2f}%"

    def ticks(self) -> list[Tick]:
        """At most _TICKS round times. A time of day alone stands under its date's first tick."""
        step = next((s for s in _STEPS if self.span / s <= _TICKS), 2 * _STEPS[-1])
        first = -(-self.start.timestamp() // step) * step
        times = [datetime.fromtimestamp(first + i * step, UTC) for i in range(_TICKS + 1)]
        kept = [t for t in times if t <= self.start + timedelta(seconds=self.span)]
        ticks: list[Tick] = []
        for number, time in enumerate(kept):
            place = self.percent(time)
            anchor = "start" if place < 4 else "end" if place > 96 else "middle"
            day = f"{time.day} {time:%b}"
            midnight = (time.hour, time.minute) == (0, 0)
            label = day if step >= 86400 or midnight else f"{time:%H:%M}"
            ticks.append(Tick(f"{place:.2f}%", label, anchor, number % 2 == 1))
        return ticks
