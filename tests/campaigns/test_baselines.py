"""Traffic baselines: a night of many times the usual is an anomaly; a backup and a newsletter are not."""

import itertools
import random
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai import events
from fail2ban_ai.campaigns import TrafficBaselines
from fail2ban_ai.findings import Anomaly

HOUR, DAY, WEEK = 3600, 86400, 7 * 86400
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
Row = tuple[float, str, int]  # time, address, bytes


def ordinary(weeks: float, seed: int = 1) -> list[Row]:
    """Visitors by day, few by night, four requests each."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    rows: list[Row] = []
    for hour in range(int(weeks * 168)):
        busy = 12 if 7 <= hour % 24 < 22 else 2
        for _ in range(rng.randint(busy // 2, busy)):
            address = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
            at = MONDAY + HOUR * hour + rng.random() * 3000
            rows += [(at + 10 * k, address, rng.randrange(500, 20_000)) for k in range(4)]
    return rows


def frame(rows: list[Row], service: str = "web") -> pl.DataFrame:
    rows = sorted(rows)
    values = {
        "time": [datetime.fromtimestamp(t, UTC) for t, _, _ in rows],
        "address": [a for _, a, _ in rows],
        "bytes": [b for _, _, b in rows],
        "service": [service] * len(rows),
        "kind": ["request"] * len(rows),
    }
    missing = {c: [None] * len(rows) for c in events.SCHEMA if c not in values}
    return pl.DataFrame(values | missing, schema_overrides=events.SCHEMA).select(events.SCHEMA.keys())


def judge(rows: list[Row]) -> list[Anomaly]:
    baselines = TrafficBaselines()
    table = frame(rows)
    baselines.update(table)
    return baselines.close(max(t for t, _, _ in rows) + HOUR)


def sunday_night(week: int, requests: int = 400, size: int = 2000) -> list[Row]:
    start = MONDAY + week * WEEK + 6 * DAY + 3 * HOUR
    return [(start + 5.0 * i, f"203.0.113.{i % 3}", size) for i in range(requests)]


def test_many_times_the_usual_on_a_sunday_night_is_an_anomaly_with_its_sources() -> None:
    (found,) = judge(ordinary(4) + sunday_night(3))
    assert found.start == MONDAY + 3 * WEEK + 6 * DAY + 3 * HOUR
    assert found.end - found.start == HOUR
    assert found.metric == "requests"
    assert 400 <= found.observed <= 410
    assert found.expected <= 8
    assert set(found.top_actors[:3]) == {"203.0.113.0", "203.0.113.1", "203.0.113.2"}


def test_few_requests_that_send_much_are_an_anomaly_of_bytes() -> None:
    (found,) = judge(ordinary(4) + sunday_night(3, requests=8, size=40_000_000))
    assert found.metric == "bytes"
    assert found.observed >= 320e6


def test_ordinary_weeks_have_no_anomaly() -> None:
    assert judge(ordinary(5, seed=9)) == []


def test_without_history_nothing_is_said() -> None:
    assert judge(ordinary(0.7) + [(MONDAY + 3 * DAY + i, "203.0.113.1", 10) for i in range(3000)]) == []


def test_the_hour_of_the_day_serves_while_there_are_few_weeks() -> None:
    assert len(judge(ordinary(2) + sunday_night(1))) == 1


def backup(week: int, shift: int = 0) -> list[Row]:
    start = MONDAY + week * WEEK + 5 * DAY + 2 * HOUR + shift
    return [(start + 20.0 * i, "192.0.2.9", 30_000_000) for i in range(120)]


def test_the_weekly_backup_is_a_habit_even_when_the_clocks_change() -> None:
    weeks = [row for w in range(4) for row in backup(w, shift=HOUR if w == 3 else 0)]
    assert judge(ordinary(4) + weeks) == []


def test_a_backup_that_begins_late_is_told_twice_and_then_known() -> None:
    found = judge(ordinary(7) + [row for w in range(3, 7) for row in backup(w)])
    told = sorted({a.start for a in found})
    assert told == [MONDAY + w * WEEK + 5 * DAY + 2 * HOUR for w in (3, 4)]


def test_the_same_amount_at_another_hour_is_no_backup() -> None:
    rows = ordinary(5) + [row for w in range(4) for row in backup(w)]
    assert judge([*rows, *backup(4, shift=-2 * DAY)])


def test_a_newsletter_morning_is_many_visitors_not_an_anomaly() -> None:
    morning = MONDAY + 3 * WEEK + DAY + 9 * HOUR
    rng = random.Random(3)  # noqa: S311
    crowd: list[Row] = []
    for i in range(600):
        at = morning + rng.random() * 3400
        address = f"198.19.{i // 250}.{i % 250}"
        crowd += [(at + k, address, rng.randrange(500, 20_000)) for k in range(rng.randint(2, 5))]
    assert judge(ordinary(4) + crowd) == []
    few = [(t, f"198.19.0.{i % 4}", b) for i, (t, _, b) in enumerate(crowd)]  # the same load, of four sources
    assert [a.metric for a in judge(ordinary(4) + few)][:1] == ["requests"]


def test_only_complete_hours_are_judged() -> None:
    baselines = TrafficBaselines()
    rows = ordinary(4) + sunday_night(3)
    night = MONDAY + 3 * WEEK + 6 * DAY + 3 * HOUR
    baselines.update(frame([r for r in rows if r[0] < night + 2500]))
    assert baselines.close(night + 2500) == []
    assert len(baselines.close(night + HOUR)) == 1
    assert baselines.close(night + HOUR) == []


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=8))
def test_the_cut_of_the_stream_does_not_matter(cuts: list[int]) -> None:
    table = frame(ordinary(4) + sunday_night(3))
    baselines = TrafficBaselines()
    found: list[Anomaly] = []
    edges = [0, *sorted({min(c * 4, table.height) for c in cuts}), table.height]
    for low, high in itertools.pairwise(edges):
        part = table[low:high]
        if part.height:
            baselines.update(part)
            found += baselines.close(part["time"].dt.timestamp("ms")[-1] / 1000)
    found += baselines.close(MONDAY + 4 * WEEK)
    assert found == judge(ordinary(4) + sunday_night(3))
