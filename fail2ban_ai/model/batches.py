"""Rows of different lengths in batches of a few fixed shapes: a shape depends on the row's own length alone."""

from collections.abc import Iterator

import numpy as np

from fail2ban_ai.model.tokenizer import LENGTH

TEXT_LENGTHS = (8, 16, 24, 32, LENGTH)
"""Tokens of a text, padding included."""


def by_length(lengths: np.ndarray, limits: tuple[int, ...]) -> Iterator[tuple[int, np.ndarray]]:
    """Row numbers by the smallest of `limits` that holds them."""
    bucket = np.searchsorted(np.asarray(limits), lengths)
    for i, limit in enumerate(limits):
        rows = np.flatnonzero(bucket == i)
        if len(rows):
            yield limit, rows


def parts(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """`rows` in parts of `size`, the last one shorter."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
