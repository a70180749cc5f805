"""Training from end to end on a tiny simulated world."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tokens_of import made_up

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import torch

from fail2ban_ai.cli.model import command
from fail2ban_ai.errors import ConfigError, ModelError
from fail2ban_ai.model import weights
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.training import export, fit_grams, gather, settings, train
from fail2ban_ai.training.hosts import Host, Truth

pytestmark = pytest.mark.torch

LABELLED = {
    f"/p?id={i}{tail}": attack
    for i in range(40)
    for tail, attack in (("", "benign"), (f"' or {i}=0--", "sqli"), (f"<script>{i}</script>", "xss"))
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    chosen = settings.setting("tiny")
    found = gather.hosts(None, chosen, 3, lambda *_: None)
    train.train(found, LABELLED, chosen, 3, out=out, tell=lambda *_: None)
    return out


def test_what_was_trained_scores(trained: Path) -> None:
    held = weights.load(trained)
    scores = Scorer(weights=held).score(made_up(50, 5, 20, 0))
    assert np.isfinite(scores.hostile).all()
    assert held.card["data"]["simulated_hosts"] == 4
    assert held.card["export_difference"] <= export.BOUND


def test_the_same_seed_gives_the_same_files(trained: Path, tmp_path: Path) -> None:
    chosen = settings.setting("tiny")
    found = gather.hosts(None, chosen, 3, lambda *_: None)
    card = train.train(found, LABELLED, chosen, 3, out=tmp_path, tell=lambda *_: None)
    assert card["sha256"] == weights.load(trained).card["sha256"]


def test_a_training_that_was_stopped_goes_on(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings.setting("tiny")
    found = gather.hosts(None, chosen, 3, lambda *_: None)
    learn, learned = train.learn, []

    def stopped(hosts: list[Host], *rest: Any, **ending: Any) -> train.Learned:
        if len(hosts) == len(found) and not learned[2:]:
            learned.append("stopped")
            raise KeyboardInterrupt
        learned.append(len(hosts))
        return learn(hosts, *rest, **ending)

    monkeypatch.setattr(train, "learn", stopped)
    with pytest.raises(KeyboardInterrupt):
        train.train(found, LABELLED, chosen, 3, out=tmp_path, tell=lambda *_: None)
    card = train.train(found, LABELLED, chosen, 3, out=tmp_path, tell=lambda *_: None)
    assert learned == [2, 2, "stopped", 4], "the parts that were done are not learned again"
    assert card["sha256"] == weights.load(trained).card["sha256"]
    assert not (tmp_path / "parts").exists()


def test_training_ends_when_hosts_left_out_gain_nothing_more() -> None:
    chosen = replace(settings.setting("tiny"), actor_steps=100)
    found = gather.hosts(None, chosen, 3, lambda *_: None)
    inside, outside = found[:2], found[2:]
    odd = [replace(host, truth={a: Truth(not t.hostile) for a, t in host.truth.items()}) for host in outside]
    whole = train.learn(inside, LABELLED, chosen, 3, lambda *_: None, outside=outside)
    early = train.learn(inside, LABELLED, chosen, 3, lambda *_: None, outside=odd)
    assert early.behaviour.steps == 40 < whole.behaviour.steps, (
        "where the opposite is true, the first look was the best"
    )
    same = train.learn(inside, LABELLED, chosen, 3, lambda *_: None, steps=40)
    event, again = early.behaviour.event.state_dict(), same.behaviour.event.state_dict()
    assert all(torch.equal(event[name], again[name]) for name in event)


def test_export_makes_the_same_onnx_again(trained: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["export", "--weights", str(trained), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "actor.onnx").read_bytes() == (trained / "actor.onnx").read_bytes()


def test_export_that_scores_otherwise_fails(trained: Path) -> None:
    made, _ = train.read(trained)
    made.encoder.cpu()
    files = {
        "encoder.onnx": export.encoder_onnx(made.encoder),
        "grams.onnx": export.grams_onnx(made.grams),
        "event.onnx": export.event_onnx(made.behaviour),
        "actor.onnx": export.actor_onnx(made.behaviour),
    }
    assert export.compare(made.encoder, made.grams, made.behaviour, files, 0) <= export.BOUND
    made.grams.bias.data[0] += 0.5
    with pytest.raises(ModelError, match="differently"):
        export.compare(made.encoder, made.grams, made.behaviour, files, 0)


def test_shipped_weights_score_alike_in_torch_and_onnx() -> None:
    made, _ = train.read(weights.SHIPPED)
    texts = ["/", "/wp-login.php", "sshd: failed password for <user>", "/a?id=1' or 1=1--", "curl/0.0.0"]
    by_torch = np.concatenate([made.encode(texts), fit_grams.score(made.grams, texts)], axis=1)
    assert np.abs(by_torch - OnnxRuntime().encode(texts)).max() <= export.BOUND


def test_info_prints_the_card(trained: Path) -> None:
    done = CliRunner().invoke(command, ["info", "--weights", str(trained), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["seed"] == 3


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="huge"):
        settings.setting("huge")
