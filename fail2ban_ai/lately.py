"""What was worked out lately: two generations instead of a linked list, bounded, and quick in bulk."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """Values by their texts; at most `2 * generation` of them are held."""

    def __init__(self, make: Callable[[list[str]], Iterable[T]], generation: int) -> None:
        """`make` gives the values of texts that are not held, in their order."""
        self._make = make
        self._generation = generation
        self._young: dict[str, T] = {}
        self._old: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._young) + sum(text not in self._young for text in self._old)

    def of(self, texts: list[str]) -> list[T]:
        """The values of `texts`, each of which stands once."""
        young, old = self._young, self._old
        missing = [text for text in texts if text not in young and text not in old]
        made = dict(zip(missing, self._make(missing), strict=True)) if missing else {}
        found = [made[text] if text in made else young[text] if text in young else old[text] for text in texts]
        for text, value in zip(texts, found, strict=True):
            if text not in self._young:
                if len(self._young) >= self._generation:
                    self._old, self._young = self._young, {}
                self._young[text] = value
        return found
