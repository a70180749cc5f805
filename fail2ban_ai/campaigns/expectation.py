"""What an hour of a service usually brings, by robust statistics of comparable hours before it."""

import math
import statistics
from dataclasses import dataclass

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
WEEKS = 3  # weeks of history from which the hour of the week is compared with itself
DAYS = 7  # and days from which the hour of the day is; with fewer nothing can be said
NEIGHBOURS = (-HOUR, 0, HOUR)
CONSISTENT = 1.4826  # makes the MAD of a normal distribution its standard deviation
FLOOR = {"requests": 1.0, "bytes": 100_000.0}  # deviations below this are no difference
BYTES_FLOOR = 0.25  # bytes are heavy-tailed: their deviation is at least this share of the median
HABIT = 0.5  # an earlier hour that brought this share of the present one explains it


@dataclass(slots=True)
class Hour:
    """One hour of one service."""

    requests: int = 0
    bytes: int = 0
    actors: int = 0

    def of(self, metric: str) -> float:
        """Requests or bytes."""
        return float(self.requests if metric == "requests" else self.bytes)


@dataclass(frozen=True, slots=True)
class Expected:
    """The usual of comparable hours."""

    median: float
    deviation: float
    each: float  # per actor, median over the hours that had any

    def z(self, observed: float) -> float:
        """Robust deviations above the median."""
        return (observed - self.median) / self.deviation


_NONE = Hour()


def expect(hours: dict[int, Hour], start: int, hour: int, metric: str) -> Expected | None:
    """What `metric` may be expected to be in `hour`, None without enough history since `start`.

    Comparable are the same hour of the week and its neighbours in earlier weeks; with fewer than three weeks the same
    hour of the day and its neighbours on all earlier days. An hour absent from `hours` had no traffic.
    """
    span = hour - start
    if span < DAYS * DAY:
        return None
    step = WEEK if span >= WEEKS * WEEK else DAY
    comparable = [hours.get(h, _NONE) for h in _earlier(start, hour, step)]
    values = [h.of(metric) for h in comparable]
    middle = statistics.median(values)
    spread = CONSISTENT * statistics.median(abs(v - middle) for v in values)
    least = math.sqrt(middle) if metric == "requests" else BYTES_FLOOR * middle  # counts vary as Poisson's at least
    each = [h.of(metric) / h.actors for h in comparable if h.actors]
    usual = statistics.median(each) if each else 0.0
    return Expected(middle, max(spread, least, FLOOR[metric]), usual)


def is_habit(
    hours: dict[int, Hour], odd: set[tuple[int, str]], start: int, hour: int, *, metric: str, observed: float
) -> bool:
    """Whether so much comes at this hour of the week now and then, as a weekly backup does.

    One earlier week suffices if it raised no alarm (it was there from the start), else it takes two.
    """
    alike = [h for h in _earlier(start, hour, WEEK) if hours.get(h, _NONE).of(metric) >= HABIT * observed]
    return len(alike) >= 2 or any((h, metric) not in odd for h in alike)


def _earlier(start: int, hour: int, step: int) -> list[int]:
    """The comparable hours since `start`, each with its neighbours."""
    times = range(hour - step, start - 1, -step)
    return [t + n for t in times for n in NEIGHBOURS if t + n >= start]
