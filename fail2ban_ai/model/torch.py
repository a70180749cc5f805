"""The runtime over torch: on a GPU where there is one, else on the processor. Needs the extra `gpu`.

fp32, as the embedded model; bf16 for the encoder only if it changes no encoded text by more than BOUND, which is tried
when the model is loaded. A GPU whose memory is full gets smaller batches, and at last the processor takes over.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from fail2ban_ai.model import grams
from fail2ban_ai.model.batches import TEXT_LENGTHS, by_length, parts
from fail2ban_ai.model.onnx import DIGITS, THREADS
from fail2ban_ai.model.runtime import WINDOW, Floats, Judgement, Sizes
from fail2ban_ai.model.tokenizer import PAD, SPECIAL, Tokenizer
from fail2ban_ai.model.weights import Weights, load
from fail2ban_ai.training import brought
from fail2ban_ai.training.device import memory_full
from fail2ban_ai.training.modules import Actor, Event, Grams
from fail2ban_ai.training.settings import Setting

BOUND = 2e-3
"""Largest difference from fp32 that bf16 may make in any number of an encoded text: what `model export` allows."""

# Of one call, padding included: few on a processor, whose caches are small.
_TEXT_TOKENS = {"cpu": 256, "cuda": 65_536}
_EVENTS = {"cpu": 256, "cuda": 16_384}
_LENGTHS = (8, 16, 32, WINDOW)
_GRAMS = 8  # what one text's bytes count for, in events: few texts at once take ten times as long on a processor
_SMALLEST = 1 / 64  # of these, before a GPU is given up

T = TypeVar("T")


class TorchRuntime:
    """runtime.Runtime over torch."""

    def __init__(self, weights: Weights | None = None, device: str | None = None) -> None:
        """`device`: "cuda" or "cpu"; the GPU if there is one by default. ModelError: the weights are damaged."""
        weights = weights or load()
        torch.set_num_threads(THREADS)
        setting = Setting(**weights.card["setting"])
        self._tokenizer = Tokenizer(weights.read("tokenizer.json").decode())
        self._encoder, self._grams = brought.empty(weights.config, setting).eval(), Grams().eval()
        self._event, self._actor = Event(setting).eval(), Actor(setting).eval()
        self._encoder.load_state_dict(safetensors.torch.load(weights.read("encoder.safetensors")))
        self._grams.load_state_dict(safetensors.torch.load(weights.read("grams.safetensors")))
        state = safetensors.torch.load(weights.read("actor.safetensors"))
        for part, module in (("event.", self._event), ("actor.", self._actor)):
            module.load_state_dict({n.removeprefix(part): v for n, v in state.items() if n.startswith(part)})
        sizes = weights.card["sizes"]
        self.sizes = Sizes(text=sizes["text"], embedding=sizes["embedding"], event=sizes["event"])
        self.trouble: str | None = None
        self._share = 1.0  # of a full batch
        self._half = False
        try:
            self._move(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        except RuntimeError as error:
            if not memory_full(error):
                raise
            self._give_up()
        self._half = self._within_memory(self._bf16_is_close)
        self.name = self._named()

    def encode(self, texts: Sequence[str]) -> Floats:
        """See runtime.Runtime."""
        ids = self._tokenizer.encode(texts) if len(texts) else []
        out = np.zeros((len(texts), self.sizes.text), np.float32)
        out[:, :-1] = self._within_memory(lambda: self._encoded(ids, half=self._half))
        out[:, -1:] = self._within_memory(lambda: self._rows(self._grams, grams.as_bytes(texts), 1, _GRAMS))
        return np.round(out, DIGITS)

    def embed(self, features: Floats) -> Floats:
        """See runtime.Runtime."""
        return np.round(self._within_memory(lambda: self._rows(self._event, features, self.sizes.event, 1)), DIGITS)

    def judge(self, sequences: Sequence[Floats]) -> list[Judgement]:
        """See runtime.Runtime."""
        return self._within_memory(lambda: self._judged(sequences))

    def _encoded(self, ids: list[list[int]], *, half: bool) -> Floats:
        out = np.zeros((len(ids), self.sizes.text - 1), np.float32)
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        for length, rows in by_length(lengths, TEXT_LENGTHS):
            size = self._size(_TEXT_TOKENS, length)
            for part in parts(rows, size):
                batch = np.full((size, length), PAD, np.int64)
                for i, row in enumerate(part):
                    batch[i, : lengths[row]] = ids[row]
                with torch.autocast(self._device, torch.bfloat16, enabled=half):
                    out[part] = self._run(self._encoder, batch)[0][: len(part)]
        return out

    def _rows(self, module: torch.nn.Module, rows: np.ndarray, width: int, length: int) -> Floats:
        """[n, width] of a module that takes rows of one length."""
        out = np.zeros((len(rows), width), np.float32)
        size = self._size(_EVENTS, length)
        for part in parts(np.arange(len(rows)), size):
            batch = np.zeros((size, rows.shape[1]), rows.dtype)
            batch[: len(part)] = rows[part]
            out[part] = self._run(module, batch)[0][: len(part)]
        return out

    def _judged(self, sequences: Sequence[Floats]) -> list[Judgement]:
        results: list[Judgement | None] = [None] * len(sequences)
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        for length, rows in by_length(lengths, _LENGTHS):
            size = self._size(_EVENTS, length)
            for part in parts(rows, size):
                batch = np.zeros((size, length, self.sizes.event), np.float32)
                for i, row in enumerate(part):
                    batch[i, : lengths[row]] = sequences[row]
                made = self._run(self._actor, batch)
                for i, row in enumerate(part):
                    results[row] = Judgement(*(np.round(out[i, : lengths[row]], DIGITS) for out in made))
        return [result for result in results if result is not None]

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
    def _run(self, module: torch.nn.Module, batch: np.ndarray) -> list[Floats]:
        made = module(torch.from_numpy(batch).to(self._device))
        outputs: tuple[Tensor, ...] = made if isinstance(made, tuple) else (made,)
        return [output.float().cpu().numpy() for output in outputs]

    def _size(self, full: dict[str, int], length: int) -> int:
        return max(1, int(full[self._device] * self._share) // length)

    def _within_memory(self, work: Callable[[], T]) -> T:
        """What `work` gives, with smaller batches, and at last without the GPU, while its memory is full."""
        while True:
            try:
                return work()
            except RuntimeError as error:
                if self._device == "cpu" or not memory_full(error):
                    raise
            # Only here is what the error held let go.
            self._share /= 4
            self.trouble = f"the GPU's memory is full: it scores in batches of {self._share:.1%} of their size"
            if self._share < _SMALLEST:
                self._give_up()
            torch.cuda.empty_cache()

    def _give_up(self) -> None:
        self._share, self._half = 1.0, False
        self._move("cpu")
        self.name = self._named()
        self.trouble = "the GPU's memory is full: the processor scores"

    def _move(self, device: str) -> None:
        for module in (self._encoder, self._grams, self._event, self._actor):
            module.to(device)
        self._device = device

    def _named(self) -> str:
        return f"torch on {self._device}, {'bf16' if self._half else 'fp32'}"

    def _bf16_is_close(self) -> bool:
        """Whether bf16 changes no number of any text by more than BOUND, on 2,048 texts of random tokens."""
        if self._device == "cpu":
            return False
        rng = np.random.default_rng(0)
        words = rng.integers(len(SPECIAL), self._tokenizer.size, (2048, TEXT_LENGTHS[-1]))
        ids = [row[: 1 + i % len(row)].tolist() for i, row in enumerate(words)]
        difference = np.abs(self._encoded(ids, half=True) - self._encoded(ids, half=False))
        return bool(difference.max() <= BOUND)
