"""The head that tells whom an actor belongs with: what it is trained on, what it leaves alone, how it is calibrated."""

import copy
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch

from fail2ban_ai.training import calibrate, corpora, fit_company, settings, train
from fail2ban_ai.training.fit_actor import Behaviour, judge
from fail2ban_ai.training.fit_company import Crowd, Pairs
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.modules import Actor, Event, text_width
from fail2ban_ai.training.sequences import Sequences, Texts
from fail2ban_ai.training.simulator import training_world

pytestmark = pytest.mark.torch

TINY = settings.setting("tiny")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """As in training: the same seed gives the same sums then, and nobody waits for another test's thread."""
    torch.set_num_threads(train.THREADS)


def quiet(*_: object) -> None:
    """Who is told of progress."""


@pytest.fixture(scope="module")
def hosts() -> list[Host]:
    """Two that were learned from, and one left out, each with a campaign or two."""
    return [corpora.simulated(training_world(seed), f"world{seed}") for seed in (3001, 3002, 3000)]


def sequences(hosts: list[Host]) -> Sequences:
    """With texts that say as little as a hash of them."""
    texts = Texts.of(hosts)
    made = np.random.default_rng(0).uniform(-1, 1, (len(texts.number), text_width(TINY))).astype(np.float32)
    made[0] = 0
    texts.rows = [made]
    return Sequences(hosts, texts, TINY.embedding)


@pytest.fixture(scope="module")
def data(hosts: list[Host]) -> Sequences:
    return sequences(hosts[:2])


@pytest.fixture
def made() -> Behaviour:
    torch.manual_seed(1)
    return Behaviour(Event(TINY), Actor(TINY), 0).eval()


def state(made: Behaviour, *, company: bool) -> dict[str, torch.Tensor]:
    whole = {f"event.{name}": value for name, value in made.event.state_dict().items()} | made.actor.state_dict()
    return {name: value.clone() for name, value in whole.items() if name.startswith("company.") is company}


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())


def test_hostile_scores_are_what_they_were(made: Behaviour, data: Sequences) -> None:
    scores, rest, head = judge(made, data, data.windows), state(made, company=False), state(made, company=True)
    fit_company.train(made, data, TINY, 1, quiet)
    assert not equal(state(made, company=True), head), "it learned"
    assert equal(state(made, company=False), rest)
    assert all(np.array_equal(a, b) for a, b in zip(judge(made, data, data.windows), scores, strict=True))


def test_the_same_seed_gives_the_same_head(made: Behaviour, data: Sequences) -> None:
    heads = []
    for seed in (1, 1, 2):
        again = copy.deepcopy(made)
        torch.rand(seed)  # whatever was drawn before
        fit_company.train(again, data, TINY, seed, quiet)
        heads.append(state(again, company=True))
    assert equal(heads[0], heads[1])
    assert not equal(heads[0], heads[2])


def test_members_of_hosts_left_out_are_told_from_others(
    made: Behaviour, hosts: list[Host], data: Sequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_company, "_PAIRS", 300)
    outside = sequences(hosts[2:])
    fit_company.train(made, data, replace(TINY, company_steps=30), 1, quiet)
    found = fit_company.pairs(made, outside)
    assert len(found.logits) == len(found.belongs) == len(found.benign) > 1000
    assert 0.05 < found.belongs.mean() < 0.6
    assert not (found.belongs * found.benign).any()
    assert ((found.belongs + found.benign) == 0).any(), "members of other campaigns are asked about too"
    others, members = (found.logits[found.belongs == wanted].mean() for wanted in (0, 1))
    assert members > others + 1.5
    assert others < -0.5, "most do not belong"
    assert np.array_equal(fit_company.pairs(made, outside).logits, found.logits)


def test_who_has_no_known_campaign_is_not_asked_about(made: Behaviour, hosts: list[Host]) -> None:
    """It may be of any of them; a campaign of one is no company, but a stranger to the others."""
    host = hosts[0]
    (largest,) = (crowd for crowd in fit_company.crowds(made, sequences([host])))
    came = {actor for actor in host.tokens.actor if actor in host.truth}
    told = Counter(name for actor in came if (name := host.truth[actor].campaign) is not None)
    shared = {name: count for name, count in told.items() if count > 1}
    assert sorted(map(len, largest.campaigns)) == sorted(shared.values())
    assert len(shared) > 1
    assert largest.single
    name = min(shared, key=lambda each: (shared[each], each))
    blurred = {a: replace(t, campaign=None) if t.campaign == name else t for a, t in host.truth.items()}
    (crowd,) = fit_company.crowds(made, sequences([replace(host, truth=blurred)]))
    assert sorted(map(len, crowd.campaigns)) == sorted(count for each, count in shared.items() if each != name)
    assert len(crowd.benign) == len(largest.benign)
    assert len(crowd.single) == len(largest.single)


