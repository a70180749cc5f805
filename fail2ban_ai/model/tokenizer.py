"""Texts to token ids, cut to head and tail. Ours is byte-level BPE, so that no byte in a log is unknown to it.

An encoder that a site brings has a tokenizer of its own. Its ids are one higher here, so that PAD is 0 for every
encoder; the mark between its texts ([SEP] or </s>) stands where one is cut.
"""

from collections.abc import Sequence
from functools import cached_property

import tokenizers

from fail2ban_ai.errors import ModelError

PAD, CUT = 0, 1
SPECIAL = ("<pad>", "<cut>")
LENGTH = 48
"""Tokens of one text that the encoder sees. Longer texts keep both ends: attacks hide in either."""
_HEAD = 31
_TAIL = LENGTH - _HEAD - 1
_MARKS = ("[SEP]", "</s>")
_AT_ONCE = 64  # texts: the library's word on one takes a hundred times its memory until the last is done


class Tokenizer:
    """A trained tokenizer.json, ours or a brought encoder's."""

    def __init__(self, definition: str) -> None:
        """ModelError: it cannot be read, or it has no mark for where a text is cut."""
        try:
            self._inner = tokenizers.Tokenizer.from_str(definition)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"The tokenizer cannot be read: {error}") from error
        self._shift, self._mark = 0, CUT
        if [self._inner.token_to_id(name) for name in SPECIAL] != [PAD, CUT]:
            self._adopt()

    @cached_property
    def size(self) -> int:
        """Ids are below it."""
        return 1 + max(self._inner.get_vocab().values()) + self._shift

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, 1 to LENGTH of them; a text without any is one CUT."""
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            batch = list(texts[start : start + _AT_ONCE])
            items = self._inner.encode_batch_fast(batch, add_special_tokens=bool(self._shift))
            found += [
                cut([i + self._shift for i in item.ids] if self._shift else item.ids, self._mark) for item in items
            ]
        return found

    def _adopt(self) -> None:
        marks = [self._inner.token_to_id(name) for name in _MARKS]
        mark = next((i for i in marks if i is not None), None)
        if mark is None:
            raise ModelError(f"The tokenizer has none of the marks {', '.join(_MARKS)}, so it is no encoder's.")
        self._shift, self._mark = 1, mark + 1
        self._inner.no_padding()
        self._inner.no_truncation()
        # What a client sends is no mark, whatever it spells.
        self._inner.encode_special_tokens = True


def cut(ids: list[int], mark: int = CUT) -> list[int]:
    """At most LENGTH ids: the first 31, `mark` and the last 16 of a longer list."""
    if len(ids) <= LENGTH:
        return ids or [mark]
    return [*ids[:_HEAD], mark, *ids[-_TAIL:]]
