"""The weights folder: what is in it, and that it is what was shipped."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fail2ban_ai.errors import ModelError

SHIPPED = Path(__file__).with_name("weights")
FORMAT = 3
RUNTIME_FILES = ("tokenizer.json", "encoder.onnx", "grams.onnx", "event.onnx", "actor.onnx")
TORCH_FILES = ("encoder.safetensors", "grams.safetensors", "actor.safetensors")
CONFIG = "config.json"
"""There for an encoder that a site brought: then the folder holds no ONNX file, and a runtime loads BROUGHT_FILES."""
BROUGHT_FILES = ("tokenizer.json", CONFIG, *TORCH_FILES)
CARD = "card.json"
SENSITIVITIES = ("cautious", "normal", "strict")


@dataclass(frozen=True)
class Weights:
    """A weights folder whose files were checked against the card."""

    folder: Path
    card: dict[str, Any]

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            ModelError: the file is missing or is not the one that the card was written for.
        """
        expected = self.card["sha256"].get(name)
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"The model file {self.folder / name} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise ModelError(f"The model file {self.folder / name} is damaged: its checksum is not the card's.")
        return content

    @property
    def brought(self) -> bool:
        """Whether the encoder is one that a site brought."""
        return CONFIG in self.card["sha256"]

    @property
    def config(self) -> str | None:
        """What a brought encoder is, in JSON; None for ours. ModelError as of `read`."""
        return self.read(CONFIG).decode() if self.brought else None

    @property
    def files(self) -> tuple[str, ...]:
        """All that a runtime needs."""
        return BROUGHT_FILES if self.brought else RUNTIME_FILES

    def check(self) -> None:
        """ModelError where a file that a runtime needs is missing or damaged."""
        for name in self.files:
            self.read(name)

    def need_onnx(self) -> None:
        """ModelError where these weights have no ONNX form."""
        if self.brought:
            raise ModelError(
                f"The weights in {self.folder} are built on an encoder of your own, which runs on torch alone:"
                " set `model: {runtime: torch}` in config.yaml, or start `model serve --runtime torch`."
            )

    @cached_property
    def sha256(self) -> str:
        """One checksum for all that the runtime loads, for reports."""
        joined = "".join(self.card["sha256"][name] for name in self.files)
        return hashlib.sha256((joined + json.dumps(self.card["calibration"], sort_keys=True)).encode()).hexdigest()

    def threshold(self, group: str, sensitivity: str) -> float:
        """The score from which an actor of a service group is taken for hostile; groups are labels.GROUPS."""
        return float(self.card["thresholds"][group][sensitivity])

    def lasting(self, group: str, sensitivity: str) -> float:
        """The score that does the same when it is held over judge.LASTING events in a row."""
        return float(self.card["lasting_thresholds"][group][sensitivity])

    def single(self, group: str) -> float:
        """The score from which one request that looks like an attack is enough by itself."""
        return float(self.card["single_thresholds"][group])

    @property
    def alike(self) -> float:
        """The probability of belonging to a campaign from which an actor is taken for a member."""
        return float(self.card["membership"]["threshold"])


def load(folder: Path | None = None) -> Weights:
    """The weights in `folder`, by default those shipped with the package.

    Raises:
        ModelError: no card, a card that is not JSON, or one of another format.
    """
    folder = folder or SHIPPED
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"There are no model weights in {folder}: {error.strerror}.") from error
    except ValueError as error:
        raise ModelError(f"The model card {folder / CARD} is not JSON.") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ModelError(
            f"The model in {folder} is of another version than this program: train it anew (fail2ban-ai model train)."
        )
    return Weights(folder, card)
