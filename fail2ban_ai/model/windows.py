"""The events of each actor that its next judgement may look at, and which window judges which event.

The i-th event of an actor is judged from events max(0, (i // BLOCK - 1) * BLOCK) to i, whatever chunks they came in.
The length of the sequence handed to the model depends on i alone too, so a judgement is the same to the last bit
however the log was cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from fail2ban_ai.model.runtime import BLOCK, WINDOW, Floats

_SCALE = 1000  # event vectors are rounded to 1e-3 by the runtime, and so fit 16 bits exactly
_AT_ONCE = 8192  # events in sequences of one piece, which take 600 bytes each
_STEPS = (8, 16, 32, WINDOW)  # an actor's first events are judged in short sequences: most actors have few


@dataclass(slots=True)
class _Held:
    first: int  # index within the actor's life of the first event held
    vectors: np.ndarray  # int16 [held, event]
    last: float  # time of the last event


@dataclass(frozen=True, slots=True)
class Jobs:
    """Sequences for the model, all of one length."""

    sequences: Floats  # [b, length, event], zeros behind a sequence's end, which the causal model never looks at
    new: np.ndarray  # bool [b, length]: whether the place is one of a new event
    places: np.ndarray  # of the new events among those added, one for each place of `new`, row by row


def pack(vectors: Floats) -> np.ndarray:
    """Event vectors as thousandths in 16 bits."""
    return np.clip(np.rint(vectors * _SCALE), -32768, 32767).astype(np.int16)


class Windows:
    """Event vectors per actor, at most WINDOW each."""

    def __init__(self, most: int) -> None:
        """`most`: event vectors left by `forget`, of all actors together."""
        self._most = most
        self._held: dict[str, _Held] = {}  # those seen last stand last

    def __len__(self) -> int:
        return len(self._held)

    def add(self, added: Mapping[str, Sequence[int]], packed: np.ndarray, times: np.ndarray) -> Iterator[Jobs]:
        """Append new event vectors (`pack`) of actors, `added` being the places of each; the sequences that judge them.

        `times`: seconds since the epoch. Made a piece at a time, since they take far more memory than the events.
        """
        order = np.fromiter(chain.from_iterable(added.values()), np.int64)
        count = np.fromiter(map(len, added.values()), np.int64, len(added))
        behind = np.cumsum(count)  # of each actor, in `order`
        events, first, had = self._joined(list(added), np.split(packed[order], behind[:-1]))
        start, begins = first + had, np.cumsum(had + count) - had - count
        end = start + count
        last = times[order[behind - 1]].tolist()
        kept = _window_of(end)
        ends = zip((begins + kept - first).tolist(), (begins + end - first).tolist(), strict=True)
        for actor, of_life, (low, high), time in zip(added, kept.tolist(), ends, last, strict=True):
            self._held[actor] = _Held(of_life, events[low:high].copy(), time)
        # The event of this index in its actor's life is found this far behind it, among all and among the new ones.
        among, among_new = begins - first, behind - end
        for length, who, window, low, high in _spans(start, end):
            for at in range(0, len(who), _AT_ONCE // length):
                part = slice(at, at + _AT_ONCE // length)
                index = window[part, None] + np.arange(length)
                real = index < high[part, None]
                new = real & (index >= low[part, None])
                sequences = events[np.where(real, index + among[who[part], None], 0)]
                sequences = sequences.astype(np.float32) / np.float32(_SCALE)
                sequences[~real] = 0
                yield Jobs(sequences, new, order[(index + among_new[who[part], None])[new]])

    def _joined(self, actors: list[str], new: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The events held of these actors, taken out, before the new ones of each; the index of the first of each in
        its actor's life, and how many were held.
        """
        pieces: list[np.ndarray] = []
        first, had = np.zeros(len(actors), np.int64), np.zeros(len(actors), np.int64)
        for number, (actor, fresh) in enumerate(zip(actors, new, strict=True)):
            held = self._held.pop(actor, None)
            if held is not None:
                first[number], had[number] = held.first, len(held.vectors)
                pieces.append(held.vectors)
            pieces.append(fresh)
        return np.concatenate(pieces), first, had

    def forget(self, before: float) -> int:
        """Drop actors whose last event is older than `before` (seconds since the epoch); how many were dropped.

        Of the others those seen longest ago are dropped where all together hold too many."""
        count, vectors = len(self._held), 0
        kept = {}
        for actor, held in reversed(self._held.items()):
            vectors += len(held.vectors)
            if held.last >= before and vectors <= self._most:
                kept[actor] = held
        self._held = dict(reversed(kept.items()))
        return count - len(kept)


def _window_of(index: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.maximum(0, (index // BLOCK - 1) * BLOCK)
    return found


def _spans(start: np.ndarray, end: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """The sequences that judge the events start..end-1 of each actor, by length: of which actor, window start, first
    and end index.
    """
    steps = np.array(_STEPS)
    found: list[tuple[np.ndarray, ...]] = []
    who, index = np.arange(len(start)), start
    while len(who):
        window = _window_of(index)
        step = steps[np.searchsorted(steps, index - window, "right")]
        stop = np.minimum(end[who], window + step)
        found.append((step, who, window, index, stop))
        left = stop < end[who]
        who, index = who[left], stop[left]
    step, who, window, index, stop = (np.concatenate(column) for column in zip(*found, strict=True))
    for length in _STEPS:
        own = step == length
        if own.any():
            yield length, who[own], window[own], index[own], stop[own]
