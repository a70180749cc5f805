"""Findings of a run that goes on, kept where `campaigns`, `explain` and `status` look."""

from collections import deque
from typing import Literal

import polars as pl

from fail2ban_ai.addresses import actor_of
from fail2ban_ai.fail2ban import feed, history, missed
from fail2ban_ai.fail2ban.feed import Fed
from fail2ban_ai.fail2ban.replay import Ban
from fail2ban_ai.findings import Campaign, Verdict
from fail2ban_ai.pipeline import Pipeline, Result
from fail2ban_ai.reports import build
from fail2ban_ai.reports.schema import Report
from fail2ban_ai.state import State

FAILURES_KEPT = 10_000  # the newest, for the estimate of what fail2ban counts
BANS_KEPT = 5_000


class Findings:
    """Notes what reports need beside the pipeline, and writes what changed."""

    def __init__(self, state: State, *, weights: str, sensitivity: str, mode: Literal["observe", "enforce"], most: int):
        self._state, self._most = state, most
        self._weights, self._sensitivity, self._mode = weights, sensitivity, mode
        self._failures: deque[tuple[float, str, str, str]] = deque(maxlen=FAILURES_KEPT)
        self._bans: deque[Ban] = deque(maxlen=BANS_KEPT)
        self._changed: dict[str, Campaign] = {}
        self._merged: dict[str, str] = {}
        self._verdicts: list[Verdict] = []

    def note(self, frame: pl.DataFrame) -> None:
        """Take in events that are about to be fed."""
        self._bans.extend(history.from_events(frame))
        failed = frame.filter(~pl.col("kind").is_in(("request", "login_ok", "ban", "unban")))
        seconds = pl.col("time").dt.timestamp("us") / 1e6
        self._failures.extend(failed.select(seconds, "service", "kind", "address").rows())

    def take(self, pipeline: Pipeline, verdicts: list[Verdict]) -> None:
        """Take in what the pipeline found since it was last asked."""
        changed, merged = pipeline.changed()
        self._changed |= {campaign.id: campaign for campaign in changed}
        self._changed = {name: campaign for name, campaign in self._changed.items() if name not in merged}
        self._merged |= merged
        self._verdicts += verdicts

    def fed(self, told: list[Fed]) -> None:
        """Take in what fail2ban's drop-in action told."""
        self._bans.extend(feed.bans(told))

    def keep(self) -> Report | None:
        """Write what was taken in; the report of it. ConfigError when it cannot be written: kept for the next time."""
        if not (self._changed or self._verdicts or self._merged):
            return None
        result = Result(campaigns=list(self._changed.values()), verdicts=self._verdicts)
        report = build.report(
            result,
            [],
            weights_sha256=self._weights,
            sensitivity=self._sensitivity,
            mode=self._mode,
            banned=list(self._bans),
            how="history" if self._bans else "none",
            why_missed=_Missed(list(self._failures)),
        )
        self._state.keep(report, self._merged, most=self._most)
        self._changed, self._merged, self._verdicts = {}, {}, []
        return report


class _Missed:
    def __init__(self, failures: list[tuple[float, str, str, str]]) -> None:
        self._by_actor: dict[str | None, list[tuple[float, str, str, str]]] = {}
        for each in failures:
            self._by_actor.setdefault(actor_of(each[3]), []).append(each)

    def __call__(self, campaign: Campaign) -> str:
        mine = sorted(each for actor in campaign.members for each in self._by_actor.get(actor, ()))
        return missed.why_missed(campaign.members, missed.estimate(mine))
