"""Encoded texts that were seen lately. Two generations instead of a linked list: bounded, and quick in bulk."""

from collections.abc import Callable, Sequence

import numpy as np

from fail2ban_ai.model.runtime import Floats


class TextCache:
    """Rows of encoded texts; at most `2 * generation` of them are held."""

    def __init__(self, encode: Callable[[Sequence[str]], Floats], generation: int = 32_768) -> None:
        self._encode = encode
        self._generation = generation
        self._young: dict[str, Floats] = {}
        self._old: dict[str, Floats] = {}

    def __len__(self) -> int:
        return len(self._young) + sum(text not in self._young for text in self._old)

    def rows(self, texts: Sequence[str], width: int) -> Floats:
        """[n, width]: the encoded texts; only those that are new go to the model. "" is a row of zeros."""
        wanted = dict.fromkeys(texts)
        missing = []
        found: dict[str, Floats] = {"": np.zeros(width, np.float32)}
        for text in wanted:
            row = self._young.get(text)
            if row is None:
                row = self._old.get(text)
            if row is not None:
                found[text] = row
            elif text:
                missing.append(text)
        if missing:
            found.update(zip(missing, self._encode(missing), strict=True))
        for text in wanted:
            if text:
                self._keep(text, found[text])
        place = {text: i for i, text in enumerate(wanted)}
        table = np.stack([found[text] for text in wanted]) if wanted else np.zeros((0, width), np.float32)
        return table[np.fromiter((place[text] for text in texts), np.int64, len(texts))]

    def _keep(self, text: str, row: Floats) -> None:
        if len(self._young) >= self._generation and text not in self._young:
            self._old, self._young = self._young, {}
        self._young[text] = row.copy() if row.base is not None else row
