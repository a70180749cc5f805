"""Torch modules to the files of a weights folder: safetensors, and ONNX with int8 weights, their scores compared."""

import io
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import grams as texts_as_bytes
from fail2ban_ai.model.onnx import session
from fail2ban_ai.model.runtime import WINDOW, Judgement
from fail2ban_ai.model.tokenizer import LENGTH
from fail2ban_ai.training.fit_actor import Behaviour
from fail2ban_ai.training.modules import Grams, TextEncoder

BOUND = 2e-3
"""Largest difference allowed between torch and ONNX Runtime in any probability, embedding or tenth of a logit."""

_OPSET = 17
_SMALL = 1024  # elements; tensors below stay fp32


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def to_grid(module: nn.Module) -> None:
    """Round each matrix row to 255 steps, in place: torch and int8 ONNX then hold the same numbers."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Embedding) and layer.weight.numel() >= _SMALL:
            scale = (layer.weight.abs().amax(1, keepdim=True) / 127).clamp(min=1e-8)
            layer.weight.copy_((layer.weight / scale).round() * scale)


def encoder_onnx(encoder: TextEncoder) -> bytes:
    """The encoder as ONNX: ids int64 [b, n] to texts float32 [b, width]."""
    return _exported(encoder, torch.ones(2, LENGTH, dtype=torch.int64), "ids", ["texts"], {0: "b", 1: "n"})


def grams_onnx(model: Grams) -> bytes:
    """The n-gram regression as ONNX: bytes int64 [b, LENGTH] to logits / 3 float32 [b, 1]."""
    example = torch.ones(2, texts_as_bytes.LENGTH, dtype=torch.int64)
    return _exported(model, example, "bytes", ["logits"], {0: "b"})


def event_onnx(made: Behaviour) -> bytes:
    """The event layer as ONNX: features [b, f] to events [b, event]."""
    width = next(layer for layer in made.event.modules() if isinstance(layer, nn.Linear)).in_features
    return _exported(made.event, torch.zeros(2, width), "features", ["events"], {0: "b"})


def actor_onnx(made: Behaviour) -> bytes:
    """The actor model as ONNX: events [b, n, event] to the parts of runtime.Judgement."""
    width = made.actor.places.shape[1]
    return _exported(made.actor, torch.zeros(2, WINDOW, width), "events", list(Judgement._fields), {0: "b", 1: "n"})


def compare(encoder: TextEncoder, model: Grams, made: Behaviour, files: dict[str, bytes], seed: int) -> float:
    """The largest difference between torch and the ONNX files on random input.

    Raises:
        ModelError: it is over BOUND.
    """
    rng = np.random.default_rng(seed)
    vocabulary = encoder.tokens.num_embeddings
    ids = rng.integers(0, vocabulary, (64, 24))
    ids[:, 12:] *= rng.integers(0, 2, (64, 1))  # some with padding
    read = rng.integers(1, 256, (64, texts_as_bytes.LENGTH))
    read[:, 40:] *= rng.integers(0, 2, (64, 1))
    width = next(layer for layer in made.event.modules() if isinstance(layer, nn.Linear)).in_features
    features = rng.uniform(-1, 1, (64, width)).astype(np.float32)
    with torch.no_grad():
        texts = encoder(torch.from_numpy(ids)).numpy()
        logits = model(torch.from_numpy(read)).numpy()
        events = made.event(torch.from_numpy(features)).numpy()
        sequence = events.reshape(4, 16, -1)
        hostile, kind, company = (part.numpy() for part in made.actor(torch.from_numpy(sequence)))
    got_texts = session(files["encoder.onnx"]).run(None, {"ids": ids})[0]
    got_logits = session(files["grams.onnx"]).run(None, {"bytes": read})[0]
    got_events = session(files["event.onnx"]).run(None, {"features": features})[0]
    got_hostile, got_kind, got_company = session(files["actor.onnx"]).run(None, {"events": sequence})
    pairs = (
        (texts, got_texts),
        (logits, got_logits),
        (events, got_events),
        (hostile / 10, got_hostile / 10),
        (kind, got_kind),
        (company / 10, got_company / 10),
    )
    worst = max(float(np.abs(want - got).max()) for want, got in pairs)
    if not worst <= BOUND:
        raise ModelError(f"The ONNX files score up to {worst:.4f} differently from torch; {BOUND} is allowed.")
    return worst


def _exported(module: nn.Module, example: torch.Tensor, name: str, outputs: list[str], axes: dict[int, str]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter writes plain opset 17 without a further package; torch calls it the old one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (example,),
            buffer,
            input_names=[name],
            output_names=outputs,
            dynamic_axes=dict.fromkeys([name, *outputs], axes),
            opset_version=_OPSET,
            dynamo=False,
        )
    return quantised(buffer.getvalue())


def quantised(content: bytes) -> bytes:
    """The same graph with its large matrices as int8, unpacked by DequantizeLinear (one scale for each output)."""
    model = onnx.load_from_string(content)
    graph = model.graph
    axes = {}
    for node in graph.node:
        if node.op_type == "MatMul":
            axes[node.input[1]] = 1
        elif node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axes[node.input[1]] = 0 if transposed else 1
        elif node.op_type == "Gather":
            axes[node.input[0]] = 0
    added = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.name not in axes or tensor.data_type != TensorProto.FLOAT or values.ndim != 2 or values.size < _SMALL:
            continue
        axis = axes[tensor.name]
        scale = np.maximum(np.abs(values).max(1 - axis) / 127, 1e-8).astype(np.float32)
        steps = np.rint(values / np.expand_dims(scale, 1 - axis)).astype(np.int8)
        graph.initializer.remove(tensor)
        names = [f"{tensor.name}.{part}" for part in ("int8", "scale", "zero")]
        for name, part in zip(names, (steps, scale, np.zeros(len(scale), np.int8)), strict=True):
            graph.initializer.append(numpy_helper.from_array(part, name))
        added.append(helper.make_node("DequantizeLinear", names, [tensor.name], axis=axis))
    for node in reversed(added):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
