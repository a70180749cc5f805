"""The number that says how unlike honest texts a text is written: what it is of, and that both runtimes give it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokens_of import made_up

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import torch

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model import weights
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.torch import TorchRuntime
from fail2ban_ai.training import export, fit_grams, gather, settings, train
from fail2ban_ai.training.hosts import Host, Truth
from fail2ban_ai.training.modules import Grams, text_width
from fail2ban_ai.training.sequences import Window
from fail2ban_ai.training.strangers import strangers

pytestmark = pytest.mark.torch

WITH = replace(settings.setting("tiny"), surprise=1)
LABELLED = {f"/p?id={i}{tail}": attack for i in range(20) for tail, attack in (("", "benign"), ("'--", "sqli"))}
USUAL = ["/garden/cat-house.html", "/about/our-new-garden", "/?page=0", "/images/small/logo.png"]
PAYLOADS = [
    "/page?id=0' union/**/select(0x00),@@version-- -",
    "/page?q=<svg/onload=[0].find(alert)>",
    "/page?f=....//....//....//etc/passwd",
    "/page?q={{0*0}}${{<%[%'\"}}%\\",
]


@pytest.fixture(scope="module")
def hosts() -> list[Host]:
    return gather.hosts(None, WITH, 3, lambda *_: None)


@pytest.fixture(scope="module")
def trained(hosts: list[Host], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    train.train(hosts, LABELLED, WITH, 3, out=out, tell=lambda *_: None)
    return out


@pytest.fixture(scope="module")
def model(hosts: list[Host]) -> Grams:
    return fit_grams.train(hosts, WITH, 3)


def surprise(model: Grams, *texts: str) -> list[float]:
    """Of each text."""
    found: list[float] = fit_grams.score(model, texts)[:, 1].tolist()
    return found


def sent(host: Host, *texts: str) -> Host:
    """The host with these as the requests of a benign actor."""
    tokens = replace(host.tokens, request=[*texts, *host.tokens.request[len(texts) :]])
    tokens.actor = ["198.51.100.9"] * len(texts) + host.tokens.actor[len(texts) :]
    return replace(host, tokens=tokens, truth={**host.truth, "198.51.100.9": Truth(hostile=False)})


def test_payloads_that_nobody_taught_surprise_more_than_pages(model: Grams) -> None:
    assert max(surprise(model, *USUAL)) < min(surprise(model, *PAYLOADS))


def test_words_and_numbers_are_no_news_but_signs_are(model: Grams) -> None:
    one, other, signs = surprise(model, "/garden/house-17", "/Kräutr/qwxyz-99", "/ga'd;n/h|u)e-17")
    assert one == other < signs


def test_a_payload_is_no_less_of_one_in_a_long_query(model: Grams) -> None:
    (alone,) = surprise(model, PAYLOADS[0])
    (within,) = surprise(model, PAYLOADS[0].replace("?", "?view=list&lang=en&sort=asc&") + "&page=0&ref=news")
    assert within >= alone


def test_what_one_site_alone_uses_is_less_usual_than_what_all_use(hosts: list[Host]) -> None:
    own = [f"/a?m=[~({i})~]:[~({i})~]" for i in range(50)]
    none, one, every = (
        surprise(fit_grams.train(found, WITH, 3), own[0])[0]
        for found in (hosts, [sent(hosts[0], *own), *hosts[1:]], [sent(host, own[0]) for host in hosts])
    )
    assert every < one < none


def test_without_honest_actors_everything_is_new(hosts: list[Host]) -> None:
    alone = [replace(hosts[0], truth={a: t for a, t in hosts[0].truth.items() if t.hostile})]
    assert surprise(fit_grams.train(alone, WITH, 3), "/garden/house-17") == [2.0]


def test_it_is_the_last_column_and_scores_alike_in_torch_and_onnx(trained: Path) -> None:
    held = weights.load(trained)
    assert held.card["export_difference"] <= export.BOUND
    texts = ["", "/", *USUAL, *PAYLOADS, "sshd: failed password for <user>", "/?id=0' or 0=0--" * 9]
    by_onnx, by_torch = OnnxRuntime(held).encode(texts), TorchRuntime(held, "cpu").encode(texts)
    assert np.abs(by_onnx - by_torch).max() <= export.BOUND
    made, _ = train.read(trained)
    assert np.abs(by_onnx[:, -2:] - fit_grams.score(made.grams, texts)).max() <= export.BOUND
    assert by_onnx[:, -1].min() == -1.0
    assert by_onnx[:, -1].max() > 1.0


def test_batch_mates_change_nothing(trained: Path) -> None:
    runtime = OnnxRuntime(weights.load(trained))
    alone = runtime.encode(PAYLOADS[:1])
    assert np.array_equal(runtime.encode([f"/{i}" for i in range(700)] + PAYLOADS)[700], alone[0])


def test_what_was_trained_with_it_scores(trained: Path) -> None:
    held = weights.load(trained)
    tokens = made_up(300, actors=20, texts=50, seed=1)
    by_onnx, by_torch = Scorer(weights=held).score(tokens), Scorer(TorchRuntime(held, "cpu"), held).score(tokens)
    assert np.isfinite(by_onnx.hostile).all()
    assert np.abs(by_onnx.hostile - by_torch.hostile).max() <= 0.01


def test_some_honest_visitors_become_hostile_by_surprise_alone() -> None:
    numbers = 3 * text_width(WITH)
    inputs = torch.zeros(400, 4, numbers + len(NUMERIC))
    inputs[:300, :, numbers + NUMERIC.index("request")] = 1
    windows = [Window(0, np.arange(4), 0, i % 2 == 1, 0, str(i)) for i in range(400)]
    made = strangers(inputs, windows, WITH, np.random.default_rng(1))
    changed = {i for i, (one, was) in enumerate(zip(made, windows, strict=True)) if one.hostile != was.hostile}
    surprising = inputs[:, :, text_width(WITH) - 1]
    assert 3 <= len(changed) <= 30
    assert changed == set(torch.nonzero(surprising.amax(1)).squeeze(1).tolist()), (
        "only they, and they from the first on"
    )
    assert all(i % 2 == 0 and i < 300 and surprising[i, 0] >= 0.8 for i in changed), "no attacker, no log-in"
