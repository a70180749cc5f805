"""What is left out when more lines arrive than can be judged: what says least about whether somebody is hostile."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import polars as pl

from fail2ban_ai.actors import Tokens

LATE, VERY_LATE, AGAIN = 1.5, 4.0, 0.5  # seconds of lag from which less is done, least is done, all is done again
MOST = {1: 512, 2: 128}  # events of one batch that are scored
FEW = 2  # ordinary successes of an address in one batch that are kept when least is done


def level(now: int, lag: float) -> int:
    """How thrifty to be: 0 not at all, 1 fewer events are scored, 2 fewer are even counted."""
    if lag > VERY_LATE:
        return 2
    if lag > LATE:
        return max(now, 1)
    return now if now and lag > AGAIN else 0


def thinned(frame: pl.DataFrame) -> pl.DataFrame:
    """The events without most of the web requests that were served: log-ins and failures stay."""
    served = ((pl.col("kind") == "request") & pl.col("status").is_between(200, 399)).fill_null(value=False)
    return frame.filter(~served | (pl.int_range(pl.len()).over("address", served) < FEW))


def chosen(tokens: Tokens, most: int, is_judged: Callable[[str], bool]) -> Tokens:
    """At most `most` of the tokens: none of actors judged already, and of the others the first ones of each first."""
    turns: dict[str, int] = {}
    waiting: list[tuple[int, int]] = []
    for i, actor in enumerate(tokens.actor):
        if not is_judged(actor):
            turn = turns[actor] = turns.get(actor, 0) + 1
            waiting.append((turn, i))
    kept = sorted(i for _, i in sorted(waiting)[:most])
    index = np.array(kept, np.int64)
    columns: dict[str, Any] = {}
    for column in fields(Tokens):
        values = getattr(tokens, column.name)
        columns[column.name] = values[index] if isinstance(values, np.ndarray) else [values[i] for i in kept]
    return Tokens(**columns)
