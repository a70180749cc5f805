"""Tokens to scores: encode the texts nobody has seen, keep each actor's window, judge each event as of its own time."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fail2ban_ai.actors.features import NUMERIC
from fail2ban_ai.caps import Caps
from fail2ban_ai.model.cache import TextCache
from fail2ban_ai.model.labels import ATTACKS, GROUPS, KINDS
from fail2ban_ai.model.onnx import DIGITS, OnnxRuntime
from fail2ban_ai.model.runtime import Floats, Runtime
from fail2ban_ai.model.weights import Weights, load
from fail2ban_ai.model.windows import Windows, pack

_WEB, _MAIL = NUMERIC.index("web"), NUMERIC.index("mail")


class TokensLike(Protocol):
    """The columns of actors.Tokens that scoring reads, one entry for each event, in order of time."""

    actor: list[str]
    time: np.ndarray
    request: list[str]
    second: list[str]
    referer: list[str]
    numeric: Floats


@dataclass(slots=True)
class Scores:
    """What the model says as of each event, one row for each token."""

    hostile: Floats  # [n] calibrated probability that the actor is hostile
    kind: Floats  # [n, len(KINDS)] probabilities
    attack: Floats  # [n, len(ATTACKS)] probabilities for this event's request text alone


def features(request: Floats, second: Floats, referer: Floats, numeric: Floats) -> Floats:
    """The input of the event layer, [n, 3 * text + numeric]: training and scoring both build it here."""
    return np.concatenate([request, second, referer, numeric.astype(np.float32)], axis=1)


class Scorer:
    """Scores tokens chunk by chunk. The scores do not depend on how a log was cut into chunks."""

    def __init__(
        self, runtime: Runtime | None = None, weights: Weights | None = None, caps: Caps | None = None
    ) -> None:
        """`runtime` defaults to the ONNX Runtime on `weights`, these to the shipped ones (ModelError if damaged)."""
        self.weights = weights or load()
        self.runtime = runtime or OnnxRuntime(self.weights)
        calibration = self.weights.card["calibration"]
        self._calibration = np.array([calibration[group] for group in GROUPS], np.float64)
        caps = caps or Caps()
        self._cache = TextCache(self.runtime.encode, caps.encoded)
        self._windows = Windows(caps.vectors)

    def score(self, tokens: TokensLike, skip: Set[str] = frozenset()) -> Scores:
        """The scores of each token. Events of actors in `skip` are not looked at: their rows are NaN.

        To skip an actor and later to ask for it again gives scores without the events between.
        """
        n = len(tokens.actor)
        scores = Scores(*(np.full(shape, np.nan, np.float32) for shape in ((n,), (n, len(KINDS)), (n, len(ATTACKS)))))
        rows = np.array([i for i, actor in enumerate(tokens.actor) if actor not in skip], np.int64)
        if not len(rows):
            return scores
        width = self.runtime.sizes.text
        request, second, referer = (
            self._cache.rows([column[i] for i in rows], width)
            for column in (tokens.request, tokens.second, tokens.referer)
        )
        numeric = tokens.numeric[rows]
        vectors = self.runtime.embed(features(request, second, referer, numeric))
        scores.attack[rows] = attacks(request, self.runtime.sizes.embedding)
        self._judge(tokens, rows, vectors, scores)
        scores.hostile[rows] = calibrate(scores.hostile[rows], groups(numeric), self._calibration)
        return scores

    def forget(self, before: float) -> int:
        """Drop what is held about actors silent since `before` (seconds since the epoch); how many were dropped."""
        return self._windows.forget(before)

    def _judge(self, tokens: TokensLike, rows: np.ndarray, vectors: Floats, scores: Scores) -> None:
        """Fill in what the actor model says of the rows, which have these event vectors."""
        added: dict[str, list[int]] = {}
        for place, row in enumerate(rows.tolist()):
            added.setdefault(tokens.actor[row], []).append(place)
        for jobs in self._windows.add(added, pack(vectors), tokens.time[rows]):
            judged = self.runtime.judge(list(jobs.sequences))
            own = rows[jobs.places]
            scores.hostile[own] = np.stack([each.hostile for each in judged])[jobs.new]
            scores.kind[own] = np.stack([each.kind for each in judged])[jobs.new]


def attacks(request: Floats, embedding: int) -> Floats:
    """[n, len(ATTACKS)] of encoded request texts; an empty text (a row of zeros) is benign."""
    found = request[:, embedding : embedding + len(ATTACKS)].copy()
    found[found.sum(axis=1) == 0, 0] = 1.0
    return found


def groups(numeric: Floats) -> np.ndarray:
    """The index in labels.GROUPS of each event's service, from the features."""
    return np.where(numeric[:, _WEB] > 0, 0, np.where(numeric[:, _MAIL] > 0, 2, 1))


def calibrate(logits: Floats, group: np.ndarray, calibration: np.ndarray) -> Floats:
    """Platt scaling (Platt 1999) for each service group: sigmoid(a * logit + b), rounded as all scores are.

    `calibration`: [len(GROUPS), 2], a > 0 and b of each group.
    """
    scale, shift = calibration[group, 0], calibration[group, 1]
    scaled = np.clip(logits.astype(np.float64) * scale + shift, -30, 30)
    scores: Floats = np.round(1 / (1 + np.exp(-scaled)), DIGITS).astype(np.float32)
    return scores
