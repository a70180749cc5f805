"""One step of an optimiser, the same for every network."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fail2ban_ai.training.device import memory_full

_STEEPEST = 1.0  # norm of a gradient that is cut off
_log = logging.getLogger(__name__)


def descend(loss: Tensor, module: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
    """Go down the gradient of `loss` once; `schedule` is one of torch.optim.lr_scheduler."""
    optimiser.zero_grad()
    loss.backward()
    _step(module, optimiser, schedule)


def _step(module: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
    nn.utils.clip_grad_norm_(module.parameters(), _STEEPEST)
    optimiser.step()
    schedule.step()


class Pieces:
    """Steps on batches that may not fit into the GPU's memory: one is read in pieces then, whose gradients add up."""

    def __init__(self) -> None:
        self._count = 1

    def descend(
        self,
        loss: Callable[[np.ndarray], Tensor],
        rows: np.ndarray,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: Any,
    ) -> None:
        """Go down the gradient of the mean of `loss` over the pieces of `rows` once.

        Raises:
            torch.OutOfMemoryError: one row alone is too much, or what the optimiser keeps.
        """
        while not self._fits(loss, rows, optimiser):
            self._count *= 2
            torch.cuda.empty_cache()
            _log.warning("The GPU's memory is full: it reads batches of %d texts.", len(rows) // self._count)
        _step(module, optimiser, schedule)

    def _fits(self, loss: Callable[[np.ndarray], Tensor], rows: np.ndarray, optimiser: torch.optim.Optimizer) -> bool:
        optimiser.zero_grad()
        try:
            for piece in range(self._count):
                (loss(rows[piece :: self._count]) / self._count).backward()
        except RuntimeError as error:
            if self._count * 2 > len(rows) or not memory_full(error):
                raise
            return False  # and what the error holds is let go before the next try
        return True
