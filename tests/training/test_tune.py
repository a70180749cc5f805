"""Tuning to a host's own verdicts: it learns what holds elsewhere too, and refuses what does not."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("sklearn")

from fail2ban_ai import paths
from fail2ban_ai.cli.model import command
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.errors import ModelError
from fail2ban_ai.facts import allow
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.model import weights
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.training import corpora, gather, settings, train, tune
from fail2ban_ai.training.hosts import Host, Truth
from fail2ban_ai.training.simulator import training_world

pytestmark = pytest.mark.torch
OWN = 776


@pytest.fixture(autouse=True)
def few_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "VALIDATION", range(990_001, 990_003))
    monkeypatch.setattr(tune, "REPLAYED", range(980_001, 980_003))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    chosen = settings.setting("tiny")
    labelled = {
        f"/p?id={i}{tail}": kind for i in range(40) for tail, kind in (("", "benign"), (f"' or {i}=0--", "sqli"))
    }
    train.train(gather.hosts(None, chosen, 3, _silent), labelled, chosen, 3, out=out, tell=_silent)
    return out


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A validation set that minds nothing: a model trained for seconds is better or worse by chance."""
    monkeypatch.setattr(tune, "_worse", lambda *_: "")


def _silent(*_: object) -> None:
    pass


def own() -> Host:
    return corpora.simulated(training_world(OWN), "own")


@pytest.mark.usefixtures("lenient")
def test_verdicts_are_learned(trained: Path, tmp_path: Path) -> None:
    done = tune.tune(trained, own(), tmp_path / "out", _silent)
    assert done.wrong_after < done.wrong_before
    held = weights.load(tmp_path / "out")
    assert held.card["tuned"]["wrong_after"] == done.wrong_after
    assert np.isfinite(Scorer(weights=held).score(own().tokens).hostile).all()
    changed = {n for n in held.card["sha256"] if held.card["sha256"][n] != weights.load(trained).card["sha256"][n]}
    assert changed == {"actor.onnx", "actor.safetensors"}
    assert "198.18." not in json.dumps(held.card)  # a model tells of no address that taught it


@pytest.mark.usefixtures("lenient")
def test_the_same_verdicts_give_the_same_files(trained: Path, tmp_path: Path) -> None:
    cards = []
    for name in ("one", "two"):
        tune.tune(trained, own(), tmp_path / name, _silent)
        cards.append(weights.load(tmp_path / name).card["sha256"])
    assert cards[0] == cards[1]


def test_what_counts_as_worse() -> None:
    before = {name: {"found": 300, "wrong": 2} for name in weights.SENSITIVITIES}

    def after(found: int, wrong: int) -> str:
        return tune._worse(before, before | {"strict": {"found": found, "wrong": wrong}})

    assert after(300, 2) == after(310, 0) == after(297, 2) == ""
    assert after(310, 3) == "would ban 1 more honest addresses (strict)"
    assert after(296, 2) == "would miss 4 more attackers (strict)"


def test_verdicts_that_hold_nowhere_else_are_refused(trained: Path, tmp_path: Path) -> None:
    host = own()
    host.truth = {actor: Truth(not truth.hostile) for actor, truth in host.truth.items()}
    with pytest.raises(ModelError, match="on the shipped validation set the tuned model would"):
        tune.tune(trained, host, tmp_path / "out", _silent)
    assert not (tmp_path / "out").exists()


def test_too_few_verdicts_teach_nothing(trained: Path, tmp_path: Path) -> None:
    host = own()
    seen = [actor for actor in host.truth if actor in set(host.tokens.actor)]
    host.truth = {actor: host.truth[actor] for actor in seen[: tune.FEWEST - 1]} | {
        "203.0.113.254": Truth(hostile=True)
    }
    with pytest.raises(ModelError, match="9 addresses with a verdict"):
        tune.tune(trained, host, tmp_path / "out", _silent)


def test_no_training_draws_the_validation_worlds() -> None:
    used = {seed * 1000 + i for seed in range(100) for i in range(max(s.worlds for s in settings.SETTINGS.values()))}
    assert not used & {*range(990_001, 990_013), *range(980_001, 980_009)}


@pytest.mark.usefixtures("lenient")
def test_the_command_on_a_host(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    for path in (paths.config(), paths.decisions()):
        path.parent.mkdir(parents=True)
    world = training_world(OWN)
    files = [str(path) for path in world.write(tmp_path / "logs")]
    paths.config().write_text(json.dumps({"sources": files, "model": {"weights": str(trained)}}))
    for one in world.truth:
        if one.label == "hostile":
            values = {"address": one.address, "at": time.time(), "jail": "sshd", "hostile": True, "lines": []}
            decisions_log.append(labels.file(), json.dumps(values))
    for one in [one for one in world.truth if one.label != "hostile"]:
        allow.add(one.address, time.time())
    out = tmp_path / "tuned"
    done = CliRunner().invoke(command, ["train", "--from-state", "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "no worse on the shipped validation set" in done.output
    assert weights.load(out).card["tuned"]["benign"] > 0
