"""Train the event layer and the actor model on windows of labelled actors."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model.scorer import groups
from fail2ban_ai.training.device import DEVICE, descending
from fail2ban_ai.training.modules import Actor, Event, text_width
from fail2ban_ai.training.sequences import Sequences, Window
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.step import descend

Tell = Callable[[int, int], None]

_WEAK = 0.5  # weight of actors labelled by attack patterns alone, which flatter a model that sees the same text
_GROUP_SHARES = (0.5, 0.3, 0.2)  # of labels.GROUPS, in training
_TEXT_LOST = 0.06  # share of an event's texts hidden in training, so that no single text carries a verdict
_REFERER_LOST = 0.25  # share of windows without any referer: some logs have none, and some sites forbid it
_AGENT_LOST = 0.1  # share of web windows without any agent: the common format has none
_COOLED = 0.3  # share of windows whose familiarity is scaled by a random factor: how much is known differs by host
_KEPT = 0.997  # of the averaged weights at each step (Polyak averaging), which move less with the last batches
_LOOKS = 10  # at hosts left out, evenly over a training …
_FIRST_LOOK = 4  # … from this one on: before it the steps are still getting longer
_PATIENCE = 3  # looks without a better one that end it
_LOOKED_AT = 2_000  # windows of those hosts
_AT = {name: i for i, name in enumerate(NUMERIC)}
_FAMILIARITY = [_AT[name] for name in ("familiar", "touched", "agent_known", "warm", "account_pressed")]


@dataclass(slots=True)
class Behaviour:
    """The event layer and the actor model, which are trained together."""

    event: Event
    actor: Actor
    steps: int = 0  # of training, after which it was at its best

    def eval(self) -> "Behaviour":
        """Without dropout."""
        self.event.eval()
        self.actor.eval()
        return self


@descending()
def train(
    data: Sequences, setting: Setting, seed: int, tell: Tell, *, outside: Sequences | None = None, steps: int = 0
) -> Behaviour:
    """Trained on the windows of `data`. Loss at every event of a window: the model learns to answer early.

    With hosts that are left out, `outside`, it is looked at now and then how it does there: what did best is kept, and
    training ends when it gets no better (early stopping). `steps`: how many to go of the setting's, all by default.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    made = Behaviour(Event(setting), Actor(setting))
    modules = nn.ModuleList([made.event, made.actor]).to(DEVICE)
    windows, weight = data.windows, _chances(data, data.windows)
    optimiser = torch.optim.AdamW(modules.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=setting.actor_steps + 1)
    modules.train()
    averaged = copy.deepcopy(modules)
    best = _Best(outside)
    looks = {setting.actor_steps * i // _LOOKS for i in range(_FIRST_LOOK, _LOOKS + 1)}
    step, steps = 0, steps or setting.actor_steps
    while step < steps and not best.passed:
        drawn = rng.choice(len(windows), setting.actor_batch * 8, p=weight)
        drawn = drawn[np.argsort([len(windows[i].rows) for i in drawn], kind="stable")]
        for part in rng.permutation(np.array_split(np.arange(len(drawn)), 8)):
            loss = _loss(made, data, [windows[i] for i in drawn[part]], text_width(setting), rng)
            descend(loss, modules, optimiser, schedule)
            step += 1
            _average(averaged, modules, min(_KEPT, (step + 1) / (step + 10)))
            tell(step, steps)
            if step in looks:
                best.look(averaged, step)
            if step >= steps or best.passed:
                break
    return best.kept or _behaviour(averaged, step)


class _Best:
    """The weights that did best on hosts left out, so far."""

    def __init__(self, outside: Sequences | None) -> None:
        self.kept: Behaviour | None = None
        self._least, self._worse = np.inf, 0
        self._data, self._windows = outside, []
        if outside is not None and outside.windows:
            rng = np.random.default_rng(0)  # the same windows whatever the seed of the training
            drawn = rng.choice(len(outside.windows), _LOOKED_AT, p=_chances(outside, outside.windows))
            self._windows = [outside.windows[i] for i in drawn]

    @property
    def passed(self) -> bool:
        """Whether it has got no better for long."""
        return self._worse >= _PATIENCE

    def look(self, averaged: nn.ModuleList, step: int) -> None:
        if self._data is None or not self._windows:
            return
        made = _behaviour(copy.deepcopy(averaged), step)
        truth = np.array([window.hostile for window in self._windows])
        signs = np.where(truth, -1.0, 1.0)
        judged = judge(made, self._data, self._windows)
        loss = float(np.mean([np.logaddexp(0, sign * row).mean() for sign, row in zip(signs, judged, strict=True)]))
        if loss < self._least:
            self.kept, self._least, self._worse = made, loss, 0
        else:
            self._worse += 1


def _behaviour(modules: nn.ModuleList, steps: int) -> Behaviour:
    modules.cpu()
    return Behaviour(modules[0], modules[1], steps).eval()


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def _average(averaged: nn.Module, modules: nn.Module, kept: float) -> None:
    for mean, present in zip(averaged.parameters(), modules.parameters(), strict=True):
        mean.lerp_(present, 1 - kept)


def _chances(data: Sequences, windows: list[Window]) -> np.ndarray:
    """Chance of each window. Within a service group the hostile and the benign side weigh alike.

    Within a side a host counts by the root of its actors, and an actor's windows share its chance. Were the groups not
    kept apart, nearly every failed log-in would be hostile, and a mistyped password with them.
    """
    actors: dict[tuple[int, str], int] = {}
    sizes: dict[tuple[int, bool], int] = {}
    for window in windows:
        if actors.setdefault((window.host, window.actor), 0) == 0:
            sizes[window.host, window.hostile] = sizes.get((window.host, window.hostile), 0) + 1
        actors[window.host, window.actor] += 1
    chance = np.array([1 / (np.sqrt(sizes[w.host, w.hostile]) * actors[w.host, w.actor]) for w in windows])
    hostile = np.array([window.hostile for window in windows])
    group = np.array([groups(data.hosts[w.host].tokens.numeric[w.rows[-1:]])[0] for w in windows])
    for number, share in enumerate(_GROUP_SHARES):
        for side in (hostile, ~hostile):
            own = side & (group == number)
            if own.any():
                chance[own] *= share / chance[own].sum()
    normalised: np.ndarray = chance / chance.sum()
    return normalised


def batch(data: Sequences, windows: list[Window]) -> tuple[Tensor, Tensor]:
    """Features [b, n, f], zeros beyond a window's end, and the mask [b, n] of real events."""
    longest = max(len(window.rows) for window in windows)
    parts = [data.features(window) for window in windows]
    inputs = np.zeros((len(windows), longest, parts[0].shape[1]), np.float32)
    real = np.zeros((len(windows), longest), np.float32)
    for i, part in enumerate(parts):
        inputs[i, : len(part)] = part
        real[i, : len(part)] = 1
    return torch.from_numpy(inputs), torch.from_numpy(real)


def _loss(made: Behaviour, data: Sequences, windows: list[Window], width: int, rng: np.random.Generator) -> Tensor:
    inputs, real = batch(data, windows)
    b, n, _ = inputs.shape
    _disturb(inputs, width, rng)
    inputs, real = inputs.to(DEVICE), real.to(DEVICE)
    hostile, kind = made.actor.logits(made.event(inputs.reshape(b * n, -1)).reshape(b, n, -1))
    truth = torch.tensor([[float(w.hostile)] for w in windows], device=DEVICE).expand(b, n)
    weight = real / real.sum(1, keepdim=True)
    strong = [1.0 if data.hosts[w.host].truth[w.actor].strong else _WEAK for w in windows]
    weight = weight * torch.tensor(strong, device=DEVICE).unsqueeze(1)
    loss = (functional.binary_cross_entropy_with_logits(hostile, truth, reduction="none") * weight).sum() / b
    if any(w.kind >= 0 for w in windows):
        kinds = torch.tensor([w.kind for w in windows], device=DEVICE)
        per_event = functional.cross_entropy(
            kind.reshape(b * n, -1), kinds.repeat_interleave(n), ignore_index=-1, reduction="none"
        )
        loss = loss + 0.3 * (per_event.reshape(b, n) * weight).sum() / b
    return loss


def _disturb(inputs: Tensor, width: int, rng: np.random.Generator) -> None:
    """Hide in place what another host's log may lack, so that its absence tells nothing."""
    b, n, _ = inputs.shape
    numbers = 3 * width
    for part in range(3):
        kept = torch.from_numpy((rng.random((b, n, 1)) >= _TEXT_LOST).astype(np.float32))
        inputs[:, :, part * width : (part + 1) * width] *= kept
    without = torch.from_numpy(rng.random(b) < _REFERER_LOST)
    inputs[without, :, 2 * width : numbers] = 0
    inputs[without, :, numbers + _AT["referer"]] = 0
    without = torch.from_numpy(rng.random(b) < _AGENT_LOST) & (inputs[:, 0, numbers + _AT["web"]] > 0)
    inputs[without, :, width : 2 * width] = 0
    for name in ("agent_known", "agents"):
        inputs[without, :, numbers + _AT[name]] = 0
    cooled = rng.random(b) < _COOLED
    for place in _FAMILIARITY:
        factor = np.where(cooled, rng.uniform(0.2, 1.1, b), 1).astype(np.float32)
        inputs[:, :, numbers + place] *= torch.from_numpy(factor).unsqueeze(1)


def judge(made: Behaviour, data: Sequences, windows: list[Window]) -> list[np.ndarray]:
    """Hostile logits of each window's events, in the order of `windows`."""
    found: list[np.ndarray] = _read(made, data, windows, lambda states: made.actor.hostile(states).squeeze(-1))
    return found


def states(made: Behaviour, data: Sequences, windows: list[Window]) -> list[np.ndarray]:
    """What the actor model's last layers are given of each window's events, [events, width]."""
    found: list[np.ndarray] = _read(made, data, windows, lambda states: states)
    return found


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def _read(
    made: Behaviour, data: Sequences, windows: list[Window], last: Callable[[Tensor], Tensor]
) -> list[np.ndarray]:
    out: list[np.ndarray] = [np.zeros(0, np.float32)] * len(windows)
    order = np.argsort([len(w.rows) for w in windows], kind="stable")
    for part in np.array_split(order, max(1, len(order) // 64)):
        inputs, _ = batch(data, [windows[i] for i in part])
        b, n, _ = inputs.shape
        read = last(made.actor.states(made.event(inputs.reshape(b * n, -1)).reshape(b, n, -1)))
        for i, row in zip(part, read.numpy(), strict=True):
            out[i] = row[: len(windows[i].rows)]
    return out
