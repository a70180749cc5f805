"""Train the head that tells whom an actor belongs with, on the states of an actor model that is trained already.

Pairs are drawn host by host, as the campaigns meet them: some members of a campaign, and beside further members of it
those of other campaigns and honest visitors of the same host. A crowd of honest visitors is drawn as well, with which
nobody belongs: what is alike is no campaign by that alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from fail2ban_ai.training import fit_actor
from fail2ban_ai.training.fit_actor import Behaviour
from fail2ban_ai.training.modules import Company
from fail2ban_ai.training.sequences import Sequences
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.step import descend

Tell = Callable[[int, int], None]

_RATE = 3e-3
_DRAWS = 24  # of one step
_TOGETHER = 16  # members of a campaign that are known, at most
_ASKED = 8  # of each sort, at most, whether they belong to these
_CROWDS = 0.25  # share of draws whose company is no campaign
_PAIRS = 3000  # draws for a calibration


@dataclass(slots=True)
class Crowd:
    """The labelled actors of one host: the states of each, [events, width]."""

    campaigns: list[list[np.ndarray]]  # members of each that has two or more
    benign: list[np.ndarray]
    single: list[np.ndarray]  # hostile ones that are alone in their campaign


@dataclass(slots=True)
class Draw:
    """Whether each of those asked about belongs to some others: one state each, [n, width]."""

    together: np.ndarray
    asked: np.ndarray  # members first, then honest visitors, then others
    members: int
    benign: int


@dataclass(slots=True)
class Pairs:
    """Logits of "belongs to this campaign" on hosts left out, and the truth."""

    logits: np.ndarray
    belongs: np.ndarray  # 1 for those who do
    benign: np.ndarray  # 1 for honest actors


def train(made: Behaviour, data: Sequences, setting: Setting, seed: int, tell: Tell) -> None:
    """Train `made.actor.company` in place; nothing else of it changes. Without any campaign it stays as it is."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = Company(setting.event)
    found = crowds(made, data)
    if not any(crowd.campaigns for crowd in found):
        return
    optimiser = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=setting.company_steps + 1)
    for step in range(setting.company_steps):
        drawn = list(draws(found, rng, _DRAWS))
        logits = _asked(head, drawn)
        losses = [
            functional.binary_cross_entropy_with_logits(row, _belong(draw))
            for row, draw in zip(logits, drawn, strict=True)
        ]
        descend(torch.stack(losses).mean(), head, optimiser, schedule)
        tell(step + 1, setting.company_steps)
    made.actor.company = head.eval()


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def pairs(made: Behaviour, data: Sequences) -> Pairs:
    """Who is taken to belong to whom on hosts that nothing was learned from."""
    drawn = list(draws(crowds(made, data), np.random.default_rng(0), _PAIRS))
    logits = [row.numpy() for row in _asked(made.actor.company, drawn)] if drawn else []
    places = [np.arange(len(draw.asked)) for draw in drawn]
    belongs = [at < draw.members for at, draw in zip(places, drawn, strict=True)]
    honest = [(at >= d.members) & (at < d.members + d.benign) for at, d in zip(places, drawn, strict=True)]
    return Pairs(*(np.concatenate([np.zeros(0), *each]) for each in (logits, belongs, honest)))


def crowds(made: Behaviour, data: Sequences) -> list[Crowd]:
    """The hosts with enough labelled actors to ask about."""
    actors: dict[tuple[int, str], list[np.ndarray]] = {}
    windows = data.windows
    for window, states in zip(windows, fit_actor.states(made, data, windows), strict=True):
        actors.setdefault((window.host, window.actor), []).append(states[window.first :])
    found: dict[int, dict[str, list[np.ndarray]]] = {}
    for (number, actor), parts in actors.items():
        truth = data.hosts[number].truth[actor]
        if not truth.hostile or truth.campaign is not None:  # else it may be of any campaign
            name = truth.campaign or "" if truth.hostile else ""
            found.setdefault(number, {}).setdefault(name, []).append(np.concatenate(parts))
    out = []
    for groups in found.values():
        benign = groups.pop("", [])
        own = list(groups.values())
        crowd = Crowd([each for each in own if len(each) > 1], benign, [each[0] for each in own if len(each) == 1])
        if len(benign) >= 2 * _ASKED:
            out.append(crowd)
    return out


def draws(found: Sequence[Crowd], rng: np.random.Generator, count: int) -> Iterator[Draw]:
    """`count` draws; each begins at a host, whatever its size."""
    for _ in range(count if found else 0):
        crowd = found[int(rng.integers(len(found)))]
        if not crowd.campaigns or rng.random() < _CROWDS:
            known = int(rng.integers(1, min(_TOGETHER, len(crowd.benign) - _ASKED) + 1))
            picked = [crowd.benign[i] for i in rng.permutation(len(crowd.benign))[: known + _ASKED]]
            strangers = [*crowd.single, *(each[0] for each in crowd.campaigns)]
            yield _draw(picked[:known], [], picked[known:], _some(strangers, rng), rng)
            continue
        own = int(rng.integers(len(crowd.campaigns)))
        members = [crowd.campaigns[own][i] for i in rng.permutation(len(crowd.campaigns[own]))]
        known = int(rng.integers(1, min(len(members) - 1, _TOGETHER) + 1))
        others = [one for i, each in enumerate(crowd.campaigns) if i != own for one in each[:_ASKED]] + crowd.single
        further = members[known : known + _ASKED]
        yield _draw(members[:known], further, _some(crowd.benign, rng), _some(others, rng), rng)


def _some(actors: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    return [actors[i] for i in rng.permutation(len(actors))[:_ASKED]]


def _draw(
    together: list[np.ndarray],
    members: list[np.ndarray],
    benign: list[np.ndarray],
    others: list[np.ndarray],
    rng: np.random.Generator,
) -> Draw:
    """Each as of its last event, or of any: a verdict comes early."""

    def states(actors: list[np.ndarray]) -> np.ndarray:
        early = rng.random(len(actors)) < 0.5
        return np.stack([a[rng.integers(len(a))] if soon else a[-1] for a, soon in zip(actors, early, strict=True)])

    return Draw(states(together), states(members + benign + others), len(members), len(benign))


def _belong(draw: Draw) -> torch.Tensor:
    return (torch.arange(len(draw.asked)) < draw.members).float()


def _asked(head: Company, drawn: list[Draw]) -> list[torch.Tensor]:
    """The logits of each draw, as runtime.COMPANY defines them."""
    rows = torch.from_numpy(np.concatenate([part for draw in drawn for part in (draw.together, draw.asked)]))
    made = iter(head(rows).split([len(part) for draw in drawn for part in (draw.together, draw.asked)]))
    out = []
    for together, asked in zip(made, made, strict=True):
        campaign = together.mean(0)
        out.append(asked[:, :-1] @ campaign[:-1] + asked[:, -1] + campaign[-1])
    return out
