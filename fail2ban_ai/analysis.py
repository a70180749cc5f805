"""One `analyze` run: read the logs, feed the pipeline, ask what fail2ban did with the same lines, make the report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.config import Settings
from fail2ban_ai.fail2ban import feed, history, missed
from fail2ban_ai.fail2ban.feed import Fed
from fail2ban_ai.fail2ban.replay import Ban, JailFailures, Replay, jails_for, replay
from fail2ban_ai.findings import Campaign
from fail2ban_ai.model import runtimes
from fail2ban_ai.pipeline import TICK, Asked, Pipeline, Result
from fail2ban_ai.protection import Protection
from fail2ban_ai.reports import build, schema
from fail2ban_ai.sources import LogReader
from fail2ban_ai.sources.ahead import ahead
from fail2ban_ai.sources.stats import SourceStats
from fail2ban_ai.visitors import Visitors

FAILURES_KEPT = 200_000  # for the estimate of what fail2ban counts; beyond it the estimate speaks of the first ones

Progress = Callable[[str, int, int], None]  # stage, done, in all (0: not known)


@dataclass(slots=True)
class Logs:
    """What to read, and of what time. `until` is exclusive; both are aware."""

    sources: Sequence[str]
    fmt: formats.Format | Mapping[str, formats.Format] | None = None  # of every source, or by source
    zones: Mapping[str, ZoneInfo] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    fed: Sequence[Fed] = ()  # what fail2ban's jails told through the drop-in action

    def reader(self, progress: Callable[[int, int], None]) -> LogReader:
        """Their events, in order of time. `progress`: bytes read so far, and in all."""
        return LogReader(
            self.sources, fmt=self.fmt, zones=self.zones, since=self.since, until=self.until, progress=progress
        )


@dataclass(slots=True)
class Analysis:
    """What a run found, and the report of it."""

    result: Result
    stats: list[SourceStats]
    report: schema.Report
    passed: Mapping[tuple[str, str], Asked]  # the bans that may be asked for, by target and campaign
    visitors: Visitors
    comparison: missed.Comparison | None = None
    trouble: str | None = None  # of what runs the model


class _Side:
    """What is noted beside the pipeline: which jails would read which source, fail2ban's own bans, failures."""

    def __init__(self) -> None:
        self.paths: dict[str, set[str]] = {}  # by jail
        self.bans: list[Ban] = []
        self.failures: list[tuple[float, str, str, str]] = []

    def note(self, frame: pl.DataFrame) -> None:
        for source, service, kind in frame.select("source", "service", "kind").unique().iter_rows():
            for jail in jails_for(service, kind, source):
                self.paths.setdefault(jail, set()).add(source)
        self.bans += history.from_events(frame)
        if len(self.failures) < FAILURES_KEPT:
            failed = frame.filter(~pl.col("kind").is_in(("request", "login_ok", "ban", "unban")))
            seconds = pl.col("time").dt.timestamp("us") / 1e6
            self.failures += failed.select(seconds, "service", "kind", "address").rows()


def run(logs: Logs, settings: Settings, *, compare: bool, progress: Progress = lambda *_: None) -> Analysis:
    """Analyse the logs in event time; nothing is read or written but the logs.

    Raises:
        SourceError: no log can be opened.
        ModelError: the weights are missing or damaged.
        Fail2banAbsent: `compare` without fail2ban.
    """
    scorer = runtimes.scorer(settings.model)
    protection = Protection(settings.login_days)
    held = feed.Held()
    for told in logs.fed:
        held.note(told)
    pipeline = Pipeline(scorer, settings.sensitivity, protection, held=held if logs.fed else None)
    side = _Side()
    reader = logs.reader(lambda done, total: progress("reading", done, total))
    for scored in ahead(pipeline.score(ahead(map(pipeline.walk, reader)))):
        side.note(scored.frame)
        pipeline.take(scored)
    result = pipeline.finish(None if logs.until is None else logs.until.timestamp())
    if logs.fed:
        side.bans = history.merge(side.bans, _within(result, feed.bans(logs.fed)))
    replayed = _replay(side, logs, progress) if compare else None
    banned = replayed.banned if replayed else side.bans
    found = replayed or missed.estimate(side.failures)
    how: build.How = "replay" if replayed else "history" if side.bans else "none"
    made = build.report(
        result,
        reader.stats,
        weights_sha256=scorer.weights.sha256,
        sensitivity=settings.sensitivity,
        mode=settings.mode,
        banned=banned,
        how=how,
        why_missed=_Missed(found),
    )
    comparison = missed.compare_table(result.campaigns, banned) if compare else None
    visitors = pipeline.visitors(time.time())
    return Analysis(result, reader.stats, made, protection.passed, visitors, comparison, scorer.runtime.trouble)


def _within(result: Result, bans: list[Ban]) -> list[Ban]:
    """The bans from the time that the run's events are of."""
    if result.first is None or result.last is None:
        return []
    return [ban for ban in bans if result.first <= ban.at <= result.last + TICK]


def _replay(side: _Side, logs: Logs, progress: Progress) -> Replay:
    lines = 0

    def count(more: int) -> None:
        nonlocal lines
        lines += more
        progress("fail2ban's own filters", lines, 0)

    paths = {jail: sorted(p for p in files if Path(p).exists()) for jail, files in side.paths.items()}
    zone = next((zone.key for zone in logs.zones.values()), None)
    return replay({jail: files for jail, files in paths.items() if files}, zone=zone, progress=count)


class _Missed:
    """Why fail2ban missed a campaign: only what concerns its members is looked at."""

    def __init__(self, found: Replay | Mapping[str, Sequence[JailFailures]]) -> None:
        self._replayed = isinstance(found, Replay)
        failures = found.failures if isinstance(found, Replay) else found
        self._failures: dict[str | None, dict[str, Sequence[JailFailures]]] = {}
        for address, counted in failures.items():
            self._failures.setdefault(actor_of(address), {})[address] = counted
        self._bans: dict[str | None, list[Ban]] = {}
        for ban in found.banned if isinstance(found, Replay) else ():
            self._bans.setdefault(actor_of(ban.address), []).append(ban)

    def __call__(self, campaign: Campaign) -> str:
        failures = {a: c for actor in campaign.members for a, c in self._failures.get(actor, {}).items()}
        if not self._replayed:
            return missed.why_missed(campaign.members, failures)
        bans = [ban for actor in campaign.members for ban in self._bans.get(actor, ())]
        return missed.why_missed(campaign.members, Replay(bans, {a: list(c) for a, c in failures.items()}))
