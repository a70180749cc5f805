"""Figures on hosts the model never saw, through the shipped runtime: what users feel, beside the controls."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from fail2ban_ai.actors.against import against
from fail2ban_ai.model import runtimes
from fail2ban_ai.model.labels import GROUPS
from fail2ban_ai.model.scorer import Scorer, groups
from fail2ban_ai.model.weights import Weights
from fail2ban_ai.training.hosts import Host

EARLY = (1, 2, 3, 5)
_SLOW = 5  # events in an hour that a slow actor never passes

Figures = dict[str, float | int | None]


@dataclass(slots=True)
class Case:
    """One labelled actor of an unseen host."""

    actor: str
    hostile: bool
    strong: bool
    slow: bool
    group: int
    scores: np.ndarray  # as of each of its tokens
    counts: np.ndarray  # its events up to each token
    counted: np.ndarray  # bool: events at which the judge would go by the score alone


def cases(host: Host, weights: Weights) -> list[Case]:
    """Every labelled actor that the host's logs name, scored as `analyze` would."""
    tokens = host.tokens
    scores = Scorer(runtimes.embedded(weights), weights).score(tokens)
    hostile = scores.hostile
    group = groups(tokens.numeric)
    single = np.array([weights.single(name) for name in GROUPS])[group]
    acts = against(tokens)
    decides = (acts >= 2) | ((acts == 1) & (hostile >= single) & scores.unmistakable)
    rows: dict[str, list[int]] = {}
    for row, actor in enumerate(tokens.actor):
        if actor in host.truth:
            rows.setdefault(actor, []).append(row)
    busy = busiest_hour(host)
    return [
        Case(
            actor,
            host.truth[actor].hostile,
            host.truth[actor].strong,
            busy.get(actor, 0) <= _SLOW,
            int(group[own[-1]]),
            hostile[own],
            tokens.count[own],
            decides[own],
        )
        for actor, own in rows.items()
    ]


def busiest_hour(host: Host) -> dict[str, int]:
    """Most events in one clock hour, by actor."""
    hourly = host.events.group_by("actor", (pl.col("time") // 3600).alias("hour")).len()
    return dict(hourly.group_by("actor").agg(pl.col("len").max()).iter_rows())


def actor_days(host: Host) -> int:
    """Pairs of a benign actor and a day (UTC) on which it came."""
    benign = [actor for actor, truth in host.truth.items() if not truth.hostile]
    days = host.events.filter(pl.col("actor").is_in(benign)).select("actor", pl.col("time") // 86400)
    return int(days.unique().height)


def figures(found: Sequence[Case], weights: Weights, days: int, sensitivity: str = "normal") -> Figures:
    """Recall and false positives at the card's thresholds, an actor counted when its score ever reaches them.

    Events at which the judge would not go by the score (`Case.counted`) are looked past, but for `recall_after_…`: they
    tell how early the score itself is there.
    """
    limits = np.array([weights.threshold(group, sensitivity) for group in GROUPS])

    def caught(case: Case) -> bool:
        return reached(case, case.counted)

    def reached(case: Case, looked_at: np.ndarray) -> bool:
        return bool((case.scores[looked_at] >= limits[case.group]).any())

    hostile = [case for case in found if case.hostile]
    benign = [case for case in found if not case.hostile]
    wrong = sum(map(caught, benign))
    out: Figures = {
        "hostile": len(hostile),
        "benign": len(benign),
        "auc": auc([case.scores.max() for case in found], [case.hostile for case in found]),
        "recall": _share(map(caught, hostile)),
        "recall_slow": _share(map(caught, [case for case in hostile if case.slow])),
        "recall_strong_labels": _share(map(caught, [case for case in hostile if case.strong])),
        "false_positives": wrong,
        "false_positives_per_10000_actor_days": round(wrong * 10_000 / days, 1) if days else None,
    }
    for k in EARLY:
        out[f"recall_after_{k}"] = _share(reached(case, case.counts <= k) for case in hostile)
    return out


def auc(scores: Sequence[float], hostile: Sequence[bool]) -> float | None:
    """Chance that a hostile actor scores over a benign one, ties counting half; None without both."""
    values, truth = np.asarray(scores), np.asarray(hostile)
    positive, negative = values[truth], values[~truth]
    if not len(positive) or not len(negative):
        return None
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    return round(float(below.mean() / 2 / len(negative)), 4)


def _share(hits: Iterable[bool]) -> float | None:
    values = list(hits)
    return round(sum(values) / len(values), 4) if values else None


def evaluate(hosts: Sequence[Host], weights: Weights, tell: Callable[[int, int], None]) -> dict[str, Figures]:
    """Figures by host, at the normal threshold."""
    out = {}
    for i, host in enumerate(hosts):
        out[host.name] = figures(cases(host, weights), weights, actor_days(host))
        tell(i + 1, len(hosts))
    return out
