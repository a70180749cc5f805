"""Texts a second that are encoded, and sequences a second that are judged: one core, and CUDA in fp32, TF32 and bf16.

    python benchmarks/gpu.py [WEIGHTS] [--setting full] [--texts 100000]

`--setting`: random weights of that size instead, so that an encoder can be timed before it is trained; what bf16
changes in them says little of trained ones. Texts are distinct requests of simulated hosts, and more of the same lengths
put together from their parts. A rate is the median of three runs after a warm-up, tokenising included.
"""

import argparse
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from fail2ban_ai import canonical
from fail2ban_ai.model import weights
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.runtime import WINDOW, Floats
from fail2ban_ai.model.tokenizer import Tokenizer
from fail2ban_ai.model.torch import TorchRuntime
from fail2ban_ai.training import device, export, fit_encoder, settings, train
from fail2ban_ai.training.fit_actor import Behaviour
from fail2ban_ai.training.modules import Actor, Encoder, Event, Grams, text_width
from fail2ban_ai.training.simulator import training_world

SECONDS = 2.0  # that a run takes at least, if there are texts enough
WORLDS = 12
LOOKED_AT = 2000  # texts whose numbers are compared
_REQUEST = re.compile(r'"[A-Z]+ (\S+) HTTP')
_PARTS = re.compile(r"([/?&=.])")

Runtime = OnnxRuntime | TorchRuntime


def requests() -> list[str]:
    """Distinct requests of simulated hosts, as the model is given them."""
    found = {
        told[1]
        for seed in range(WORLDS)
        for lines in training_world(seed).lines.values()
        for _, line in lines
        if (told := _REQUEST.search(line))
    }
    done = canonical.canonical_many(sorted(found))
    return sorted({canonical.mask(canonical.unpadded(one.text)) for one in done})


def many(base: Sequence[str], n: int) -> list[str]:
    """`n` distinct texts of the lengths of `base`: parts are exchanged for others of their length."""
    rng = random.Random(1)  # noqa: S311 - the same texts each time
    by_length: dict[int, list[str]] = {}
    for part in sorted({part for text in base for part in _PARTS.split(text)}):
        by_length.setdefault(len(part), []).append(part)
    made = dict.fromkeys(base)
    while len(made) < n:
        parts = _PARTS.split(rng.choice(base))
        made["".join(rng.choice(by_length[len(part)]) if len(part) > 1 else part for part in parts)] = None
    texts = list(made)[:n]
    rng.shuffle(texts)
    return texts


def sequences(width: int, n: int) -> list[Floats]:
    """Event vectors, eight to an actor on average, as in simulated hosts."""
    rng = np.random.default_rng(1)
    lengths = np.minimum(rng.geometric(1 / 8, n), WINDOW)
    return [rng.standard_normal((length, width)).astype(np.float32) for length in lengths]


def per_second(work: Callable[[Sequence], object], items: Sequence) -> float:
    """Items a second, of as many as SECONDS takes."""
    n = min(256, len(items))
    work(items[:n])
    while (taken := _seconds(work, items[:n])) < SECONDS / 2 and n < len(items):
        n = min(4 * n, len(items))
    return n / statistics.median([taken, *(_seconds(work, items[:n]) for _ in range(2))])


def _seconds(work: Callable[[Sequence], object], items: Sequence) -> float:
    start = time.perf_counter()
    work(items)
    return time.perf_counter() - start


def row(name: str, runtime: Runtime, texts: Sequence[str], exact: Floats) -> str:
    """A line of the table; `exact` are the first texts by torch in fp32 on the processor, not rounded."""
    looked = texts[: len(exact)]
    if isinstance(runtime, TorchRuntime):
        found = runtime._encoded(runtime._tokenizer.encode(looked), half=runtime._half)
    else:
        found = runtime.encode(looked)[:, :-1]
    encoded = per_second(runtime.encode, texts)
    alone = statistics.median(_seconds(runtime.encode, [text]) for text in texts[:20])
    judged = per_second(runtime.judge, sequences(runtime.sizes.event, 40_000))
    return f"| {name} | {encoded:,.0f} | {1000 * alone:.1f} | {judged:,.0f} | {np.abs(found - exact).max():.5f} |"


