"""Checks of what runs the model: `model` of the configuration."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from fail2ban_ai import config, paths
from fail2ban_ai.doctor.delivery import UNITS, has_no_network
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.errors import ConfigError, ModelError
from fail2ban_ai.model import weights, wire


def model_can_run(host: Host) -> Iterator[Result]:
    """What the configuration has the model run on is there."""
    del host
    try:
        model = config.load().model
    except ConfigError:
        return  # settings-are-right tells
    if model.runtime == "torch" and importlib.util.find_spec("torch") is None:
        yield _error("The model's runtime is torch, and torch is not installed.", "pip install 'fail2ban-ai[gpu]'")
    if model.weights is not None:
        yield from _own_weights(model.weights, model.runtime)
    if model.runtime != "remote":
        return
    try:
        wire.token(model.token_file)
    except ConfigError as error:
        yield _error(f"{error}.", "Put the server's token there: docs/serve.md says how.", model.token_file)
    for unit in (paths.units() / name for name in UNITS):
        if has_no_network(unit):
            sentence = f"{unit.name} has no network, so the embedded model does what the server should."
            yield Result(
                "model-can-run",
                "warning",
                sentence,
                "Run `fail2ban-ai setup`, which allows it in a drop-in.",
                str(unit),
            )


def _own_weights(folder: Path, runtime: str) -> Iterator[Result]:
    """Those in `folder` are whole and run by `runtime`."""
    try:
        held = weights.load(folder)
        held.check()
        if runtime == "onnx":
            held.need_onnx()
    except ModelError as error:
        yield _error(str(error), "docs/model.md says how weights are trained, and what runs them.", folder)
        return
    if held.brought and importlib.util.find_spec("transformers") is None:
        sentence = f"The weights in {folder} are built on an encoder that needs transformers, which is not installed."
        yield _error(sentence, "pip install 'fail2ban-ai[gpu]'", folder)


def _error(sentence: str, advice: str, file: Path | None = None) -> Result:
    return Result("model-can-run", "error", sentence, advice, str(file) if file else None)


CHECKS = (model_can_run,)
