"""Arithmetic within groups of rows: what came before each row among those that belong with it.

A walk over a chunk's events in Python costs microseconds for each; here the same counts are made for all rows at once.
Every method takes and gives one value for each row, in the order of rows, unless it says otherwise.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]
Column = npt.NDArray[Any]


class Groups:
    """Rows by a code, each group in the order of its rows; groups are numbered in the order of their codes."""

    def __init__(self, codes: Ints) -> None:
        """`codes`: not negative, below 2^62 / rows."""
        size = len(codes)
        # Sorted as one number each: far quicker than a stable sort, and as stable.
        self._order = np.sort(codes * max(size, 1) + np.arange(size)) % max(size, 1)
        found = codes[self._order]
        starts = np.ones(size, np.bool_)
        starts[1:] = found[1:] != found[:-1]
        self._set(starts)

    def _set(self, starts: Bools) -> None:
        self._begins = np.flatnonzero(starts)
        self._sorted = np.cumsum(starts) - 1  # group of each place in the order
        self.of_row: Ints = self._back(self._sorted)
        self.firsts: Ints = self._order[self._begins]  # [groups] the first row of each
        self.lasts: Ints = self._order[np.append(self._begins[1:], len(starts))[: len(self._begins)] - 1]  # [groups]

    def __len__(self) -> int:
        return len(self._begins)

    def split(self, at: Bools) -> None:
        """Let each of these rows begin a group of its own, which takes over the rows behind it."""
        starts = at[self._order]
        starts[self._begins] = True
        self._set(starts)

    def before(self, values: Column) -> Ints:
        """The sum over the earlier rows of the group."""
        own = values[self._order].astype(np.int64)
        summed = np.cumsum(own) - own
        return self._back(summed - summed[self._begins][self._sorted])

    def rank(self) -> Ints:
        """How many rows of the group came before."""
        return self._back(np.arange(len(self._order)) - self._begins[self._sorted])

    def total(self, values: Column) -> Ints:
        """[groups] the sum over each group."""
        return np.bincount(self.of_row, weights=values, minlength=len(self)).astype(np.int64)

    def any(self, flags: Bools) -> Bools:
        """[groups] whether any row of the group is flagged."""
        found = np.zeros(len(self), np.bool_)
        found[self.of_row[flags]] = True
        return found

    def previous(self, values: Column, base: Column) -> Column:
        """The value of the row before in the group; for its first row that of the group in `base` ([groups])."""
        own = values[self._order]
        shifted = np.empty_like(own)
        shifted[1:] = own[:-1]
        shifted[self._begins] = base
        return self._back(shifted)

    def changes(self, values: Column, at: Bools, base: Column) -> Bools:
        """The flagged rows whose value is not that of the flagged row before in the group, else that in `base`."""
        rows = np.flatnonzero(at)
        found = np.zeros(len(at), np.bool_)
        if len(rows):
            who = self.of_row[rows]
            flagged = Groups(who)
            found[rows] = values[rows] != flagged.previous(values[rows], base[who[flagged.firsts]])
        return found

    def latest(self, values: Column, at: Bools, base: Column) -> Column:
        """The value of the latest row of the group, this one included, that is flagged; else that in `base`."""
        places = np.where(at[self._order], np.arange(len(self._order)), -1)
        latest = np.maximum.accumulate(places)
        found = latest >= self._begins[self._sorted]
        return self._back(np.where(found, values[self._order][latest], base[self._sorted]))

    def _back(self, ordered: Column) -> Column:
        out = np.empty_like(ordered)
        out[self._order] = ordered
        return out


def dense(codes: Ints) -> Ints:
    """The same groups under the numbers 0, 1, 2 …, for codes of any size."""
    order = np.argsort(codes)
    found = codes[order]
    changes = np.zeros(len(codes), np.int64)
    changes[1:] = np.cumsum(found[1:] != found[:-1])
    out = np.empty_like(changes)
    out[order] = changes
    return out
