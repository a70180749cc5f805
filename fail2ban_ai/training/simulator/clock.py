"""When things happen: arrivals that follow the hours of a day and the days of a week, and pauses between acts."""

import math
from random import Random

HOUR = 3600.0
DAY = 86400.0
_DAY_SHAPE = (1.0, 1.5, 1.8, 1.7, 1.5, 1.6, 1.7, 1.6, 1.5, 1.4, 1.4, 1.5, 1.4, 1.0, 0.6, 0.35, 0.2, 0.14, 0.1, 0.1)
_NIGHT = (0.12, 0.18, 0.3, 0.6)  # the four hours before the day begins
_SHAPE = _DAY_SHAPE + _NIGHT


def activity(time: float, busy: float = 9.0) -> float:
    """How busy an audience is at `time` (seconds, UTC), about 1 on average; its day begins at the hour `busy`."""
    hour = (time / HOUR - busy) % 24
    low = int(hour)
    part = hour - low
    level = _SHAPE[low] * (1 - part) + _SHAPE[(low + 1) % 24] * part
    weekday = int(time // DAY + 3) % 7  # 0 is Monday: the epoch was a Thursday
    return level * (0.75 if weekday >= 5 else 1.1)


def arrivals(rng: Random, start: float, end: float, per_day: float, busy: float | None = 9.0) -> list[float]:
    """Times in [start, end) of a Poisson process of `per_day` events a day; `busy` None: the same at every hour."""
    times: list[float] = []
    peak = 2.0
    t = start
    while per_day > 0:
        t += rng.expovariate(per_day * (peak if busy is not None else 1.0) / DAY)
        if t >= end:
            break
        if busy is None or rng.random() * peak < activity(t, busy):
            times.append(t)
    return times


def every(rng: Random, start: float, end: float, seconds: float, jitter: float = 0.02) -> list[float]:
    """Times in [start, end) about `seconds` apart; `jitter` is the standard deviation as a share of the period."""
    times: list[float] = []
    t = start + rng.random() * seconds
    while t < end:
        times.append(t)
        t += max(0.2, rng.gauss(seconds, seconds * jitter))
    return times


def pause(rng: Random, median: float, spread: float = 1.0) -> float:
    """A log-normal pause in seconds."""
    return rng.lognormvariate(math.log(median), spread)


def log_between(rng: Random, low: float, high: float) -> float:
    """A value between `low` and `high`, uniform in its logarithm."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
