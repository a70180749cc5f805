"""Tokens: the events worth a look, as the model meets them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.columns import NUMERIC


@dataclass(slots=True)
class Tokens:
    """The events worth a look, in order of time; every list and array has one entry for each."""

    actor: list[str]
    time: npt.NDArray[np.float64]  # seconds since the epoch, UTC
    request: list[str]
    second: list[str]
    referer: list[str]
    path: list[str | None]
    numeric: npt.NDArray[np.float32]  # [n, len(NUMERIC)]
    row: npt.NDArray[np.int64]  # of the frame
    count: npt.NDArray[np.int64]  # acts of the actor so far, this one included: two lines about one attempt are one
    touched: npt.NDArray[np.int64]  # [n, 3] actors that touched its path, agent and account so far, this one included
    population: npt.NDArray[np.int64]  # actors seen so far
    agents: npt.NDArray[np.int64]  # distinct user agents of the actor so far, at most telling.NAMES_KEPT
    forgetful: npt.NDArray[np.int64]  # 1: so far it did only what somebody does who forgot a password
    total: npt.NDArray[np.int64]  # events of all actors so far

    def __len__(self) -> int:
        return len(self.actor)

    def at(self, places: npt.NDArray[np.int64]) -> "Tokens":
        """The tokens at these places, in their order."""
        listed = places.tolist()
        columns: dict[str, Any] = {}
        for name in (column.name for column in fields(Tokens)):
            column = getattr(self, name)
            columns[name] = column[places] if isinstance(column, np.ndarray) else [column[i] for i in listed]
        return Tokens(**columns)

    def between(self, low: int, high: int) -> "Tokens":
        """The tokens of the frame's rows low to high - 1, which are numbered from 0 again."""
        start, end = np.searchsorted(self.row, (low, high)).tolist()
        part = Tokens(**{column.name: getattr(self, column.name)[start:end] for column in fields(Tokens)})
        part.row = part.row - low
        return part


def joined(parts: Sequence[Tokens]) -> Tokens:
    """Tokens of consecutive parts (at least one) as one."""
    columns: dict[str, Any] = {}
    for column in fields(Tokens):
        pieces = [getattr(part, column.name) for part in parts]
        columns[column.name] = np.concatenate(pieces) if isinstance(pieces[0], np.ndarray) else list(chain(*pieces))
    return Tokens(**columns)


def none() -> Tokens:
    """No tokens."""
    ints = np.zeros(0, np.int64)
    texts: list[str] = []
    return Tokens(
        actor=texts,
        time=np.zeros(0),
        request=texts,
        second=texts,
        referer=texts,
        path=[],
        numeric=np.zeros((0, len(NUMERIC)), np.float32),
        row=ints,
        count=ints,
        touched=np.zeros((0, 3), np.int64),
        population=ints,
        agents=ints,
        forgetful=ints,
        total=ints,
    )
