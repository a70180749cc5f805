"""Which runtime the configuration asks for."""

from fail2ban_ai.caps import Caps
from fail2ban_ai.config_model import Model
from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import wire
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.remote import RemoteRuntime, Server
from fail2ban_ai.model.runtime import Runtime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.weights import Weights, load


def scorer(settings: Model, caps: Caps | None = None) -> Scorer:
    """A scorer on the weights and the runtime of `settings`; raises what `chosen` raises."""
    weights = load(settings.weights)
    return Scorer(chosen(settings, weights), weights, caps)


def chosen(settings: Model, weights: Weights | None = None) -> Runtime:
    """The runtime of `settings` on `weights`, by default on those of `settings`.

    Raises:
        ModelError: the weights are damaged, or an extra is not installed.
        ConfigError: the token's file is not as it should be.
    """
    weights = weights or load(settings.weights)
    if settings.runtime == "remote" and settings.server is not None:
        server = Server(settings.server, wire.token(settings.token_file), weights.sha256)
        return RemoteRuntime(server, embedded(weights, "cpu"))
    if settings.runtime == "torch":
        return by_torch(weights)
    return OnnxRuntime(weights)


def embedded(weights: Weights, device: str | None = None) -> Runtime:
    """What scores by itself: ONNX Runtime, or torch (on `device`) for a brought encoder, which has no ONNX form."""
    return by_torch(weights, device) if weights.brought else OnnxRuntime(weights)


def by_torch(weights: Weights, device: str | None = None) -> Runtime:
    """The runtime over torch, on a GPU if there is one and `device` is None; ModelError where it is not installed."""
    try:
        from fail2ban_ai.model.torch import TorchRuntime  # noqa: PLC0415 - takes seconds, and an extra
    except ImportError as error:
        raise ModelError(f"The runtime torch needs the extra gpu: pip install 'fail2ban-ai[gpu]' ({error}).") from error
    return TorchRuntime(weights, device)