def on_one_core(folder: Path, texts: Sequence[str], exact: Floats) -> list[str]:
    """The lines of the processor, in a process that has one core, to tokenise too."""
    held = weights.load(folder)
    rows = [] if held.brought else [row("onnx, one core", OnnxRuntime(held), texts, exact)]
    return [*rows, row("torch, one core", TorchRuntime(held, "cpu"), texts, exact)]


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def on_cuda(folder: Path, texts: Sequence[str], exact: Floats) -> list[str]:
    held = weights.load(folder)
    own = TorchRuntime(held, "cuda").name
    rows = []
    for name, half, share, context in (
        ("CUDA, fp32", False, 1, nullcontext),
        ("CUDA, fp32, batches a quarter of the size", False, 1 / 4, nullcontext),
        ("CUDA, fp32, batches a sixteenth of the size", False, 1 / 16, nullcontext),
        ("CUDA, TF32, forced", False, 1, device.descending),
        ("CUDA, bf16, forced", True, 1, nullcontext),
    ):
        runtime = TorchRuntime(held, "cuda")
        runtime._half, runtime._share = half, share
        with context():
            rows.append(row(name, runtime, texts, exact))
    return [*rows, "", f"The runtime takes: {own}. {bits(TorchRuntime(held, 'cuda'), texts)}"]


def bits(runtime: TorchRuntime, texts: Sequence[str]) -> str:
    """What batch-mates and order change in a text's numbers before they are rounded."""
    runtime._half = False
    ids = runtime._tokenizer.encode(texts[: 10 * LOOKED_AT])
    alone = runtime._encoded(ids[:LOOKED_AT], half=False)
    among = runtime._encoded(ids[::-1], half=False)[::-1][:LOOKED_AT]
    changed = int((alone != among).sum())
    most = np.abs(alone - among).max()
    return (
        f"Before rounding, batch-mates and order change {changed:,} of {alone.size:,} numbers, by {most:.1e} at most."
    )


def at_random(name: str, texts: Sequence[str], folder: Path) -> Path:
    """A weights folder that knows nothing."""
    setting = settings.setting(name)
    torch.manual_seed(1)
    behaviour = Behaviour(Event(setting), Actor(setting)).eval()
    definition = fit_encoder.train_tokenizer(texts, setting.vocabulary)
    made = train.Learned(definition, Encoder(setting).eval(), Grams().eval(), behaviour)
    for module in (made.encoder, behaviour.event, behaviour.actor):
        export.to_grid(module)
    sizes = {"text": text_width(setting), "embedding": setting.embedding, "event": setting.event}
    card = {"format": weights.FORMAT, "setting": setting.as_dict(), "sizes": sizes, "calibration": {}}
    train.write(folder, made, card)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="?", type=Path, default=weights.SHIPPED)
    parser.add_argument("--setting", choices=sorted(settings.SETTINGS))
    parser.add_argument("--texts", type=int, default=100_000)
    chosen = parser.parse_args()
    base = requests()
    texts = many(base, chosen.texts)
    with tempfile.TemporaryDirectory() as name:
        folder = at_random(chosen.setting, texts, Path(name)) if chosen.setting else chosen.weights
        processor = TorchRuntime(weights.load(folder), "cpu")
        exact = processor._encoded(processor._tokenizer.encode(texts[:LOOKED_AT]), half=False)
        print("| runtime | texts/s | one text, ms | sequences/s | largest difference in an encoded text |")
        print("| --- | --- | --- | --- | --- |")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_one_core) as pool:
            for line in pool.submit(on_one_core, folder, texts, exact).result():
                print(line, flush=True)
        if torch.cuda.is_available():
            print("\n".join(on_cuda(folder, texts, exact)))
        print(f"\n{about(processor._tokenizer, base, texts, chosen.setting or folder.name)}")


def about(tokenizer: Tokenizer, base: Sequence[str], texts: Sequence[str], model: str) -> str:
    """What was measured, and on what."""
    own, made = (statistics.fmean(map(len, tokenizer.encode(each))) for each in (base, texts))
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{model} on {card}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}; {len(texts):,} texts of"
        f" {made:.1f} tokens ({len(base):,} of them as simulated, {own:.1f} tokens); all cores tokenise"
        f" {per_second(tokenizer.encode, texts):,.0f} texts a second."
    )


if __name__ == "__main__":
    main()
