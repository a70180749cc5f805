"""The events of each actor that its next judgement may look at, and which window judges which event.

The i-th event of an actor is judged from events max(0, (i // BLOCK - 1) * BLOCK) to i, whatever chunks they came in.
The length of the sequence handed to the model depends on i alone too, so a judgement is the same to the last bit
however the log was cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fail2ban_ai.model.runtime import BLOCK, WINDOW, Floats

_SCALE = 1000  # event vectors are rounded to 1e-3 by the runtime, and so fit 16 bits exactly
_STEPS = (8, 16, 32, WINDOW)  # an actor's first events are judged in short sequences: most actors have few


@dataclass(slots=True)
class _Held:
    first: int  # index within the actor's life of the first event held
    vectors: np.ndarray  # int16 [held, event]
    last: float  # time of the last event


@dataclass(frozen=True, slots=True)
class Job:
    """One sequence for the model: judgements from `offset` on are those of the actor's new events `rows`."""

    sequence: Floats
    offset: int
    rows: np.ndarray


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

    def add(self, actor: str, packed: np.ndarray, rows: np.ndarray, last: float) -> Iterator[Job]:
        """Append an actor's new event vectors (`pack`; rows in the chunk: `rows`); the sequences that judge them."""
        held = self._held.pop(actor, None)
        first = held.first if held else 0
        events = np.concatenate([held.vectors, packed]) if held else packed
        start = first + len(events) - len(packed)
        end = first + len(events)
        for window, low, high in _spans(start, end):
            sequence = events[window - first : high - first].astype(np.float32) / np.float32(_SCALE)
            yield Job(_padded(sequence, high - window), low - window, rows[low - start : high - start])
        keep = _window_of(end)
        self._held[actor] = _Held(keep, events[keep - first :].copy(), last)

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


def _window_of(index: int) -> int:
    return max(0, (index // BLOCK - 1) * BLOCK)


def _spans(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(window start, first index, end index) of each sequence that judges the events start..end-1."""
    index = start
    while index < end:
        window = _window_of(index)
        step = next(s for s in _STEPS if index - window < s)
        stop = min(end, window + step)
        yield window, index, stop
        index = stop


def _padded(sequence: Floats, length: int) -> Floats:
    """Zeros at the end up to the step's length, which the causal model never looks back from."""
    step = next(s for s in _STEPS if length <= s)
    out = np.zeros((step, sequence.shape[1]), np.float32)
    out[:length] = sequence
    return out
