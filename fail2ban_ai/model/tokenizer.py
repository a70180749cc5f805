"""Texts to token ids: byte-level BPE, so that no byte in a log is unknown, cut to head and tail."""

from collections.abc import Sequence

import tokenizers

from fail2ban_ai.errors import ModelError

PAD, CUT = 0, 1
SPECIAL = ("<pad>", "<cut>")
LENGTH = 48
"""Tokens of one text that the encoder sees. Longer texts keep both ends: attacks hide in either."""
_HEAD = 31
_TAIL = LENGTH - _HEAD - 1
_AT_ONCE = 64  # texts: the library's word on one takes a hundred times its memory until the last is done


class Tokenizer:
    """A trained tokenizer.json."""

    def __init__(self, definition: str) -> None:
        try:
            self._inner = tokenizers.Tokenizer.from_str(definition)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"The tokenizer cannot be read: {error}") from error

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return int(self._inner.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, 1 to LENGTH of them; an empty text is one CUT."""
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            batch = list(texts[start : start + _AT_ONCE])
            found += [cut(item.ids) for item in self._inner.encode_batch_fast(batch, add_special_tokens=False)]
        return found


def cut(ids: list[int]) -> list[int]:
    """At most LENGTH ids: the first 31, CUT and the last 16 of a longer list."""
    if len(ids) <= LENGTH:
        return ids or [CUT]
    return [*ids[:_HEAD], CUT, *ids[-_TAIL:]]
