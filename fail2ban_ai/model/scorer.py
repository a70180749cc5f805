"""Tokens to scores: encode the texts nobody has seen, keep each actor's window, judge each event as of its own time."""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.columns import NUMERIC, ordinary
from fail2ban_ai.caps import Caps
from fail2ban_ai.model.cache import TextCache
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS, GROUPS, KINDS
from fail2ban_ai.model.onnx import DIGITS, OnnxRuntime
from fail2ban_ai.model.runtime import COMPANY, Floats, Runtime
from fail2ban_ai.model.weights import Weights, load
from fail2ban_ai.model.windows import Windows, pack

_WEB, _MAIL, _REQUEST, _OK, _MISSING = (NUMERIC.index(name) for name in ("web", "mail", "request", "ok", "missing"))
_SCAN = ATTACKS.index("scan")
NAMED = tuple(ATTACKS.index(name) for name in ("secret", "webshell", "scan"))
"""Classes of attack that the name of a page gives away, which honest pages have too."""
_MEANT = 0.9  # probability of hostile intent in a request's text from which it may convict by itself
_SAID = 1.0  # what the n-gram regression says (a third of its logit) of a request that it takes for an attack
_AGREED = 0.7  # the same where the encoder sees one of the classes NAMED: old pages are named so, and links last


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
    unmistakable: npt.NDArray[np.bool_]  # [n] whether this one request may convict by itself
    company: Floats  # [n, COMPANY] whom the actor belongs with (runtime.COMPANY), calibrated


def features(texts: Sequence[Floats], numeric: Floats, embedding: int) -> Floats:
    """The input of the event layer, [n, 3 * text + numeric]: training and scoring both build it here.

    `texts`: request, second and referer, encoded. Of a web request only what the encoder concludes is kept, not its
    embedding (the first `embedding` numbers): that ties a score to the sites of the training hosts.
    """
    web = numeric[:, _WEB] > 0
    parts = [text.astype(np.float32) for text in texts]
    for part in parts:
        part[web, :embedding] = 0
    return np.concatenate([*parts, numeric.astype(np.float32)], axis=1)


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
        scale, shift = self.weights.card["membership"]["calibration"]
        # Of the logit that two vectors make: a * (product of directions + both leanings) + b.
        self._company = np.array([[math.sqrt(scale)] * (COMPANY - 1) + [scale], [0.0] * (COMPANY - 1) + [shift / 2]])
        caps = caps or Caps()
        self._cache = TextCache(self.runtime.encode, caps.encoded)
        self._windows = Windows(caps.vectors)

    def score(self, tokens: TokensLike, skip: Set[str] = frozenset()) -> Scores:
        """The scores of each token. Events of actors in `skip` are not looked at: their rows are NaN.

        To skip an actor and later to ask for it again gives scores without the events between.
        """
        n = len(tokens.actor)
        hostile, kind, attack, company = (
            np.full(shape, np.nan, np.float32) for shape in ((n,), (n, len(KINDS)), (n, len(ATTACKS)), (n, COMPANY))
        )
        scores = Scores(hostile, kind, attack, np.zeros(n, np.bool_), company)
        rows = np.array([i for i, actor in enumerate(tokens.actor) if actor not in skip], np.int64)
        if not len(rows):
            return scores
        width = self.runtime.sizes.text
        texts = [
            self._cache.rows([column[i] for i in rows], width)
            for column in (tokens.request, tokens.second, tokens.referer)
        ]
        numeric = tokens.numeric[rows]
        embedding = self.runtime.sizes.embedding
        vectors = self.runtime.embed(features(texts, numeric, embedding))
        scores.attack[rows] = attacks(texts[0], embedding)
        self._judge(tokens, rows, vectors, scores)
        said = requested(texts[0], numeric)
        scores.unmistakable[rows] = convicting(scores.attack[rows], intent(texts[0]), said, numeric)
        scores.hostile[rows] = calibrate(scores.hostile[rows], said, groups(numeric), self._calibration)
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
            made = np.stack([each.company for each in judged])[jobs.new]
            scores.company[own] = made * self._company[0] + self._company[1]


def attacks(request: Floats, embedding: int) -> Floats:
    """[n, len(ATTACKS)] of encoded request texts; an empty text (a row of zeros) is benign."""
    found = request[:, embedding : embedding + len(ATTACKS)].copy()
    found[found.sum(axis=1) == 0, 0] = 1.0
    return found


def intent(request: Floats) -> Floats:
    """[n] probability of hostile intent of encoded request texts."""
    found: Floats = request[:, -2]
    return found


def convicting(attack: Floats, intent: Floats, said: Floats, numeric: Floats) -> npt.NDArray[np.bool_]:
    """Whether each request may convict by itself: the encoder or the n-gram regression sees an attack in it.

    Not one that is ordinary here, nor a log-in page or panel that is there (class `scan`, answered 2xx): that is what
    an honest visitor asks for too. Of a page's name alone both must think so: whoever follows a dead link asks for an
    odd name as well. `intent`: how hostile the encoder takes the senders of such a text for; that is enough where the
    answer is a refusal, but not where there is no such page.
    """
    best = attack.argmax(axis=1)
    sees = (best > 0) & (attack.max(axis=1) >= ATTACK_SEEN)
    there, missing = numeric[:, _OK] > 0, numeric[:, _MISSING] > 0
    seen = sees & (~np.isin(best, NAMED) | (said >= _AGREED))
    seen |= (said >= _SAID) | ((intent >= _MEANT) & ~there & ~missing)
    there &= best == _SCAN
    found: npt.NDArray[np.bool_] = seen & (numeric[:, _REQUEST] > 0) & ~there & ~ordinary(numeric)
    return found


def groups(numeric: Floats) -> np.ndarray:
    """The index in labels.GROUPS of each event's service, from the features."""
    return np.where(numeric[:, _WEB] > 0, 0, np.where(numeric[:, _MAIL] > 0, 2, 1))


def calibrate(logits: Floats, said: Floats, group: np.ndarray, calibration: np.ndarray) -> Floats:
    """Platt scaling (Platt 1999) with a second input: sigmoid(a * logit + b + c * said), rounded as all scores are.

    `said`: what the n-gram regression makes of each event's request (`requested`). The actor model alone ranks badly
    among what it is sure of. `calibration`: [len(GROUPS), 3], a > 0, b and c >= 0 of each group.
    """
    scale, shift, weight = (calibration[group, i] for i in range(3))
    scaled = np.clip(logits.astype(np.float64) * scale + shift + weight * said, -30, 30)
    scores: Floats = np.round(1 / (1 + np.exp(-scaled)), DIGITS).astype(np.float32)
    return scores


def requested(request: Floats, numeric: Floats) -> Floats:
    """The n-gram regression's word on each event's encoded request text; 0 where the event is no web request.

    Against a request that is ordinary here it has no say: another site may have no such page.
    """
    said = np.where(ordinary(numeric), np.minimum(request[:, -1], 0), request[:, -1])
    found: Floats = np.where(numeric[:, _REQUEST] > 0, said, np.float32(0))
    return found
