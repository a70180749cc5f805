"""What is trained on a real CUDA device runs anywhere, and comes out the same again."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import safetensors.torch
import torch
from cuda_card import MARKS, TEXTS, close, elsewhere, made_up

from fail2ban_ai.model import weights
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.torch import BOUND, TorchRuntime
from fail2ban_ai.training import export, settings, train
from fail2ban_ai.training.hosts import Host, Truth

pytestmark = MARKS

TINY = settings.setting("tiny")
LABELLED = {
    f"/p?id={i}{tail}": attack
    for i in range(40)
    for tail, attack in (("", "benign"), (f"' or {i}=0--", "sqli"), (f"<script>{i}</script>", "xss"))
}


def quiet(*_: object) -> None:
    """Who is told of progress."""


def hosts() -> list[Host]:
    return [
        Host(
            f"host{seed}",
            made_up(400, seed),
            {
                f"198.51.100.{i}": Truth(hostile=i % 2 == 0, kind="benign" if i % 2 else "exploit_probe")
                for i in range(40)
            },
            real=False,
        )
        for seed in range(4)
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    train.train(hosts(), LABELLED, TINY, 3, out=out, tell=quiet)
    assert torch.cuda.max_memory_allocated() > held, "it was trained on the card"
    return out


def test_what_was_trained_agrees_everywhere(trained: Path) -> None:
    held = weights.load(trained)
    assert held.card["export_difference"] <= export.BOUND
    expected = OnnxRuntime(held)
    tokens = made_up(500, seed=9)
    for device in ("cpu", "cuda"):
        runtime = TorchRuntime(held, device)
        assert runtime.name.startswith(f"torch on {device}")
        close(runtime.encode(TEXTS), expected.encode(TEXTS), BOUND)
        mine, theirs = (Scorer(each, held).score(tokens) for each in (runtime, expected))
        assert np.isfinite(mine.hostile).all()
        close(mine.hostile, theirs.hostile, 0.01)


_ENCODE = """
import sys, pathlib, torch, numpy
from fail2ban_ai.model import weights
from fail2ban_ai.model.torch import TorchRuntime
from fail2ban_ai.training import train
assert not torch.cuda.is_available()
made = TorchRuntime(weights.load(pathlib.Path(sys.argv[1])))
train.read(pathlib.Path(sys.argv[1]))
print(made.name, numpy.abs(made.encode(["/", "/p?id=0' or 0=0--"])).sum() > 0, sep="|")
"""


def test_what_was_trained_runs_where_there_is_no_gpu(trained: Path) -> None:
    for name in ("encoder", "grams", "actor"):
        state = safetensors.torch.load_file(trained / f"{name}.safetensors")
        assert {value.device.type for value in state.values()} == {"cpu"}
    done = elsewhere(_ENCODE, str(trained), CUDA_VISIBLE_DEVICES="")
    assert done.stdout.strip() == "torch on cpu, fp32|True", done.stderr


def test_training_and_runtime_encode_alike(trained: Path) -> None:
    """In fp32: the shorter numbers that gradients are made with are left behind."""
    made, _ = train.read(trained)
    assert next(made.encoder.parameters()).is_cuda
    close(made.encode(TEXTS), OnnxRuntime(weights.load(trained)).encode(TEXTS)[:, :-1], 0.001 + 1e-6)
    assert not torch.backends.cuda.matmul.allow_tf32


def test_the_same_seed_gives_the_same_files(trained: Path, tmp_path: Path) -> None:
    card = train.train(hosts(), LABELLED, TINY, 3, out=tmp_path, tell=quiet)
    assert card["sha256"] == weights.load(trained).card["sha256"]


def test_a_training_that_was_stopped_goes_on(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn, learned = train.learn, []

    def stopped(found: list[Host], *rest: object, **ending: object) -> train.Learned:
        learned.append(len(found))
        if len(learned) == 2:
            raise KeyboardInterrupt
        return learn(found, *rest, **ending)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "learn", stopped)
    with pytest.raises(KeyboardInterrupt):
        train.train(hosts(), LABELLED, TINY, 3, out=tmp_path, tell=quiet)
    card = train.train(hosts(), LABELLED, TINY, 3, out=tmp_path, tell=quiet)
    assert learned == [2, 2, 2, 4], "the part that was done is not learned again"
    assert card["calibration"] == weights.load(trained).card["calibration"]
