"""Fine-tuning on a host's own logs and verdicts: the actor model's last layer alone, held near what it was.

    own labelled actors ─┐
    replayed worlds ─────┴─> the inputs of the last layer ─> logistic regression ─> as far as VALIDATION allows

Everything else stays: what a text means is not learned from one host, and with the same calibration and thresholds the
stated rates can be checked. VALIDATION is shipped as seeds of the simulator: the same worlds everywhere. A tuned model
that bans one honest address more there, or finds fewer than 99 % of the attackers found before, is not written.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model.labels import GROUPS
from fail2ban_ai.model.scorer import groups
from fail2ban_ai.model.weights import SENSITIVITIES
from fail2ban_ai.training import calibrate, corpora, fit_actor, train
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.simulator import training_world

VALIDATION = range(990_001, 990_013)
"""Seeds of the worlds that a tuned model must not do worse on. No training draws them (see gather.hosts)."""
REPLAYED = range(980_001, 980_009)
"""Seeds of the worlds beside the own host, so that what holds elsewhere is not forgotten."""

FEWEST = 10  # actors with verdicts in the logs: fewer say nothing
_STEPS = (1.0, 0.5, 0.25, 0.1)  # of the way from the old layer to the fitted one, the longest that VALIDATION allows
_HELD = 0.01  # weight of the squared way from the old layer
_FEWER = 0.01  # share of the attackers found in VALIDATION that may be missed after

Tell = Callable[[str, int, int], None]
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a tuning changed. `wrong`: actors with verdicts on the wrong side of the normal threshold."""

    hostile: int  # actors with verdicts
    benign: int
    wrong_before: int
    wrong_after: int
    step: float  # of _STEPS
    validation: Counts  # by sensitivity: hostile actors found, benign ones that would be banned


def tune(folder: Path, host: Host, out: Path, tell: Tell) -> Tuned:
    """Tune the weights in `folder` to `host`, whose truth is the verdicts; writes a weights folder to `out`.

    Raises:
        ModelError: there are too few verdicts, the model agrees with them already, or it would get worse elsewhere.
    """
    torch.set_num_threads(train.THREADS)
    made, card = train.read(folder)
    present = set(host.tokens.actor)
    host.truth = {actor: truth for actor, truth in host.truth.items() if actor in present}
    sides = [truth.hostile for truth in host.truth.values()]
    if len(sides) < FEWEST:
        raise ModelError(f"The logs hold {len(sides)} addresses with a verdict; fewer than {FEWEST} teach nothing.")
    validation = _worlds(VALIDATION, tell, "validation worlds")
    before, own_before = _counts(made, card, validation), _wrong(made, card, host)
    if own_before == 0:
        raise ModelError(f"The model agrees with all {len(sides)} verdicts already: there is nothing to learn.")
    fitted = _fitted(made, card, [host, *_worlds(REPLAYED, tell, "replayed worlds")])
    layer = made.behaviour.actor.hostile
    old = copy.deepcopy(layer.state_dict())
    worse = ""
    for number, step in enumerate(_STEPS):
        layer.load_state_dict({name: old[name] + step * (fitted[name] - old[name]) for name in old})
        after, own_after = _counts(made, card, validation), _wrong(made, card, host)
        tell("checks", number + 1, len(_STEPS))
        worse = worse or _worse(before, after)
        if not _worse(before, after) and own_after < own_before:
            result = Tuned(sum(sides), len(sides) - sum(sides), own_before, own_after, step, after)
            card["tuned"] = asdict(result) | {"on": datetime.now(UTC).date().isoformat()}
            train.write(out, made, card)
            return result
    if worse:
        raise ModelError(f"Refused: on the shipped validation set the tuned model {worse}. Nothing was written.")
    raise ModelError(f"Tuning changes none of the {own_before} verdicts that the model disagrees with.")


def _worlds(seeds: Sequence[int], tell: Tell, stage: str) -> list[Host]:
    found = []
    for number, seed in enumerate(seeds):
        found.append(corpora.simulated(training_world(seed), f"world{seed}"))
        tell(stage, number + 1, len(seeds))
    return found


def _counts(made: train.Learned, card: dict[str, Any], hosts: list[Host]) -> Counts:
    """Hostile actors found and benign ones that would be banned, by sensitivity."""
    table = np.array([card["calibration"][group] for group in GROUPS])
    left = [(one, calibrate.peak(one, table)) for one in train.judged(made, train.read_by(made, hosts))]
    out = {}
    for name in SENSITIVITIES:
        over = [one.hostile for one, peak in left if peak >= card["thresholds"][GROUPS[one.group]][name]]
        out[name] = {"found": sum(over), "wrong": len(over) - sum(over)}
    return out


def _wrong(made: train.Learned, card: dict[str, Any], host: Host) -> int:
    """Verdicts that the model contradicts at the normal threshold."""
    counts = _counts(made, card, [host])["normal"]
    return sum(truth.hostile for truth in host.truth.values()) - counts["found"] + counts["wrong"]


def _worse(before: Counts, after: Counts) -> str:
    """What a tuned model does worse, as the end of a sentence; "" for nothing."""
    for name in SENSITIVITIES:
        more = after[name]["wrong"] - before[name]["wrong"]
        fewer = before[name]["found"] - after[name]["found"]
        if more > 0:
            return f"would ban {more} more honest addresses ({name})"
        if fewer > _FEWER * before[name]["found"]:
            return f"would miss {fewer} more attackers ({name})"
    return ""


def _fitted(made: train.Learned, card: dict[str, Any], hosts: list[Host]) -> dict[str, torch.Tensor]:
    """The last layer fitted to the first host and, as heavy, to all others, for the score as the card calibrates it.

    On each the sides weigh as calibrate.PRIOR says, so that calibration and thresholds keep their meaning.
    """
    data = train.read_by(made, hosts)
    parts = [[w for w in data.windows if (w.host == 0) is own and w.hostile is side] for own, side in _SIDES]
    table = torch.tensor([card["calibration"][group] for group in GROUPS])
    inputs, truth, weight, scale, shift = [], [], [], [], []
    for (_, side), windows in zip(_SIDES, parts, strict=True):
        share = calibrate.PRIOR if side else 1 - calibrate.PRIOR
        for window, states in zip(windows, fit_actor.states(made.behaviour, data, windows), strict=True):
            rows = torch.from_numpy(states[window.first :])
            inputs.append(rows)
            truth.append(torch.full((len(rows),), float(side)))
            weight.append(torch.full((len(rows),), share / (len(rows) * len(windows))))
            events = window.rows[window.first :]
            of_group = table[groups(hosts[window.host].tokens.numeric[events[-1:]])[0]]
            scale.append(of_group[0].expand(len(rows)))
            shift.append(of_group[1] + of_group[2] * torch.from_numpy(data.requested(window.host, events)))
    x, y, w, a, b = (torch.cat(each).double() for each in (inputs, truth, weight, scale, shift))
    layer = copy.deepcopy(made.behaviour.actor.hostile).double()
    first = [parameter.detach().clone() for parameter in layer.parameters()]
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(a * layer(x).squeeze(-1) + b, y, w, reduction="sum")
        way = sum(((p - q) ** 2).sum() for p, q in zip(layer.parameters(), first, strict=True))
        loss = loss + _HELD * way
        loss.backward()
        return loss

    optimiser.step(closure)
    return {name: value.float() for name, value in layer.state_dict().items()}


_SIDES = ((True, True), (True, False), (False, True), (False, False))  # own host, hostile
