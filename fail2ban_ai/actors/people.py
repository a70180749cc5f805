"""The actors of a host: their slots, and what each remembers of its own doings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.groups import Bools, Column, Groups, Ints, Reals
from fail2ban_ai.actors.table import Lives, Table
from fail2ban_ai.addresses import network_of

KEYS_KEPT = 2_000  # distinct events, and items of a kind, remembered of one actor; a fuzzer is judged long before that

Memory = dict[int, int]  # of one actor, by keys that `Repeats` and `Items` make

_COUNTED = (
    "events",
    "acts",  # events but for those that repeat another line about the same attempt, and excused ones
    "failed",
    "missing",
    "strange",  # failures other than on the one account, known here, that it began with
    "ordinary",
    "fresh",  # successes on paths that were not familiar yet
    "logins",
    "login_days",
    "excused_hours",  # clock hours with requests that a page elsewhere may have caused
)
_NUMBERS = (
    "last_login_day",
    "network",  # hash of the /24 or /48
    "services",
    "service_bits",
    "keys",  # in its memory: distinct events
    "paths",  # distinct ones it touched, and so on
    "agents",
    "accounts",
    "origins",
    "excused_hour",  # the last of them
)
_REMEMBERED = ("keys", "paths", "agents", "accounts")


@dataclass(frozen=True, slots=True)
class Actors:
    """The actors of a chunk's rows."""

    lives: Lives
    memories: list[Memory]  # [groups]
    networks: Ints  # [groups] hash of the network
    new: Bools  # whether the row is the first of an actor

    @property
    def groups(self) -> Groups:
        """The rows of each actor."""
        return self.lives.groups


class People:
    """All actors seen lately. A column of the table is a counter over an actor's life."""

    def __init__(self, most: int, doings: int) -> None:
        """How many actors are remembered, and how many distinct things that they did, of all together."""
        self._most, self._doings = most, doings
        columns: dict[str, npt.DTypeLike] = dict.fromkeys((*_COUNTED, *_NUMBERS), np.int64)
        self.table: Table[Memory] = Table(dict, columns | {"first": np.float64})
        self._services: dict[str, int] = {}

    def service(self, name: str) -> int:
        """The number of a service, from 0 on in the order they are met."""
        return self._services.setdefault(name, len(self._services))

    def meet(self, values: list[str], codes: Ints, clock: Reals) -> Actors:
        """The actors `values[codes[i]]` of rows at `clock[i]`."""
        lives = self.table.lives(values, codes, clock)
        begun = np.flatnonzero(lives.born)
        slots = lives.slots[lives.groups.of_row[begun]]
        self.table["first"][slots] = clock[begun]
        self.table["last_login_day"][slots] = -1
        self.table["network"][slots] = [_network(values[code]) for code in codes[begun].tolist()]
        memories = [self.table.memory[slot] for slot in lives.slots.tolist()]
        return Actors(lives, [m for m in memories if m is not None], self.table["network"][lives.slots], lives.born)

    def base(self, actors: Actors, column: str) -> Column:
        """[groups] a counter as it stood before the chunk."""
        return self.table[column][actors.lives.slots]

    def count(self, actors: Actors, column: str, flags: Bools) -> Ints:
        """Add the flagged rows to a counter; how it stands after each row."""
        groups, slots = actors.groups, actors.lives.slots
        after: Ints = self.table[column][slots][groups.of_row] + groups.before(flags) + flags
        self.table[column][slots] = after[groups.lasts]
        return after

    def forget(self, before: float) -> None:
        """Forget actors idle since `before`, and the longest idle beyond what is kept."""
        self.table.forget(before, self._most, self._most * 3 // 4)
        newest = self.table.newest()
        done = np.cumsum(sum(self.table[column][newest] for column in _REMEMBERED))
        if len(done) and done[-1] > self._doings:
            room = int(np.searchsorted(done, self._doings * 3 // 4))
            self.table.forget(before, room, room)

    def room(self, actors: Actors, column: str, fresh: Bools) -> Bools:
        """Which of the flagged rows still find room in their actor's memory, KEYS_KEPT of a kind; they are counted."""
        groups = actors.groups
        base = self.base(actors, column)
        if (base + groups.total(fresh) > KEYS_KEPT).any():
            fresh = fresh & (base[groups.of_row] + groups.before(fresh) < KEYS_KEPT)
        self.table[column][actors.lives.slots] = base + groups.total(fresh)
        return fresh


def _network(actor: str) -> int:
    network = network_of(actor)
    return hash(network or actor)
