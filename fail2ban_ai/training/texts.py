"""Texts on their way into the encoder while it is trained."""

from collections.abc import Callable

import numpy as np
import torch

from fail2ban_ai.model.tokenizer import PAD

Tell = Callable[[int, int], None]  # steps done, steps in all


def padded(ids: list[list[int]]) -> torch.Tensor:
    """Token ids as [b, longest]."""
    out = np.full((len(ids), max(map(len, ids))), PAD, np.int64)
    for i, row in enumerate(ids):
        out[i, : len(row)] = row
    return torch.from_numpy(out)
