"""On a real CUDA device scores are those of the processor, whatever else is scored with them."""

import numpy as np
import pytest
from cuda_card import MARKS, TEXTS, close, features, made_up, same, sequences

from fail2ban_ai.model import torch as torch_runtime
from fail2ban_ai.model.onnx import DIGITS, OnnxRuntime
from fail2ban_ai.model.runtime import WINDOW
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.torch import BOUND, TorchRuntime

pytestmark = MARKS


@pytest.fixture(scope="module")
def gpu() -> TorchRuntime:
    return TorchRuntime()


@pytest.fixture(scope="module", params=["onnx", "torch on the processor"])
def other(request: pytest.FixtureRequest) -> OnnxRuntime | TorchRuntime:
    return OnnxRuntime() if request.param == "onnx" else TorchRuntime(device="cpu")


def test_the_gpu_is_used_where_there_is_one(gpu: TorchRuntime) -> None:
    assert gpu.name in {"torch on cuda, fp32", "torch on cuda, bf16"}
    assert gpu.trouble is None


def test_texts_are_encoded_as_elsewhere(gpu: TorchRuntime, other: OnnxRuntime | TorchRuntime) -> None:
    # bf16 may change a number by BOUND before it is rounded.
    close(gpu.encode(TEXTS), other.encode(TEXTS), BOUND + (10**-DIGITS if "bf16" in gpu.name else 0))
    assert gpu.encode([]).shape == (0, gpu.sizes.text)


def test_events_are_embedded_as_elsewhere(gpu: TorchRuntime, other: OnnxRuntime | TorchRuntime) -> None:
    rows = features(gpu, 500)
    close(gpu.embed(rows), other.embed(rows), BOUND)
    assert gpu.embed(rows[:0]).shape == (0, gpu.sizes.event)


def test_sequences_are_judged_as_elsewhere(gpu: TorchRuntime, other: OnnxRuntime | TorchRuntime) -> None:
    given = sequences(gpu)
    for mine, theirs in zip(gpu.judge(given), other.judge(given), strict=True):
        close(mine.hostile / 10, theirs.hostile / 10, BOUND)
        close(mine.kind, theirs.kind, BOUND)
    assert gpu.judge([]) == []


def test_scores_are_those_of_onnx(gpu: TorchRuntime) -> None:
    tokens = made_up(3000, seed=3)
    mine, theirs = Scorer(gpu).score(tokens), Scorer(OnnxRuntime()).score(tokens)
    for name in ("hostile", "kind", "attack"):
        close(getattr(mine, name), getattr(theirs, name), 0.01)


def test_batch_mates_and_order_change_no_text(gpu: TorchRuntime) -> None:
    """Bits: every call has one of a few fixed shapes, for which cuBLAS always takes the same way."""
    alone = gpu.encode(TEXTS)
    others = [f"/{i:x}/{'a.b' * (i % 40)}?{i}" for i in range(20_000)]  # more than one call for most lengths
    order = np.random.default_rng(0).permutation(len(TEXTS))
    same(gpu.encode([*others, *TEXTS])[len(others) :], alone)
    same(gpu.encode([TEXTS[i] for i in order]), alone[order])
    for i in range(0, len(TEXTS), 50):
        same(gpu.encode([TEXTS[i]])[0], alone[i])


def test_batch_mates_and_order_change_no_judgement(gpu: TorchRuntime) -> None:
    rows = features(gpu, 20_000)
    embedded = gpu.embed(rows)
    same(gpu.embed(rows[::-1])[::-1], embedded)
    same(gpu.embed(rows[7:8])[0], embedded[7])
    given = sequences(gpu)
    judged = gpu.judge(given)
    order = np.random.default_rng(0).permutation(len(given))
    crowd = [embedded[i : i + 1 + i % WINDOW] for i in range(5000)]
    again = gpu.judge([*crowd, *(given[i] for i in order)])[len(crowd) :]
    for place, one in zip(order, again, strict=True):
        same(one.hostile, judged[place].hostile)
        same(one.kind, judged[place].kind)


@pytest.mark.parametrize(("bound", "name"), [(0.0, "fp32"), (np.inf, "bf16")])
def test_bf16_is_used_where_it_changes_little_enough(
    gpu: TorchRuntime, bound: float, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = TorchRuntime(device="cpu").encode(TEXTS)
    monkeypatch.setattr(torch_runtime, "BOUND", bound)
    made = TorchRuntime()
    difference = np.abs(made.encode(TEXTS) - exact).max()
    assert made.name == f"torch on cuda, {name}"
    if name == "bf16":
        assert difference > 10**-DIGITS, "it computes otherwise"
        assert "bf16" not in gpu.name or difference <= BOUND + 10**-DIGITS, "what the bound allowed"
    else:
        assert difference <= BOUND
