"""Traffic baselines: which hour of a service has far more requests or bytes than its own weeks explain.

An hour is judged once it is complete, by the hours before it. Hours of the week are those of UTC; a change of daylight
saving moves a service's habits by one hour, which is why the neighbouring hours are always looked at too.
"""

from dataclasses import dataclass, field

import polars as pl

from fail2ban_ai.addresses import actor_of
from fail2ban_ai.campaigns.expectation import Expected, Hour, expect, is_habit
from fail2ban_ai.findings import Anomaly

HOUR = 3600
KEPT = 8 * 7 * 24  # hours of history: eight weeks
TIMES, Z = 4.0, 8.0  # an anomaly is so many times the usual and so many robust deviations away, both
LEAST = {"requests": 60.0, "bytes": 5e6}  # and no less than this in its hour
TOP = 5  # sources named
CROWD_SHARE = 0.3  # of the traffic, that the named sources stay below when the rest is many ordinary visitors
CROWD_EACH = 2.0  # and times the usual that a visitor takes on average
MAX_ACTORS = 50_000  # sources of one hour told apart; beyond it the lesser half is only counted in the total

_IGNORED = ("ban", "unban")  # fail2ban's own lines are no traffic


@dataclass(slots=True)
class _Service:
    start: int  # its first hour
    done: int  # hours before this one were judged
    hours: dict[int, Hour] = field(default_factory=dict)  # judged ones; an absent hour had no traffic
    odd: set[tuple[int, str]] = field(default_factory=set)  # hours and metrics that were anomalies
    open: dict[int, Hour] = field(default_factory=dict)
    sources: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)  # of open hours: requests, bytes


class TrafficBaselines:
    """Counts events and bytes by service, hour and source; judges complete hours."""

    def __init__(self) -> None:
        self._services: dict[str, _Service] = {}

    def update(self, frame: pl.DataFrame) -> None:
        """Count the events of a frame (events.SCHEMA, any size, in order of time across calls)."""
        counts = (
            frame.filter(~pl.col("kind").is_in(_IGNORED))
            .group_by(
                "service",
                (pl.col("time").dt.truncate("1h").dt.timestamp("ms") // 1000).alias("hour"),
                "address",
                maintain_order=True,
            )
            .agg(pl.len().alias("requests"), pl.col("bytes").fill_null(0).sum())
        )
        for service, hour, address, requests, size in counts.iter_rows():
            state = self._services.setdefault(service, _Service(hour, hour))
            source = actor_of(address) or address  # one IPv6 host may use a whole /64
            if hour < state.done:
                continue  # a line dated back into an hour that was judged
            total = state.open.setdefault(hour, Hour())
            sources = state.sources.setdefault(hour, {})
            total.requests += requests
            total.bytes += size
            total.actors += source not in sources
            old = sources.get(source, (0, 0))
            sources[source] = (old[0] + requests, old[1] + size)
            if len(sources) > MAX_ACTORS:
                state.sources[hour] = dict(sorted(sources.items(), key=lambda s: (-s[1][0], s[0]))[: MAX_ACTORS // 2])

    def close(self, until: float) -> list[Anomaly]:
        """Judge every hour that ended by `until` (seconds since the epoch); the anomalies, by service and time."""
        found: list[Anomaly] = []
        for name in sorted(self._services):
            state = self._services[name]
            for hour in range(state.done, int(until // HOUR) * HOUR, HOUR):
                found += self._judge(name, state, hour)
                state.done = hour + HOUR
            oldest = state.done - KEPT * HOUR
            state.hours = {h: v for h, v in state.hours.items() if h >= oldest}
            state.odd = {o for o in state.odd if o[0] >= oldest}
        return found

    def _judge(self, name: str, state: _Service, hour: int) -> list[Anomaly]:
        seen = state.open.pop(hour, None)
        sources = state.sources.pop(hour, {})
        if seen is None:
            return []
        found: list[Anomaly] = []
        start = max(state.start, state.done - KEPT * HOUR)
        for index, metric in enumerate(("requests", "bytes")):
            observed = seen.of(metric)
            if observed < LEAST[metric]:
                continue
            expected = expect(state.hours, start, hour, metric)
            if expected is None or not _is_odd(observed, expected):
                continue
            if is_habit(state.hours, state.odd, start, hour, metric=metric, observed=observed):
                continue
            state.odd.add((hour, metric))
            top = sorted(sources, key=lambda a: (-sources[a][index], a))[:TOP]
            share = sum(sources[a][index] for a in top) / observed
            if share < CROWD_SHARE and observed / seen.actors <= CROWD_EACH * max(expected.each, 1.0):
                continue  # many visitors, each taking what a visitor takes: a newsletter went out
            z = round(expected.z(observed), 1)
            found.append(Anomaly(name, hour, hour + HOUR, metric, observed, expected.median, z, tuple(top)))
        state.hours[hour] = seen
        return found


def _is_odd(observed: float, expected: Expected) -> bool:
    return observed >= TIMES * expected.median and expected.z(observed) >= Z
