"""What simpler means reach on the same actors: a perfect threshold, share of 4xx, counters, character n-grams."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from fail2ban_ai.training.calibrate import RATES
from fail2ban_ai.training.evaluate import Figures, auc
from fail2ban_ai.training.hosts import Host

_WINDOW, _FAILURES = 600.0, 5
Read = TypeVar("Read")
_TEXTS = 40  # of one actor that the n-gram control reads


def evaluate(
    training: Sequence[Host], unseen: Sequence[Host], seed: int, allowed: Mapping[str, int] | None = None
) -> dict[str, dict[str, Figures]]:
    """Figures of each control on each unseen host; its threshold keeps the normal rate on the training hosts' benign.

    `allowed`: false positives by host at which "recall_at_equal" is taken: the control's recall with the best threshold
    for just that host, which no admin could know.

    The threshold of 5 failures in 10 minutes and the fit of the learned controls use whole timelines, so these figures
    flatter them: the model is asked as of each event.
    """
    out: dict[str, dict[str, Figures]] = {}
    half = [host for i, host in enumerate(training) if i % 2 == 0]
    rest = [host for i, host in enumerate(training) if i % 2 == 1]
    for name, fit in {
        "5 failures in 10 minutes": _threshold,
        "share of 4xx": _share_of_4xx,
        "gradient boosting on counters": _boosting,
        "character n-grams": _ngrams,
    }.items():
        score = fit(half, seed)
        held_out = np.concatenate([score(host, _actors(host, hostile=False)) for host in rest])
        limit = 0.5 if name.startswith("5") else float(np.quantile(held_out, 1 - RATES["normal"])) + 1e-9
        out[name] = {host.name: _figures(score, host, limit, (allowed or {}).get(host.name, 0)) for host in unseen}
    return out


Score = Callable[[Host, list[str]], np.ndarray]


def _figures(score: Score, host: Host, limit: float, allowed: int) -> Figures:
    hostile, benign = _actors(host, hostile=True), _actors(host, hostile=False)
    high, low = score(host, hostile), score(host, benign)
    above = np.sort(low)[-1 - allowed] if len(low) > allowed else -np.inf
    return {
        "recall_at_equal": round(float((high > above).mean()), 4) if len(high) else None,
        "auc": auc([*high, *low], [True] * len(high) + [False] * len(low)),
        "recall": round(float((high >= limit).mean()), 4) if len(high) else None,
        "false_positives": int((low >= limit).sum()),
    }


def _actors(host: Host, *, hostile: bool) -> list[str]:
    present = set(host.tokens.actor)
    return sorted(actor for actor, truth in host.truth.items() if truth.hostile is hostile and actor in present)


def over_threshold(host: Host) -> set[str]:
    """Actors that fail five times within ten minutes at some time: what a perfect pattern would have banned."""
    failed = host.events.filter(pl.col("failed")).sort("time").group_by("actor").agg("time")
    return {
        actor
        for actor, times in failed.iter_rows()
        if any(b - a <= _WINDOW for a, b in zip(times, times[_FAILURES - 1 :], strict=False))
    }


def _threshold(_training: Sequence[Host], _seed: int) -> Score:
    def score(host: Host, actors: list[str]) -> np.ndarray:
        over = over_threshold(host)
        return np.array([float(actor in over) for actor in actors])

    return score


def _share_of_4xx(_training: Sequence[Host], _seed: int) -> Score:
    return lambda host, actors: _counters(host, actors)[:, 1]


def _counters(host: Host, actors: list[str]) -> np.ndarray:
    """[actors, 10]: counts, shares, spans and variety of an actor's whole timeline."""
    status = pl.col("status")
    gaps = pl.col("time").sort().diff().drop_nulls()
    table = host.events.group_by("actor").agg(
        pl.len().log1p().alias("events"),
        ((status >= 400) & (status < 500)).mean().alias("share_4xx"),
        (status >= 500).mean().alias("share_5xx"),
        pl.col("failed").mean().alias("share_failed"),
        pl.col("failed").sum().log1p().alias("failed"),
        pl.col("web").mean().alias("share_web"),
        (pl.col("time").max() - pl.col("time").min()).log1p().alias("span"),
        gaps.median().log1p().alias("median_gap"),
        gaps.std().log1p().alias("gap_spread"),
        (pl.col("time") // 86400).n_unique().log1p().alias("days"),
    )
    joined = pl.DataFrame({"actor": actors}, schema={"actor": pl.String}).join(
        table, "actor", "left", maintain_order="left"
    )
    return joined.drop("actor").fill_null(0).fill_nan(0).to_numpy()


def _boosting(training: Sequence[Host], seed: int) -> Score:
    inputs, truth = _gathered(training, _counters)
    model = HistGradientBoostingClassifier(random_state=seed, class_weight="balanced").fit(
        np.concatenate(inputs), truth
    )
    return lambda host, actors: model.predict_proba(_counters(host, actors))[:, 1] if actors else np.zeros(0)


def _ngrams(training: Sequence[Host], seed: int) -> Score:
    hashing = HashingVectorizer(analyzer="char", ngram_range=(2, 4), n_features=2**18)
    inputs, truth = _gathered(training, _joined_texts)
    texts = [text for part in inputs for text in part]
    model = LogisticRegression(max_iter=200, class_weight="balanced", random_state=seed).fit(
        hashing.transform(texts), truth
    )

    def score(host: Host, actors: list[str]) -> np.ndarray:
        if not actors:
            return np.zeros(0)
        found: np.ndarray = model.predict_proba(hashing.transform(_joined_texts(host, actors)))[:, 1]
        return found

    return score


def _joined_texts(host: Host, actors: list[str]) -> list[str]:
    texts: dict[str, list[str]] = {actor: [] for actor in actors}
    for i, actor in enumerate(host.tokens.actor):
        if actor in texts and len(texts[actor]) < _TEXTS:
            texts[actor].append(f"{host.tokens.request[i]} {host.tokens.second[i]}")
    return ["\n".join(texts[actor]) for actor in actors]


def _gathered(hosts: Sequence[Host], read: Callable[[Host, list[str]], Read]) -> tuple[list[Read], list[int]]:
    inputs, truth = [], []
    for host in hosts:
        hostile, benign = _actors(host, hostile=True), _actors(host, hostile=False)
        inputs.append(read(host, hostile + benign))
        truth += [1] * len(hostile) + [0] * len(benign)
    return inputs, truth
