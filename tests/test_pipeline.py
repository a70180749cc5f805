"""Where the chunks are cut, and when the run is cut, changes nothing that was decided before."""

import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.findings import Verdict
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.pipeline import Pipeline, Result
from fail2ban_ai.protection import Protection
from fail2ban_ai.sources import LogReader
from fail2ban_ai.training.simulator import attack


@cache
def _events() -> pl.DataFrame:
    """18 hours of a small host under a distributed log-in attack and scripts that scan it."""
    with tempfile.TemporaryDirectory() as folder:
        files = [p for name in ("stuffing_spread", "scripted") for p in attack(name, 3).write(Path(folder) / name)]
        frame = pl.concat(list(LogReader(files, zones={"*": ZoneInfo("UTC")})))
    last = frame["time"].max()
    assert last is not None
    return frame.filter(pl.col("time") > pl.lit(last) - pl.duration(hours=18))


def _run(cuts: list[int], until: float | None = None) -> Result:
    frame = _events()
    if until is not None:
        frame = frame.filter(pl.col("time").dt.timestamp("us") < until * 1e6)
    pipeline = Pipeline(Scorer(), "normal", Protection(2))
    edges = sorted({0, len(frame), *(cut % (len(frame) + 1) for cut in cuts)})
    for low, high in pairwise(edges):
        pipeline.feed(frame[low:high])
    return pipeline.finish(until)


@cache
def _whole() -> Result:
    return _run([])


def _told(verdicts: list[Verdict]) -> list[tuple[str, float, str, str]]:
    return [(v.target, v.at, v.action, v.campaign) for v in verdicts]


def test_the_attack_is_found_at_all() -> None:
    assert sum(v.action == "ban" for v in _whole().verdicts) >= 10


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=10**6), max_size=12))
def test_any_chunking_gives_the_same(cuts: list[int]) -> None:
    result = _run(cuts)
    assert _told(result.verdicts) == _told(_whole().verdicts)
    assert result.scores == _whole().scores
    assert [(c.id, c.kind, sorted(c.members)) for c in result.campaigns] == [
        (c.id, c.kind, sorted(c.members)) for c in _whole().campaigns
    ]


@settings(max_examples=8, deadline=None)
@given(st.floats(min_value=0.05, max_value=0.99))
def test_a_run_cut_short_decided_what_the_whole_run_had_by_then(share: float) -> None:
    first, last = _whole().first, _whole().last
    assert first is not None
    assert last is not None
    until = first + share * (last - first)
    assert _told(_run([], until).verdicts) == [v for v in _told(_whole().verdicts) if v[1] <= until]


def test_verdicts_stand_in_order_of_time() -> None:
    times = [v.at for v in _whole().verdicts]
    assert times == sorted(times)


def test_an_actor_is_judged_at_the_event_that_crossed_the_line() -> None:
    """Company is judged at ticks; an actor's own behaviour does not wait for them, and names a campaign that holds it."""
    seen = {(a, t) for a, t in _events().select("address", pl.col("time").dt.timestamp("us") / 1e6).iter_rows()}
    own = [v for v in _whole().verdicts if v.reason.startswith("its behaviour scores")]
    assert own
    assert all((v.target, v.at) in seen for v in own)


def test_what_was_decided_long_ago_stays_in_the_report() -> None:
    """The linker forgets after weeks of silence; the report must not."""
    old = _events()
    later = old.with_columns(pl.col("time") + pl.duration(days=90))
    pipeline = Pipeline(Scorer(), "normal", Protection(2))
    pipeline.feed(old)
    pipeline.feed(later)
    result = pipeline.finish()
    banned = {v.target for v in result.verdicts if v.action == "ban" and "/" not in v.target}
    members = {m.actor for c in result.campaigns for m in c.members.values() if m.decision == "ban"}
    assert banned
    assert banned <= members


def test_what_a_run_without_end_keeps_in_mind_decides_as_if_all_was_kept() -> None:
    frame, pipeline, told = _events(), Pipeline(Scorer(), "normal", Protection(2)), []
    for part in frame.iter_slices(500):
        told += pipeline.feed(part)
        pipeline.forget(100_000)
    assert _told(told) == _told(_whole().verdicts)[: len(told)]
    own = [v.target for v in told if v.reason.startswith("its behaviour scores")]
    assert own
    assert all(pipeline.crossed(target) for target in own)


def test_an_actor_forgotten_since_is_asked_about_by_its_name() -> None:
    frame, pipeline, told = _events(), Pipeline(Scorer(), "normal", Protection(2)), []
    for part in frame.iter_slices(200):
        told += pipeline.feed(part)
        pipeline.forget(3)
    assert any(v.action == "ban" for v in told)
    assert not [v.reason for v in told if "not an IP address" in v.reason]


def test_who_crossed_is_known_until_the_longest_unseen_are_forgotten() -> None:
    pipeline = Pipeline(Scorer(), "normal", Protection(2))
    pipeline.feed(_events())
    banned = {v.target for v in pipeline.result.verdicts if pipeline.crossed(v.target)}
    assert banned
    pipeline.forget(10_000)
    assert all(map(pipeline.crossed, banned))
    pipeline.forget(1)
    assert sum(map(pipeline.crossed, banned)) <= 1
