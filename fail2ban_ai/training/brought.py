"""An encoder that a site brings for its GPU: a model folder of the transformers library, in the place of ours.

    config.json  tokenizer.json  model.safetensors (or the parts that model.safetensors.index.json names)

Nothing of it is run: weights are safetensors, the code is the library's own for one of KINDS, and the library asks no
server (HF_HUB_OFFLINE, see the package model). Training changes its weights, the heads on it are those of our encoder.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model.tokenizer import LENGTH, PAD, Tokenizer
from fail2ban_ai.model.weights import CONFIG
from fail2ban_ai.training.modules import Encoder, TextEncoder
from fail2ban_ai.training.settings import Setting

KINDS = ("bert", "distilbert", "electra", "modernbert", "roberta", "xlm-roberta")
"""Values of `model_type` that are known to work; each is tried in the tests."""

_TOKENIZER, _WEIGHTS, _INDEX = "tokenizer.json", "model.safetensors", "model.safetensors.index.json"
_REFUSED = {
    "auto_map": "names code of its own to run",
    "quantization_config": "is quantised, and fine-tuning needs its plain weights",
}
_BODY_RATE = 5e-5  # the highest that Devlin et al. (2019) fine-tune at; what was learned before is not to be lost


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder as it was brought."""

    config: str
    tokenizer: str
    state: dict[str, Tensor]
    sha256: str

    def encoder(self, setting: Setting) -> "BroughtEncoder":
        """It, with heads that know nothing yet (from torch's random numbers)."""
        made = BroughtEncoder(self.config, setting)
        made.body.load_state_dict(self.state)
        return made


class BroughtEncoder(TextEncoder):
    """A body of the transformers library with our heads."""

    def __init__(self, config: str, setting: Setting) -> None:
        """Random weights. ModelError: the config is none that we take, or the extra gpu is not installed."""
        super().__init__()
        self.config = config
        parsed = _parsed(config)
        try:
            self.body = _library().AutoModel.from_config(
                parsed, attn_implementation="eager", dtype=torch.float32, trust_remote_code=False
            )
        except Exception as error:  # whatever a wrong number in it leads to
            raise ModelError(f"The encoder's {CONFIG} describes no model: {error}") from error
        _trim(self.body)
        self._pad = int(parsed.pad_token_id or 0)
        self.add_heads(int(parsed.hidden_size), setting.embedding)

    def states(self, ids: Tensor) -> Tensor:
        """See TextEncoder."""
        real = ids != PAD
        own = torch.where(real, ids - 1, self._pad)  # see tokenizer: its ids are one higher with us
        states: Tensor = self.body(input_ids=own, attention_mask=real.long(), return_dict=True).last_hidden_state
        return states

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """See TextEncoder."""
        body = list(self.body.parameters())
        heads = [parameter for name, parameter in self.named_parameters() if not name.startswith("body.")]
        return [(body, _BODY_RATE), (heads, self.rate)]


def empty(config: str | None, setting: Setting) -> TextEncoder:
    """An encoder whose weights are still to be loaded: ours, or the brought one that `config` describes."""
    return Encoder(setting) if config is None else BroughtEncoder(config, setting)


