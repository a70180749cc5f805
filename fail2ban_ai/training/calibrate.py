"""From logits on hosts left out of training to calibrated scores and thresholds, for each service group."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from fail2ban_ai.judge import LASTING
from fail2ban_ai.model.labels import GROUPS
from fail2ban_ai.model.scorer import calibrate
from fail2ban_ai.model.weights import SENSITIVITIES
from fail2ban_ai.training.fit_company import Pairs

RATES = dict(zip(SENSITIVITIES, (0.0003, 0.001, 0.005), strict=True))
"""Share of benign actors of hosts left out that a threshold may call hostile at any event that the judge goes by."""

SINGLE_RATE = 0.0003
"""The same for one request that is taken for an attack, and enough by itself."""

_LEAST_HELD = 0.75  # too few benign actors come often enough for a rate to speak for itself
_FEWEST = 20  # benign and hostile actors that a group needs for a calibration of its own


@dataclass(slots=True)
class Left:
    """One actor of a host left out: its logits as of each event, in order of time."""

    host: str
    actor: str
    group: int  # index in GROUPS
    hostile: bool
    logits: np.ndarray
    said: np.ndarray  # by the n-gram regression of each event's request (model.scorer.requested)
    counted: np.ndarray  # bool: events at which the judge would go by the score (see fail2ban_ai.judge)
    single: np.ndarray  # bool: first events that look like an attack, at which it would go by a score beyond doubt


PRIOR = 0.1
"""Share of hostile actors that scores assume. On an open port it is more, in an office less; thresholds absorb it."""


COMPANY_RATE = 0.0003
"""Share of honest actors of hosts left out that may be taken for members of a campaign there."""


def platt(actors: list[Left]) -> dict[str, list[float]]:
    """[a, b, c] for each group, score = sigmoid(a * logit + b + c * said).

    The actors of each class weigh alike, and the classes together as PRIOR says.
    """
    whole = _fit(actors)
    fitted = {group: _fit(own) if _enough(own) else whole for group, own in _by_group(actors).items()}
    # Log-ins have no requests; what a visit to the site left among them must not be read as a weight.
    return {group: [*values[:2], values[2] if group == "web" else 0.0] for group, values in fitted.items()}


def thresholds(actors: list[Left], calibration: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """The lowest threshold of each group and sensitivity that keeps RATES on these actors, never under .5.

    A host counts by the root of its benign actors, or the oddities of the largest one would choose the threshold.
    """
    table = np.array([calibration[group] for group in GROUPS])
    out: dict[str, dict[str, float]] = {}
    for group, own in _by_group(actors).items():
        used = own if _enough(own) else actors
        peaks = _peaks([one for one in used if not one.hostile], table, lambda one: one.counted)
        out[group] = {name: _over(peaks, rate) for name, rate in RATES.items()}
    return out


def singles(
    actors: list[Left], calibration: dict[str, list[float]], limits: dict[str, dict[str, float]]
) -> dict[str, float]:
    """The score of each group from which a first request is enough: SINGLE_RATE on these, at least `normal`."""
    table = np.array([calibration[group] for group in GROUPS])
    out = {}
    for group, own in _by_group(actors).items():
        benign = [one for one in (own if _enough(own) else actors) if not one.hostile]
        out[group] = max(limits[group]["normal"], _over(_peaks(benign, table, lambda one: one.single), SINGLE_RATE))
    return out


def lasting(actors: list[Left], calibration: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """As `thresholds`, for scores held over judge.LASTING events in a row: a visitor may look odd for a moment."""
    table = np.array([calibration[group] for group in GROUPS])
    out: dict[str, dict[str, float]] = {}
    for group, own in _by_group(actors).items():
        benign = [one for one in (own if _enough(own) else actors) if not one.hostile]
        crowd = Counter(one.host for one in benign)
        held = sorted(((_held(one, table), 1 / math.sqrt(crowd[one.host])) for one in benign), reverse=True)
        out[group] = {name: max(_LEAST_HELD, _over(held, rate)) for name, rate in RATES.items()}
    return out


def _held(one: Left, table: np.ndarray) -> float:
    """The highest calibrated score that an actor held over LASTING events in a row; 0 where it had fewer."""
    if len(one.logits) < LASTING:
        return 0.0
    return float(np.lib.stride_tricks.sliding_window_view(_scores(one, table), LASTING).min(axis=1).max())


def peak(one: Left, table: np.ndarray, events: np.ndarray | None = None) -> float:
    """The highest calibrated score that an actor had at `events`, by default where the judge would go by it; else 0."""
    events = one.counted if events is None else events
    if not events.any():
        return 0.0
    return float(_scores(one, table)[events].max())


def _scores(one: Left, table: np.ndarray) -> np.ndarray:
    return calibrate(one.logits, one.said, np.full(len(one.logits), one.group), table)


def _peaks(benign: list[Left], table: np.ndarray, events: Callable[[Left], np.ndarray]) -> list[tuple[float, float]]:
    """Score and weight of each actor, highest first."""
    crowd = Counter(one.host for one in benign)
    return sorted(((peak(one, table, events(one)), 1 / math.sqrt(crowd[one.host])) for one in benign), reverse=True)


def _over(peaks: list[tuple[float, float]], rate: float) -> float:
    """The lowest score that actors of at most `rate` of the weight reach; `peaks`: score and weight, highest first."""
    allowed = rate * sum(weight for _, weight in peaks)
    limit = 0.0
    for score, weight in peaks:
        allowed -= weight
        if allowed < 0:
            limit = score
            break
    return round(min(0.999, max(0.5, limit + 0.001)), 3)


def _by_group(actors: list[Left]) -> dict[str, list[Left]]:
    return {group: [one for one in actors if one.group == i] for i, group in enumerate(GROUPS)}


def _enough(actors: list[Left]) -> bool:
    hostile = sum(one.hostile for one in actors)
    return min(hostile, len(actors) - hostile) >= _FEWEST


def membership(found: Sequence[Pairs]) -> dict[str, list[float] | float]:
    """Calibration [a, b] of "belongs to this campaign", sigmoid(a * logit + b), and the score from which one does.

    The threshold is the lowest that keeps COMPANY_RATE, never under .5.
    """
    logits, belongs, benign = (
        torch.from_numpy(np.concatenate([getattr(each, part) for each in found])).double()
        for part in ("logits", "belongs", "benign")
    )
    if not 0 < belongs.sum() < len(belongs):
        return {"calibration": [1.0, 0.0], "threshold": 0.999}
    scale, shift, _ = _optimised(logits, torch.zeros_like(logits), belongs, torch.ones_like(logits))
    honest = torch.sigmoid(scale * logits[benign == 1] + shift)
    peaks = [(score, 1.0) for score in sorted(honest.tolist(), reverse=True)]
    return {"calibration": [scale, shift], "threshold": _over(peaks, COMPANY_RATE)}


def _fit(actors: list[Left]) -> list[float]:
    if not any(one.hostile for one in actors) or all(one.hostile for one in actors):
        return [1.0, 0.0, 0.0]
    logits = torch.from_numpy(np.concatenate([one.logits for one in actors])).double()
    said = torch.from_numpy(np.concatenate([one.said for one in actors])).double()
    truth = torch.tensor([one.hostile for one in actors for _ in one.logits]).double()
    weight = torch.tensor([1 / len(one.logits) for one in actors for _ in one.logits]).double()
    return _optimised(logits, said, truth, weight)


def _optimised(logits: torch.Tensor, said: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> list[float]:
    """[a, b, c] as in `platt`; both classes together weigh as PRIOR says."""
    for side, share in ((truth == 1, PRIOR), (truth == 0, 1 - PRIOR)):
        weight[side] *= share / weight[side].sum()
    scale, shift, share = (torch.zeros(1).double().requires_grad_() for _ in range(3))
    optimiser = torch.optim.LBFGS([scale, shift, share], max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        scaled = logits * scale.exp() + shift + said * share
        loss = functional.binary_cross_entropy_with_logits(scaled, truth, weight, reduction="sum")
        loss.backward()
        return loss

    optimiser.step(closure)
    return [round(max(0.05, scale.exp().item()), 4), round(shift.item(), 4), round(max(0.0, share.item()), 4)]
