"""The one interface behind which a model runs: ONNX Runtime, torch on a GPU, or a server elsewhere (see runtimes)."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WINDOW = 64
"""Events of an actor that one judgement can see: its block of BLOCK events and the block before."""
BLOCK = 32
COMPANY = 17
"""Numbers that tell whom an actor belongs with: a direction, and last a leaning.

The product of two actors' directions and the sum of their leanings are the logit of "these are of one campaign". A
campaign's vector is the mean of its members'.
"""


class Sizes(NamedTuple):
    """Widths of what passes through the interface."""

    text: int  # of an encoded text: embedding, attack probabilities, intent, n-grams
    embedding: int  # the first part of an encoded text
    event: int  # of an event vector


class Judgement(NamedTuple):
    """What the actor model says as of each event."""

    hostile: Floats  # [b, l] logits, not calibrated
    kind: Floats  # [b, l, len(KINDS)] probabilities
    company: Floats  # [b, l, COMPANY], not calibrated


class Runtime(Protocol):
    """A model that is loaded. Every answer depends on its own row alone, not on its batch-mates."""

    sizes: Sizes
    name: str  # for `status`: what runs, and on what
    trouble: str | None  # a sentence while something else has to do its work

    def encode(self, texts: Sequence[str]) -> Floats:
        """[n, sizes.text]: embedding in -1..1, probabilities of ATTACKS and of hostile intent, n-gram logit / 3."""

    def embed(self, features: Floats) -> Floats:
        """[n, sizes.event] from [n, 3 * sizes.text + numeric features]."""

    def judge(self, sequences: Sequence[Floats]) -> list[Judgement]:
        """For each sequence [l <= WINDOW, sizes.event] of event vectors the judgement as of each event, without b."""
