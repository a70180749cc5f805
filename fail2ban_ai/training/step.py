"""One step of an optimiser, the same for every network."""

from typing import Any

import torch
from torch import Tensor, nn

_STEEPEST = 1.0  # norm of a gradient that is cut off


def descend(loss: Tensor, module: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
    """Go down the gradient of `loss` once; `schedule` is one of torch.optim.lr_scheduler."""
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), _STEEPEST)
    optimiser.step()
    schedule.step()
