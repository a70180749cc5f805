"""On a real CUDA device a full memory only slows scoring and training."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from cuda_card import MARKS, TEXTS, close, elsewhere, same, sequences

from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.runtime import Judgement
from fail2ban_ai.model.tokenizer import Tokenizer
from fail2ban_ai.model.torch import BOUND, TorchRuntime
from fail2ban_ai.training import brought, fit_encoder, settings

pytestmark = MARKS


@pytest.fixture(scope="module")
def gpu() -> TorchRuntime:
    return TorchRuntime()


@pytest.fixture
def spare() -> Iterator[Callable[[int], None]]:
    """Leaves this process so many bytes of the card's memory more, and nothing in blocks that it holds already."""
    ballast: list[torch.Tensor] = []

    def leave(size: int) -> None:
        torch.cuda.empty_cache()
        left = [torch.empty(size, dtype=torch.uint8, device="cuda")] if size else []
        most = torch.cuda.memory_reserved() + 2**28
        torch.cuda.set_per_process_memory_fraction(most / torch.cuda.get_device_properties(0).total_memory)
        _fill(ballast)
        left.clear()

    yield leave
    ballast.clear()
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def _fill(ballast: list[torch.Tensor]) -> None:
    for power in range(30, 8, -1):
        try:
            while True:
                ballast.append(torch.empty(2**power, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            continue


def needed(work: Callable[[], object]) -> int:
    """Bytes of the card's memory that `work` takes for a while; done once before, so that what it keeps is there."""
    work()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    work()
    return torch.cuda.max_memory_allocated() - held


def test_a_full_memory_makes_batches_smaller(spare: Callable[[int], None]) -> None:
    runtime = TorchRuntime()
    before = runtime.encode(TEXTS)
    spare(needed(lambda: runtime.encode(TEXTS)) // 2)
    # Other shapes than before, so not the same bits.
    close(runtime.encode(TEXTS), before, BOUND)
    assert runtime.name.startswith("torch on cuda")
    assert "in batches of" in (runtime.trouble or "")


def test_at_last_the_processor_scores(gpu: TorchRuntime, spare: Callable[[int], None]) -> None:
    runtime, processor = TorchRuntime(), TorchRuntime(device="cpu")
    given = sequences(gpu)
    spare(0)
    same(runtime.encode(TEXTS), processor.encode(TEXTS))
    assert runtime.name == "torch on cpu, fp32"
    assert "the processor scores" in (runtime.trouble or "")
    for mine, theirs in zip(runtime.judge(given), processor.judge(given), strict=True):
        same(mine.hostile, theirs.hostile)


def test_a_judgement_that_finds_the_memory_full_is_made(gpu: TorchRuntime, spare: Callable[[int], None]) -> None:
    runtime = TorchRuntime()
    given = sequences(gpu)
    expected: list[Judgement] = gpu.judge(given)
    spare(0)
    for mine, theirs in zip(runtime.judge(given), expected, strict=True):
        close(mine.hostile / 10, theirs.hostile / 10, BOUND)
    assert "the processor scores" in (runtime.trouble or "")


def test_a_memory_that_is_short_when_it_starts(spare: Callable[[int], None]) -> None:
    spare(needed(TorchRuntime) // 2)
    runtime = TorchRuntime()
    assert runtime.name.startswith("torch on cuda")
    assert "in batches of" in (runtime.trouble or "")
    close(runtime.encode(TEXTS), OnnxRuntime().encode(TEXTS), BOUND)


def test_a_memory_that_is_full_when_it_starts(spare: Callable[[int], None]) -> None:
    spare(0)
    runtime = TorchRuntime()
    assert runtime.name == "torch on cpu, fp32"
    assert "the processor scores" in (runtime.trouble or "")
    close(runtime.encode(TEXTS), OnnxRuntime().encode(TEXTS), BOUND)


_SCORE = """
from fail2ban_ai.model.torch import TorchRuntime
made = TorchRuntime()
print(made.encode(["/"]).shape[0], made.name, made.trouble, sep="|")
"""


def test_another_program_holds_the_whole_card() -> None:
    """CUDA itself finds no room then, and its error is not torch's."""
    ballast: list[torch.Tensor] = []
    try:
        _fill(ballast)
        done = elsewhere(_SCORE)
    finally:
        ballast.clear()
        torch.cuda.empty_cache()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1|torch on cpu, fp32|the GPU's memory is full: the processor scores"


def test_a_large_batch_is_read_in_pieces(
    tmp_path: Path, spare: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("transformers")
    from tiny_encoders import make  # noqa: PLC0415 - needs transformers

    base = brought.read(make(tmp_path, "bert"))
    setting = settings.Setting(**settings.setting("tiny").as_dict() | {"encoder_steps": 4, "encoder_batch": 2048})
    items = [fit_encoder.Lesson(f"/page{i}" * 20, i % 3 if i % 2 else -1, i % 2 if i % 3 else -1) for i in range(40)]

    def fitted() -> fit_encoder.TextEncoder:
        return fit_encoder.train(
            items, [], Tokenizer(base.tokenizer), setting=setting, seed=1, tell=lambda *_: None, base=base
        )

    spare(needed(fitted) // 2)
    with caplog.at_level(logging.WARNING):
        made = fitted()
    assert any("it reads batches of" in each for each in caplog.messages)
    encoded = fit_encoder.encode(made, Tokenizer(base.tokenizer), TEXTS)
    assert np.isfinite(encoded).all()
    state = made.body.state_dict()
    assert any(not torch.equal(state[name].cpu(), value) for name, value in base.state.items()), "it learned"
