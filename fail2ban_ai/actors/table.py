"""What is remembered of actors, paths, agents and accounts between chunks: a slot for each in columns of numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.groups import Bools, Column, Groups, Ints, Reals

RETENTION = 35 * 86400.0  # seconds of event time after which an idle actor or item is forgotten
_LEAST = 1024

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Lives:
    """A chunk's rows by the slot of their value. A value that comes back after RETENTION begins a new life."""

    groups: Groups  # by slot
    slots: Ints  # [groups]
    born: Bools  # [rows] whether a life begins here
    gap: Reals  # [rows] seconds since the row before of the same life, 0 where it begins

    @property
    def of_row(self) -> Ints:
        """The slot of each row."""
        return self.slots[self.groups.of_row]


class Table(Generic[M]):
    """Values with a slot each: `table["name"]` is a column, `memory[slot]` what fits none, made anew for each life."""

    def __init__(self, make: Callable[[], M], columns: dict[str, npt.DTypeLike]) -> None:
        self.memory: list[M | None] = []
        self._make = make
        self._columns: dict[str, Column] = {name: np.zeros(_LEAST, dtype) for name, dtype in columns.items()}
        self._columns |= {"last": np.zeros(_LEAST), "serial": np.zeros(_LEAST, np.int64)}
        self._names: list[str | None] = []
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._orphans: list[
            int
        ] = []  # slots of lives that ended when the next one began: their last rows may be at hand
        self._made = 0

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, column: str) -> Column:
        return self._columns[column]

    def live(self, column: str) -> Column:
        """The column's entries of the values at hand."""
        return self._columns[column][self._live()]

    def lives(self, values: list[str], codes: Ints, clock: Reals) -> Lives:
        """The lives of `values[codes[i]]` at `clock[i]` (never falling), each value standing at least once."""
        slots = np.fromiter((self._slots.get(value, -1) for value in values), np.int64, len(values))
        groups = Groups(codes)
        last = np.where(slots >= 0, self._columns["last"][slots], -np.inf)
        gap = clock - groups.previous(clock, last)
        born = gap > RETENTION
        fresh = np.full(len(codes), -1, np.int64)
        fresh[born] = self._begin([values[code] for code in codes[born].tolist()])
        of_row = groups.latest(fresh, born, slots)
        groups.split(born)
        found = of_row[groups.firsts]
        self._columns["last"][found] = clock[groups.lasts]
        return Lives(groups, found, born, np.where(born, 0.0, gap))

    def forget(self, before: float, most: int, keep: int) -> None:
        """Free the slots idle since `before`; beyond `most` values those longest idle, until `keep` are left."""
        for slot in self._orphans:
            self._release(slot)
        self._orphans.clear()
        live = self._live()
        last = self._columns["last"][live]
        dead = last < before
        if len(live) - dead.sum() > most:
            dead = np.ones(len(live), np.bool_)
            dead[np.argsort(-last, kind="stable")[:keep]] = False
        for slot in live[dead].tolist():
            name = self._names[slot]
            if name is not None:
                del self._slots[name]
            self._release(slot)

    def newest(self) -> Ints:
        """The slots of all values, those seen last first."""
        live = self._live()
        return live[np.argsort(-self._columns["last"][live], kind="stable")]

    def _live(self) -> Ints:
        return np.array(sorted(self._slots.values()), np.int64)

    def _begin(self, values: list[str]) -> Ints:
        slots = []
        for value in values:
            slot = self._free.pop() if self._free else len(self._names)
            if slot == len(self._names):
                self._names.append(None)
                self.memory.append(None)
            old = self._slots.get(value)
            if old is not None:
                self._orphans.append(old)
            self._names[slot], self.memory[slot], self._slots[value] = value, self._make(), slot
            slots.append(slot)
        while len(self._names) > len(self._columns["last"]):
            self._columns = {name: np.concatenate([had, np.zeros_like(had)]) for name, had in self._columns.items()}
        found = np.array(slots, np.int64)
        for column in self._columns.values():
            column[found] = 0
        self._columns["serial"][found] = self._made + np.arange(len(found))
        self._made += len(found)
        return found

    def _release(self, slot: int) -> None:
        self._names[slot] = self.memory[slot] = None
        self._free.append(slot)
