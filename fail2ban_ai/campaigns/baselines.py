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

_OPEN = {"hour": pl.Int64, "source": pl.String, "requests": pl.Int64, "bytes": pl.Int64, "actors": pl.Int32}
_TIDY = 4096  # rows that are worth adding up
_REST = ""  # the sources of an hour that are not told apart
_IGNORED = ("ban", "unban")  # fail2ban's own lines are no traffic


@dataclass(slots=True)
class _Service:
    start: int  # its first hour
    done: int  # hours before this one were judged
    hours: dict[int, Hour] = field(default_factory=dict)  # judged ones; an absent hour had no traffic
    odd: set[tuple[int, str]] = field(default_factory=set)  # hours and metrics that were anomalies
    open: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_OPEN))  # hours to be judged
    tidy: int = 0  # rows of `open` when its sources were last added up


class TrafficBaselines:
    """Counts events and bytes by service, hour and source; judges complete hours."""

    def __init__(self) -> None:
        self._services: dict[str, _Service] = {}

    def update(self, frame: pl.DataFrame) -> None:
        """Count the events of a frame (events.SCHEMA, any size, in order of time across calls)."""
        hour = (pl.col("time").dt.timestamp("us") // (HOUR * 1_000_000) * HOUR).alias("hour")
        rows = (
            frame.lazy().filter(~pl.col("kind").is_in(_IGNORED)).select("service", hour, "address", "bytes").collect()
        )
        for service, first in rows.unique("service", keep="first", maintain_order=True)["service", "hour"].rows():
            self._services.setdefault(service, _Service(first, first))
        counts = rows.group_by("service", "hour", "address").agg(
            pl.len().cast(pl.Int64).alias("requests"),
            pl.col("bytes").fill_null(0).sum(),
            pl.lit(1, pl.Int32).alias("actors"),
        )
        # One IPv6 host may use a whole /64.
        actor_of_v6 = {text: actor_of(text) or text for text in counts["address"].unique() if ":" in text}
        counts = counts.with_columns(pl.col("address").replace(actor_of_v6).alias("source"))
        for service, state in self._services.items():
            new = counts.filter((pl.col("service") == service) & (pl.col("hour") >= state.done)).select(*_OPEN)
            if new.height:  # a line dated back into an hour that was judged is left out
                state.open = pl.concat([state.open, new])
                if state.open.height > 2 * state.tidy + _TIDY:
                    state.open = _bounded(_added_up(state.open))
                    state.tidy = state.open.height

    def close(self, until: float) -> list[Anomaly]:
        """Judge every hour that ended by `until` (seconds since the epoch); the anomalies, by service and time."""
        found: list[Anomaly] = []
        limit = int(until // HOUR) * HOUR
        for name in sorted(self._services):
            state = self._services[name]
            if state.done >= limit:
                continue
            over = pl.col("hour") < limit
            sources = _added_up(state.open.filter(over))
            state.open, state.tidy = state.open.filter(~over), 0
            totals = sources.group_by("hour").agg(pl.col("requests", "bytes", "actors").sum()).sort("hour")
            for hour, *counts in totals.rows():
                found += self._judge(name, state, hour, Hour(*counts), sources)
            state.done = limit
            oldest = state.done - KEPT * HOUR
            state.hours = {h: v for h, v in state.hours.items() if h >= oldest}
            state.odd = {o for o in state.odd if o[0] >= oldest}
        return found

    def _judge(self, name: str, state: _Service, hour: int, seen: Hour, sources: pl.DataFrame) -> list[Anomaly]:
        found: list[Anomaly] = []
        start = max(state.start, hour - KEPT * HOUR)
        for metric in ("requests", "bytes"):
            observed = seen.of(metric)
            if observed < LEAST[metric]:
                continue
            expected = expect(state.hours, start, hour, metric)
            if expected is None or not _is_odd(observed, expected):
                continue
            if is_habit(state.hours, state.odd, start, hour, metric=metric, observed=observed):
                continue
            state.odd.add((hour, metric))
            named = sources.filter((pl.col("hour") == hour) & (pl.col("source") != _REST))
            top = named.sort([metric, "source"], descending=[True, False]).head(TOP)
            if float(top[metric].sum()) / observed < CROWD_SHARE and observed / seen.actors <= CROWD_EACH * max(
                expected.each, 1.0
            ):
                continue  # many visitors, each taking what a visitor takes: a newsletter went out
            z = round(expected.z(observed), 1)
            found.append(Anomaly(name, hour, hour + HOUR, metric, observed, expected.median, z, tuple(top["source"])))
        state.hours[hour] = seen
        return found


def _added_up(counts: pl.DataFrame) -> pl.DataFrame:
    """One row for each hour and source."""
    added = counts.group_by("hour", "source").agg(pl.col("requests", "bytes", "actors").sum())
    one = pl.when(pl.col("source") == _REST).then("actors").otherwise(1).cast(_OPEN["actors"])
    return added.with_columns(one.alias("actors")).select(*_OPEN)


def _bounded(counts: pl.DataFrame) -> pl.DataFrame:
    """The same, the lesser sources of an hour that has too many as one row."""
    if counts.height <= MAX_ACTORS:
        return counts
    place = pl.struct(-pl.col("requests"), "source").rank("ordinal").over("hour")
    crowded = pl.len().over("hour") > MAX_ACTORS
    lesser = counts.select((crowded & (place > MAX_ACTORS // 2)).alias("lesser")).to_series()
    rest = counts.filter(lesser).group_by("hour").agg(pl.col("requests", "bytes", "actors").sum())
    return pl.concat([counts.filter(~lesser), rest.with_columns(pl.lit(_REST).alias("source")).select(*_OPEN)])


def _is_odd(observed: float, expected: Expected) -> bool:
    return observed >= TIMES * expected.median and expected.z(observed) >= Z
