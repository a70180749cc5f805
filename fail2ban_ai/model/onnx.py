"""The default runtime: ONNX Runtime on the CPU, weights int8, arithmetic fp32.

Weights alone are int8. Quantising activations as well would tie a text's score to the other texts in its batch, and
then an attacker could move other actors' scores. For the same reason every call has one of a few fixed shapes: a
matrix product of another shape may add up in another order. Outputs are rounded, so what float noise is left stays
unseen.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model.batches import TEXT_LENGTHS, by_length, parts
from fail2ban_ai.model.grams import as_bytes
from fail2ban_ai.model.runtime import WINDOW, Floats, Judgement, Sizes
from fail2ban_ai.model.tokenizer import PAD, Tokenizer
from fail2ban_ai.model.weights import Weights, load

THREADS = 1
DIGITS = 3
"""Decimals kept of embeddings, event vectors and scores."""

_TEXT_TOKENS = 256  # of one encoder call, padding included
_EVENT_ROWS = 256
_GRAM_ROWS = 256
_SEQUENCES = {8: 64, 16: 32, 32: 16, WINDOW: 8}  # sequence length -> sequences of one actor model call


def session(content: bytes) -> onnxruntime.InferenceSession:
    """An inference session on THREADS threads.

    Raises:
        ModelError: the content is no ONNX model that this ONNX Runtime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # a plan of the memory for each shape; without it, calls take as long
    # Unpack the int8 weights once at load, instead of at each call.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    # Threads that spin between calls would take the machine from its services.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's exceptions share no base class of their own
        raise ModelError(f"ONNX Runtime cannot load the model: {error}") from error


class OnnxRuntime:
    """runtime.Runtime over ONNX Runtime."""

    name = "onnx"
    trouble: str | None = None

    def __init__(self, weights: Weights | None = None) -> None:
        """ModelError: the weights are damaged, or have no ONNX form."""
        weights = weights or load()
        weights.need_onnx()
        self._tokenizer = Tokenizer(weights.read("tokenizer.json").decode())
        self._encoder = session(weights.read("encoder.onnx"))
        self._grams = session(weights.read("grams.onnx"))
        self._event = session(weights.read("event.onnx"))
        self._actor = session(weights.read("actor.onnx"))
        sizes = weights.card["sizes"]
        self.sizes = Sizes(text=sizes["text"], embedding=sizes["embedding"], event=sizes["event"])

    def encode(self, texts: Sequence[str]) -> Floats:
        """See runtime.Runtime."""
        out = np.zeros((len(texts), self.sizes.text), np.float32)
        if not texts:
            return out
        ids = self._tokenizer.encode(texts)
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        for length, rows in by_length(lengths, TEXT_LENGTHS):
            size = max(1, _TEXT_TOKENS // length)
            for part in parts(rows, size):
                batch = np.full((size, length), PAD, np.int64)
                for i, row in enumerate(part):
                    batch[i, : lengths[row]] = ids[row]
                out[part, :-1] = self._encoder.run(None, {"ids": batch})[0][: len(part)]
        for part in parts(np.arange(len(texts)), _GRAM_ROWS):
            batch = as_bytes([texts[row] for row in part] + [""] * (_GRAM_ROWS - len(part)))
            out[part, -1:] = self._grams.run(None, {"bytes": batch})[0][: len(part)]
        return np.round(out, DIGITS)

    def embed(self, features: Floats) -> Floats:
        """See runtime.Runtime."""
        out = np.zeros((len(features), self.sizes.event), np.float32)
        for part in parts(np.arange(len(features)), _EVENT_ROWS):
            batch = np.zeros((_EVENT_ROWS, features.shape[1]), np.float32)
            batch[: len(part)] = features[part]
            out[part] = self._event.run(None, {"features": batch})[0][: len(part)]
        return np.round(out, DIGITS)

    def judge(self, sequences: Sequence[Floats]) -> list[Judgement]:
        """See runtime.Runtime."""
        results: list[Judgement | None] = [None] * len(sequences)
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        for length, rows in by_length(lengths, tuple(_SEQUENCES)):
            size = _SEQUENCES[length]
            for part in parts(rows, size):
                batch = np.zeros((size, length, self.sizes.event), np.float32)
                for i, row in enumerate(part):
                    batch[i, : lengths[row]] = sequences[row]
                made = [np.round(out, DIGITS) for out in self._actor.run(None, {"events": batch})]
                for i, row in enumerate(part):
                    results[row] = Judgement(*(out[i, : lengths[row]] for out in made))
        return [result for result in results if result is not None]
