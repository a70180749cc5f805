"""A frame laid out for the walk over its events: what is the same on many rows is worked out and looked up once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from fail2ban_ai.actors import texts
from fail2ban_ai.actors.state import ActorState, Item
from fail2ban_ai.addresses import actor_of


class Row(NamedTuple):
    """One event; actor, request, second and account are codes: places in the chunk's lists of distinct values."""

    actor: int
    request: int
    second: int
    account: int
    service: str
    kind: str
    status: int  # 0 for none
    time: float  # seconds since the epoch


class Chunk:
    """The rows of an event frame, and what is known of their actors, paths and agents, filled in as met.

    Rows whose address is none are left out: `frame` holds what is walked.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        addresses = texts.Coded(frame["address"], lambda column: [actor_of(text) for text in column])
        if None in addresses.values:
            known = [addresses.values[code] is not None for code in addresses.codes]
            frame = frame.filter(pl.Series(known, dtype=pl.Boolean))
            addresses = texts.Coded(frame["address"], lambda column: [actor_of(text) for text in column])
        self.frame = frame
        self.times = frame["time"].dt.timestamp("us").to_numpy() / 1e6
        self.methods: list[str | None] = frame["method"].to_list()
        self.actors = [actor or "" for actor in addresses.values]
        self.requests = texts.requests(frame)
        self.seconds = texts.seconds(frame)
        self.referers = texts.referers(frame)
        names = texts.Coded(frame["account"].fill_null(_NOBODY), lambda column: column)
        self.accounts: list[str | None] = [None if name == _NOBODY else name for name in names.values]
        self.actor_codes = addresses.codes
        self._codes = (addresses.codes, self.requests.codes, self.seconds.codes, names.codes)
        # What timelines.py and rarity.py hold of each distinct value; None until it is met.
        self.states: list[ActorState | None] = []
        self.places: list[Item | None] = []
        self.agents: list[Item | None] = []
        self.forget()

    def forget(self) -> None:
        """Look everything up again: items and actors were pruned."""
        self.states[:] = [None] * len(self.actors)
        self.places[:] = [None] * len(self.requests.values)
        self.agents[:] = [None] * len(self.seconds.values)

    def meet(self, row: Row, place: Item | None, agent: Item | None) -> None:
        """Remember what was looked up for an event's path and agent; None where it has none."""
        self.places[row.request] = place
        self.agents[row.second] = agent

    def rows(self) -> Iterator[tuple[int, int, int, int, str, str, int, float]]:
        """The fields of Row for each event, as bare tuples: making a million named ones takes a second."""
        columns = (self.frame["service"], self.frame["kind"], self.frame["status"].fill_null(0))
        return zip(*self._codes, *(column.to_list() for column in columns), self.times.tolist(), strict=True)

    def numbers(self) -> np.ndarray:
        """The number of each row in the frame that was fed."""
        return self.frame["row"].to_numpy().astype(np.int64)


_NOBODY = "\0"  # no log holds it as an account: formats cut what is not text
