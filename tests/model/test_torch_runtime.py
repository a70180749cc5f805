"""The runtime over torch scores as the embedded one does, and says what it does when memory is short."""

import numpy as np
import pytest
from tokens_of import made_up

pytest.importorskip("safetensors")
pytest.importorskip("torch")

import torch

from fail2ban_ai.config_model import Model
from fail2ban_ai.model import runtimes
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.torch import BOUND, TorchRuntime

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
TEXTS = [
    "/",
    "",
    "/wp-login.php",
    "sshd: failed password for <user>",
    "/?id=0' or 0=0--" * 9,
    "curl/0.0.0",
    "user root",
]


@pytest.fixture(scope="module", params=DEVICES)
def runtime(request: pytest.FixtureRequest) -> TorchRuntime:
    return TorchRuntime(device=request.param)


def test_texts_are_encoded_as_by_onnx(runtime: TorchRuntime) -> None:
    assert np.abs(runtime.encode(TEXTS) - OnnxRuntime().encode(TEXTS)).max() <= BOUND
    assert runtime.encode([]).shape == (0, runtime.sizes.text)


def test_scores_are_those_of_onnx(runtime: TorchRuntime) -> None:
    tokens = made_up(3000, actors=40, texts=300, seed=3)
    mine, theirs = Scorer(runtime).score(tokens), Scorer(OnnxRuntime()).score(tokens)
    for name in ("hostile", "kind", "attack"):
        assert np.abs(getattr(mine, name) - getattr(theirs, name)).max() <= 0.01, name


def test_batch_mates_change_nothing(runtime: TorchRuntime) -> None:
    alone = runtime.encode(TEXTS[2:3])
    assert np.array_equal(runtime.encode([f"/{i}" for i in range(700)] + TEXTS)[702], alone[0])


def test_the_configuration_chooses_it() -> None:
    found = runtimes.chosen(Model(runtime="torch"))
    assert found.name == f"torch on {DEVICES[-1]}, fp32" or (DEVICES[-1] == "cuda" and found.name.endswith("bf16"))
    assert runtimes.chosen(Model()).name == "onnx"


FULL = torch.OutOfMemoryError("CUDA out of memory")


def short_of_memory(
    runtime: TorchRuntime, most: int, monkeypatch: pytest.MonkeyPatch, error: RuntimeError = FULL
) -> None:
    """Calls with more rows than `most` fail as on a GPU whose memory is full, as long as it is in use."""
    forward = runtime._encoder.forward

    def limited(ids):  # type: ignore[no-untyped-def]
        if len(ids) > most and runtime._device == "cuda":
            raise error
        return forward(ids)

    monkeypatch.setattr(runtime._encoder, "forward", limited)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> TorchRuntime:
    """A runtime that takes the processor for a GPU, or one on a real one."""
    made = TorchRuntime(device=DEVICES[-1])
    if made._device == "cpu":
        made._device = "cuda"
        monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_: tensor)
    return made


def test_a_full_memory_makes_batches_smaller(gpu: TorchRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = OnnxRuntime().encode(TEXTS)
    short_of_memory(gpu, 2000, monkeypatch)
    assert np.abs(gpu.encode(TEXTS) - expected).max() <= BOUND
    assert gpu.name.startswith("torch on")
    assert "in batches of" in (gpu.trouble or "")


@pytest.mark.parametrize(
    "error", [FULL, RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported …")]
)
def test_at_last_the_processor_scores(gpu: TorchRuntime, error: RuntimeError, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = OnnxRuntime().encode(TEXTS)
    short_of_memory(gpu, 1, monkeypatch, error)
    assert np.abs(gpu.encode(TEXTS) - expected).max() <= BOUND
    assert gpu.name == "torch on cpu, fp32"
    assert "the processor scores" in (gpu.trouble or "")


def test_another_error_is_no_full_memory(gpu: TorchRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(gpu, 1, monkeypatch, RuntimeError("CUDA error: an illegal memory access was encountered"))
    with pytest.raises(RuntimeError, match="illegal"):
        gpu.encode(TEXTS)
    assert gpu.trouble is None
