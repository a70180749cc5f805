"""How rare and how familiar paths, agents and accounts are on this host, by what was seen so far.

An attacker alone cannot make a path familiar: only distinct networks that fetched it with success count.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.groups import Bools, Groups, Ints, Reals
from fail2ban_ai.actors.people import Actors, People
from fail2ban_ai.actors.table import Lives, Table
from fail2ban_ai.actors.texts import Coded

NETWORKS_COUNTED = 16
ODD_SHARE = 3  # and so many times as many where a parameter holds code: attackers share what they send

KINDS = ("paths", "agents", "accounts", "origins")
_OWN = len(KINDS)  # memory of an actor's own accounts

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Touched:
    """The items of a chunk's rows. Columns of all rows; the others have one entry for each row that has an item."""

    before: Ints  # [all rows] other actors, and this one, that touched it before
    after: Ints  # [all rows]
    new: Bools  # [all rows] whether this actor touches it for the first time
    count: Ints  # [all rows] distinct items of the kind that the actor touched so far
    rows: Ints  # the rows that have one
    lives: Lives
    pairs: Groups  # of those rows, by actor and item


class Items(Generic[M]):
    """The items of one kind."""

    def __init__(self, kind: str, table: Table[M], most: int) -> None:
        self.table = table
        self._most = most
        self._kind = kind
        self._tag = KINDS.index(kind)

    def touch(
        self, people: People, actors: Actors, items: Coded[str], clock: Reals, *, only: Bools | None = None
    ) -> Touched:
        """Count each actor for each item of its rows once; a code of -1 is no item. `only`: the rows that may count."""
        codes = items.codes
        rows = np.flatnonzero(codes >= 0)
        lives = self.table.lives(items.values, codes[rows], clock[rows])
        who = actors.groups.of_row[rows]
        pairs = Groups(who * len(lives.groups) + lives.groups.of_row)
        first = pairs.firsts if only is None else np.flatnonzero(only[rows] & (pairs.before(only[rows]) == 0))
        keys = self._keys(lives.slots[lives.groups.of_row[first]], self._tag)
        memories = [actors.memories[at] for at in who[first].tolist()]
        unknown = [key not in memory for key, memory in zip(keys, memories, strict=True)]
        new = np.zeros(len(codes), np.bool_)
        new[rows[first]] = unknown
        own = people.base(actors, self._kind)[actors.groups.of_row]
        new = people.room(actors, self._kind, new)
        for key, memory, is_new in zip(keys, memories, new[rows[first]].tolist(), strict=True):
            if is_new:
                memory[key] = 1
        base = self.table["actors"][lives.slots]
        before, after = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
        before[rows] = base[lives.groups.of_row] + lives.groups.before(new[rows])
        after[rows] = before[rows] + new[rows]
        self.table["actors"][lives.slots] = base + lives.groups.total(new[rows])
        return Touched(before, after, new, own + actors.groups.before(new) + new, rows, lives, pairs)

    def forget(self, before: float) -> None:
        """Forget items idle since `before`, and the longest idle beyond what is kept."""
        self.table.forget(before, self._most, self._most * 3 // 4)

    def _keys(self, slots: Ints, tag: int) -> list[int]:
        # Negative, so that no key of Repeats is one; by the serial number, since slots are used again.
        keys: list[int] = (-1 - tag - self.table["serial"][slots] * (_OWN + 1)).tolist()
        return keys


class Paths(Items[set[int]]):
    """Paths, and the networks that fetched each with success."""

    def __init__(self, most: int) -> None:
        super().__init__("paths", Table(set, {"actors": np.int64, "networks": np.int64}), most)

    def familiar(self, touched: Touched, actors: Actors, *, good: Bools, odd: Bools) -> tuple[Ints, Bools]:
        """How many other networks had success with the row's path before, and whether any had; `good`: successes.

        Of networks that asked for an `odd` place, ODD_SHARE count as one.
        """
        rows, groups = touched.rows, touched.lives.groups
        kinds, of_group = np.unique(actors.networks, return_inverse=True)
        network = of_group[actors.groups.of_row[rows]]
        pairs = Groups(groups.of_row * len(kinds) + network)
        first = pairs.firsts
        hashes = kinds[network[first]].tolist()
        slots = touched.lives.slots
        sets = [self.table.memory[slot] or set() for slot in slots.tolist()]
        known = [sets[at] for at in groups.of_row[first].tolist()]
        had = np.array([value in found for value, found in zip(hashes, known, strict=True)], np.bool_)
        success = good[rows]
        earlier = pairs.before(success) > 0
        fresh = success & ~earlier & ~had[pairs.of_row]
        base = self.table["networks"][slots]
        count = np.minimum(base[groups.of_row] + groups.before(fresh), NETWORKS_COUNTED)
        added = fresh & (count < NETWORKS_COUNTED)
        own = had[pairs.of_row] | (earlier & pairs.any(added)[pairs.of_row])
        for slot, value in zip(slots[groups.of_row[added]].tolist(), kinds[network[added]].tolist(), strict=True):
            self._add(slot, value)
        self.table["networks"][slots] = np.minimum(base + groups.total(fresh), NETWORKS_COUNTED)
        others, any_had = np.zeros(len(good), np.int64), np.zeros(len(good), np.bool_)
        others[rows] = (count - own) // np.where(odd[rows], ODD_SHARE, 1)
        any_had[rows] = count > 0
        return others, any_had

    def _add(self, slot: int, network: int) -> None:
        found = self.table.memory[slot]
        if found is not None:
            found.add(network)


@dataclass(frozen=True, slots=True)
class Accounts:
    """What was known of the account of each row before it; zeros where it has none."""

    known: Bools  # somebody logged in to it
    own: Bools  # this actor did
    pressed: Ints  # actors that failed on it


class AccountItems(Items[None]):
    """Accounts, who logged in to them and who failed."""

    def __init__(self, most: int) -> None:
        columns: dict[str, npt.DTypeLike] = {"actors": np.int64, "known": np.bool_, "pressed": np.int64}
        super().__init__("accounts", Table(nothing, columns), most)

    def tried(self, touched: Touched, actors: Actors, success: Bools, failure: Bools) -> Accounts:
        """Count successful and failed log-ins; what was known before each row."""
        rows, groups, slots = touched.rows, touched.lives.groups, touched.lives.slots
        known, own = np.zeros(len(success), np.bool_), np.zeros(len(success), np.bool_)
        pressed = np.zeros(len(success), np.int64)
        succeeded, pressing = success[rows], failure[rows] & touched.new[rows]
        before = self.table["known"][slots]
        known[rows] = before[groups.of_row] | (groups.before(succeeded) > 0)
        self.table["known"][slots] = before | groups.any(succeeded)
        count = self.table["pressed"][slots]
        pressed[rows] = count[groups.of_row] + groups.before(pressing)
        self.table["pressed"][slots] = count + groups.total(pressing)
        pairs, first = touched.pairs, touched.pairs.firsts
        keys = self._keys(slots[groups.of_row[first]], _OWN)
        memories = [actors.memories[at] for at in actors.groups.of_row[rows[first]].tolist()]
        owned = np.array([key in memory for key, memory in zip(keys, memories, strict=True)], np.bool_)
        own[rows] = owned[pairs.of_row] | (pairs.before(succeeded) > 0)
        for at in np.flatnonzero(pairs.any(succeeded) & ~owned).tolist():
            memories[at][keys[at]] = 1
        return Accounts(known, own, pressed)


def nothing() -> None:
    """The memory of a kind that needs none besides its columns."""
    return


def agents(most: int) -> Items[None]:
    """User agents."""
    return Items("agents", Table(nothing, {"actors": np.int64}), most)
