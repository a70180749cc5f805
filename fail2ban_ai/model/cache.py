"""Encoded texts that were seen lately."""

from collections.abc import Callable, Sequence

import numpy as np

from fail2ban_ai.lately import Lately
from fail2ban_ai.model.runtime import Floats


class TextCache:
    """Rows of encoded texts; at most `2 * generation` of them are held."""

    def __init__(self, encode: Callable[[Sequence[str]], Floats], generation: int) -> None:
        # Copies: a row would keep the whole batch it was encoded in.
        self._held: Lately[Floats] = Lately(lambda texts: map(np.copy, encode(texts)), generation)

    def __len__(self) -> int:
        return len(self._held)

    def rows(self, texts: Sequence[str], width: int) -> Floats:
        """[n, width]: the encoded texts; only those that are new go to the model. "" is a row of zeros."""
        place = {"": 0}
        at = np.fromiter((place.setdefault(text, len(place)) for text in texts), np.int64, len(texts))
        table = np.zeros((len(place), width), np.float32)
        if len(place) > 1:
            table[1:] = self._held.of(list(place)[1:])
        return table[at]