def test_without_any_campaign_the_head_stays_as_it_was(made: Behaviour, hosts: list[Host]) -> None:
    honest = [replace(h, truth={a: t for a, t in h.truth.items() if not t.hostile}) for h in hosts[:1]]
    untold = [replace(h, truth={a: replace(t, campaign=None) for a, t in h.truth.items()}) for h in hosts[:1]]
    few = [replace(h, truth=dict(list(h.truth.items())[:3])) for h in hosts[:1]]
    before = state(made, company=True)
    for case in (few, untold, honest):
        fit_company.train(made, sequences(case), TINY, 1, quiet)
        assert equal(state(made, company=True), before)
    assert len(fit_company.pairs(made, sequences(few)).logits) == 0


def test_a_draw_asks_about_none_of_those_that_are_known() -> None:
    """Each actor is one number here, so that it can be seen where it went."""

    def actors(*numbers: int) -> list[np.ndarray]:
        return [np.full((3, 1), number, np.float32) for number in numbers]

    crowd = Crowd([actors(*range(10, 14)), actors(20, 21)], actors(*range(100, 130)), actors(30))
    of = {**dict.fromkeys(range(10, 14), "one"), 20: "two", 21: "two", 30: "three"}
    companies = 0
    for draw in fit_company.draws([crowd], np.random.default_rng(0), 300):
        known, asked = draw.together[:, 0].tolist(), draw.asked[:, 0].tolist()
        assert not {*known} & {*asked}
        assert len({*asked}) == len(asked)
        campaigns = {of.get(number) for number in known}
        assert len(campaigns) == 1, "one campaign, or honest visitors alone"
        told = [number in of and of[number] in campaigns for number in asked]
        assert told == [i < draw.members for i in range(len(asked))]
        assert [number >= 100 for number in asked] == [0 <= i - draw.members < draw.benign for i in range(len(asked))]
        companies += campaigns == {None}
    assert 40 < companies < 120, "a crowd of honest visitors is drawn as well, with which nobody belongs"


def pairs(n: int, seed: int) -> Pairs:
    rng = np.random.default_rng(seed)
    belongs = (rng.random(n) < 0.3).astype(float)
    benign = (1 - belongs) * (rng.random(n) < 0.5)
    return Pairs(rng.normal(3 * belongs - 2, 1), belongs, benign)


def test_the_threshold_keeps_the_rate_and_no_more() -> None:
    found = [pairs(20_000, 1), pairs(10_000, 2)]
    card = calibrate.membership(found)
    (a, b), threshold = card["calibration"], card["threshold"]
    logits, benign = (np.concatenate([getattr(each, part) for each in found]) for part in ("logits", "benign"))
    scores = 1 / (1 + np.exp(-(a * logits + b)))

    def rate(least: float) -> float:
        return float((scores[benign == 1] >= least).mean())

    assert a > 0
    assert threshold > 0.5
    assert rate(threshold) <= calibrate.COMPANY_RATE < rate(threshold - 0.02)


def test_a_threshold_is_never_below_even_chances() -> None:
    found = pairs(1000, 1)
    found.logits += 40 * found.belongs
    assert calibrate.membership([found])["threshold"] == 0.5


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([Pairs(*(np.zeros(0) for _ in range(3)))] * 2, id="no pair"),
        pytest.param([Pairs(np.array([1.0, 2.0]), np.zeros(2), np.ones(2))], id="nobody belongs"),
        pytest.param([Pairs(np.array([1.0, 2.0]), np.ones(2), np.zeros(2))], id="everybody does"),
    ],
)
def test_of_nothing_nothing_is_learned(found: list[Pairs]) -> None:
    """Then nobody joins anybody whom the model does not take for a member with near certainty."""
    assert calibrate.membership(found) == {"calibration": [1.0, 0.0], "threshold": 0.999}
