"""On a real CUDA device: scores are those of the processor, a full memory only slows, and what is trained there runs anywhere.

Needs no Polars, so that it runs where little is installed: hosts are made of tokens, not of logs.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

if not torch.cuda.is_available():
    pytest.skip("torch finds no CUDA device", allow_module_level=True)

import safetensors.torch

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model import torch as torch_runtime
from fail2ban_ai.model import weights
from fail2ban_ai.model.onnx import DIGITS, OnnxRuntime
from fail2ban_ai.model.runtime import WINDOW, Floats, Judgement
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.tokenizer import Tokenizer
from fail2ban_ai.model.torch import BOUND, TorchRuntime
from fail2ban_ai.training import brought, export, fit_encoder, settings, train
from fail2ban_ai.training.hosts import Host, Truth

# What CUDA and torch warn of differs by version and card: it is told, and fails nothing.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

TINY = settings.setting("tiny")
ATTACKS = ("/p?id={i}' or {i}=0--", "/p?q=<script>{i}</script>", "/cgi/../../../../etc/passwd?{i}", "/.env.{i}")
TEXTS = [
    "",
    "/",
    "sshd: failed password for <user>",
    "curl/0.0.0",
    "\x00\u202e",
    *(f"/{'x' * (i % 90)}/{i:o}.php?a={i}" for i in range(400)),
    *(each.format(i=i) for i in range(30) for each in ATTACKS),
    "/?id=0' or 0=0--" * 9,
]
LABELLED = {
    f"/p?id={i}{tail}": attack
    for i in range(40)
    for tail, attack in (("", "benign"), (f"' or {i}=0--", "sqli"), (f"<script>{i}</script>", "xss"))
}


def quiet(*_: object) -> None:
    """Who is told of progress."""


@pytest.fixture(scope="module")
def gpu() -> TorchRuntime:
    return TorchRuntime()


@pytest.fixture(scope="module", params=["onnx", "torch on the processor"])
def other(request: pytest.FixtureRequest) -> OnnxRuntime | TorchRuntime:
    return OnnxRuntime() if request.param == "onnx" else TorchRuntime(device="cpu")


def features(runtime: TorchRuntime, n: int) -> Floats:
    width = next(runtime._event.parameters()).shape[1]
    return np.random.default_rng(1).uniform(-1, 1, (n, width)).astype(np.float32)


def sequences(runtime: TorchRuntime) -> list[Floats]:
    """Of every length, the short ones often."""
    events = runtime.embed(features(runtime, 4 * WINDOW))
    return [events[i : i + 1 + i % WINDOW] for i in range(3 * WINDOW)] + [events[i : i + 3] for i in range(200)]


def close(one: np.ndarray, two: np.ndarray, bound: float) -> None:
    assert one.shape == two.shape
    assert np.abs(one - two).max() <= bound


def same(one: np.ndarray, two: np.ndarray) -> None:
    """Bit for bit, as they leave the runtime: rounded."""
    differ = int((one != two).sum())
    assert differ == 0, f"{differ} of {one.size} numbers differ, by {np.abs(one - two).max()} at most"


# Scores


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


# Memory


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
        done = _elsewhere(_SCORE)
    finally:
        ballast.clear()
        torch.cuda.empty_cache()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1|torch on cpu, fp32|the GPU's memory is full: the processor scores"


def _elsewhere(program: str, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    found = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env=os.environ | {"PYTHONPATH": found} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


# Training


def made_up(n: int, seed: int) -> Tokens:
    """Requests of 40 actors, of which those with an even number attack."""
    rng = np.random.default_rng(seed)
    numbers, pages = rng.integers(0, 40, n), rng.integers(0, 90, n)
    numeric = rng.uniform(0, 1, (n, len(NUMERIC))).astype(np.float32)
    for name, value in (("web", 1), ("ssh", 0), ("mail", 0), ("ftp", 0), ("request", 1), ("ok", 0)):
        numeric[:, NUMERIC.index(name)] = value
    values: dict[str, object] = {
        "actor": [f"198.51.100.{number}" for number in numbers],
        "time": 1_790_000_000.0 + np.sort(rng.uniform(0, 1e5, n)),
        "request": [
            f"/page{page}" if number % 2 else ATTACKS[page % 4].format(i=page)
            for number, page in zip(numbers, pages, strict=True)
        ],
        "second": ["curl/0.0.0" if number % 3 else "mozilla/0.0" for number in numbers],
        "referer": ["/" if page % 2 else "" for page in pages],
        "numeric": numeric,
        "row": np.arange(n),
        "touched": np.ones((n, 3), np.int64),
    }
    for field in fields(Tokens):
        if field.name not in values:
            values[field.name] = [""] * n if "list" in str(field.type) else np.ones(n, np.int64)
    return Tokens(**values)  # type: ignore[arg-type]


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
    done = _elsewhere(_ENCODE, str(trained), CUDA_VISIBLE_DEVICES="")
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


def test_a_large_batch_is_read_in_pieces(
    tmp_path: Path, spare: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("transformers")
    from tiny_encoders import make  # noqa: PLC0415 - needs transformers

    base = brought.read(make(tmp_path, "bert"))
    setting = settings.Setting(**TINY.as_dict() | {"encoder_steps": 4, "encoder_batch": 2048})
    items = [fit_encoder.Lesson(f"/page{i}" * 20, i % 3 if i % 2 else -1, i % 2 if i % 3 else -1) for i in range(40)]

    def fitted() -> fit_encoder.TextEncoder:
        return fit_encoder.train(items, [], Tokenizer(base.tokenizer), setting=setting, seed=1, tell=quiet, base=base)

    spare(needed(fitted) // 2)
    with caplog.at_level(logging.WARNING):
        made = fitted()
    assert any("it reads batches of" in each for each in caplog.messages)
    encoded = fit_encoder.encode(made, Tokenizer(base.tokenizer), TEXTS)
    assert np.isfinite(encoded).all()
    state = made.body.state_dict()
    assert any(not torch.equal(state[name].cpu(), value) for name, value in base.state.items()), "it learned"
