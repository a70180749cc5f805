"""The figures on attacks never met: what is left out is left out, what is judged is of that class, and the flow is whole."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from benchmarks.novel.cases import CASES, KNOWN, SINGLE, Prepared
from benchmarks.novel.judge import judge
from benchmarks.novel.prepare import classes, prepare
from benchmarks.novel.run import folder, run
from fail2ban_ai.model import weights
from fail2ban_ai.training.settings import setting
from fail2ban_ai.training.simulator import probes

pytestmark = pytest.mark.torch

SEED = 7000  # a host with a site


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("novel")
    prepare(None, out, setting("tiny"), 2, [SEED])
    return out


def test_a_class_left_out_is_met_nowhere_in_training(prepared: Path) -> None:
    held = Prepared.read(prepared)
    seen = classes(held.hosts)
    labelled = {"/p?q=' or 0=0--": "sqli", "/p?q=tea": "benign", "/p?q=<script>": "xss"}
    held.labelled = labelled
    for name in ("sqli", "secret"):
        hosts, texts = held.without(name)
        for before, host in zip(held.hosts, hosts, strict=True):
            benign = {actor for actor, told in before.truth.items() if not told.hostile}
            events = zip(host.tokens.actor, host.tokens.request, host.tokens.second, strict=True)
            shown = {actor for actor, *texts in events if any(name in seen.get(text, ()) for text in texts)}
            assert shown <= benign  # an honest visitor may ask for anything
            assert benign <= host.truth.keys()
            assert len(host.truth) < len(before.truth) or not held.left_out[name].get(host.name)
        assert held.left_out[name]
        assert set(texts.values()) == set(labelled.values()) - {name}
    hosts, texts = held.without(KNOWN)
    assert [len(host.tokens) for host in hosts] == [len(host.tokens) for host in held.hosts]
    assert texts == labelled


def test_attackers_that_are_judged_do_nothing_else(prepared: Path) -> None:
    held = Prepared.read(prepared)
    (host,) = held.judged
    actors = {name: set(held.who[name][host.name]) for name in SINGLE}
    assert {len(own) for own in actors.values()} == {2}
    assert len(set().union(*actors.values())) == 2 * len(SINGLE)
    for name, words in (("secret", probes.SECRETS), ("scan", probes.ADMIN)):
        asked = {
            text for actor, text in zip(host.tokens.actor, host.tokens.request, strict=True) if actor in actors[name]
        }
        assert len(asked) > 2
        assert asked <= {"/", *map(str.lower, words)}
        assert all(host.truth[actor].hostile for actor in actors[name])


def test_from_training_to_bans(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(prepared, "sqli", "tiny", setting("tiny"), seed=1)
    judge(prepared, "sqli", "tiny", [SEED])
    alone, together = map(json.loads, capsys.readouterr().out.splitlines())
    for line in (alone, together):
        assert (line["case"], line["judged"], line["variant"], line["count"]) == ("sqli", "sqli", "tiny", 2)
        assert line["benign"] > 50
    card = weights.load(folder(prepared, "sqli", "tiny")).card
    assert card["setting"] == setting("tiny").as_dict()
    run(prepared, KNOWN, "tiny", setting("tiny"), seed=1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["judged"] for line in lines] == [name for name in CASES if name != KNOWN]