def read(folder: Path) -> Base:
    """The encoder in a folder of the transformers library.

    Raises:
        ModelError: there is none, or none that can be used; the sentence says why.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}: --encoder names one with {CONFIG}, {_TOKENIZER}, {_WEIGHTS}.")
    config, definition = _text(folder / CONFIG), _text(folder / _TOKENIZER)
    hashed = hashlib.sha256(f"{config}\0{definition}".encode())
    for path in _weights(folder):
        with path.open("rb") as file:
            hashed.update(hashlib.file_digest(file, "sha256").digest())
    base = Base(config, definition, _state(folder, config), hashed.hexdigest())
    _try(base, folder)
    return base


def _library() -> ModuleType:
    try:
        import transformers  # noqa: PLC0415 - takes seconds, and an extra
    except ImportError as error:
        raise ModelError(
            f"An encoder of your own needs the extra gpu: pip install 'fail2ban-ai[gpu]' ({error})."
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers  # type: ignore[no-any-return]  # not followed by mypy


def _parsed(config: str) -> Any:
    """The library's config of the text of a config.json; ModelError for what we do not take."""
    try:
        values = json.loads(config)
    except ValueError as error:
        raise ModelError(f"The encoder's {CONFIG} is not JSON: {error}.") from error
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind not in KINDS:
        raise ModelError(f"The encoder's {CONFIG} has the model_type {kind!r}; expected one of {', '.join(KINDS)}.")
    for key, why in _REFUSED.items():
        if key in values:
            raise ModelError(f"The encoder is refused: its {CONFIG} {why} ({key}).")
    library = _library()
    try:
        return library.CONFIG_MAPPING[kind].from_dict(values)
    except Exception as error:  # the library's own, and whatever a value of another type leads to
        raise ModelError(f"The encoder's {CONFIG} cannot be used: {error}") from error


def _trim(body: nn.Module) -> None:
    """Take off the layer above the first token, which we do not read and which many files lack."""
    if getattr(body, "pooler", None) is not None:
        body.pooler = None


def _text(path: Path) -> str:
    if not path.is_file():  # a folder, a pipe or a device is none either
        raise ModelError(f"The encoder's folder has no {path.name}.")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error


def _weights(folder: Path) -> list[Path]:
    """The files with the weights; ModelError where there are none but pickled ones."""
    whole, index = folder / _WEIGHTS, folder / _INDEX
    if whole.is_file():
        return [whole]
    if not index.is_file():
        pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
        told = f": {pickled[0]} is pickled, so reading it can run code" if pickled else ""
        raise ModelError(f"The encoder's folder has no {_WEIGHTS}{told}. Save the model with safetensors.")
    try:
        named = sorted(set(json.loads(_text(index))["weight_map"].values()))
        parts = [folder / name for name in named if name == Path(name).name and name.endswith(".safetensors")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} is no index of weights: {error!r}.") from error
    if len(parts) != len(named) or not parts or not all(part.is_file() for part in parts):
        raise ModelError(f"{index} names files that are not there, or are no safetensors of this folder.")
    return parts


def _state(folder: Path, config: str) -> dict[str, Tensor]:
    """The body's weights, in fp32. Only heads may be missing, and only heads left over."""
    parsed = _parsed(config)
    try:
        body, told = _library().AutoModel.from_pretrained(
            str(folder.resolve()),
            config=parsed,
            attn_implementation="eager",
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # safetensors' own, and many others of the library
        raise ModelError(f"The weights in {folder} cannot be loaded: {error}") from error
    _trim(body)
    state: dict[str, Tensor] = body.state_dict()
    lacking = sorted(set(told["missing_keys"]) & set(state))
    if lacking:
        raise ModelError(f"The weights in {folder} lack {len(lacking)} tensors that {CONFIG} speaks of: {lacking[0]}.")
    return state


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def _try(base: Base, folder: Path) -> None:
    """ModelError if tokenizer and encoder do not fit, or the encoder cannot read LENGTH tokens."""
    highest, held = Tokenizer(base.tokenizer).size - 2, int(_parsed(base.config).vocab_size)
    if highest >= held:
        raise ModelError(
            f"The tokenizer in {folder} is another model's: it has tokens up to {highest}, the encoder knows {held}."
        )
    encoder = base.encoder(Setting()).eval()
    try:
        states = encoder.states(torch.full((1, LENGTH), highest + 1))
    except (IndexError, RuntimeError) as error:
        raise ModelError(f"The encoder in {folder} cannot read texts of {LENGTH} tokens: {error}") from error
    if not states.isfinite().all():
        raise ModelError(f"The weights in {folder} are damaged: they hold numbers that are none.")
