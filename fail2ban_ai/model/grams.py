"""Texts as bytes, which the character n-gram part of the model reads; see training.modules.Grams."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LENGTH = 128
"""Bytes of one text that are read. Longer texts keep both ends, as in the tokenizer."""
_HEAD = 96


def as_bytes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """[n, LENGTH]: UTF-8 bytes, 0 beyond the end of a text."""
    out = np.zeros((len(texts), LENGTH), np.int64)
    for row, text in zip(out, texts, strict=True):
        content = text.encode("utf-8", "replace")
        if len(content) > LENGTH:
            content = content[:_HEAD] + content[_HEAD - LENGTH :]
        row[: len(content)] = np.frombuffer(content, np.uint8)
    return out
