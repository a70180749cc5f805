"""Work ahead: the next frame is read and walked, outside Python's lock for most of it, while the last one is judged."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(made: Iterable[T]) -> Iterator[T]:
    """The same in the same order, one of them made in advance; what goes wrong there is raised here."""
    source = iter(made)
    with ThreadPoolExecutor(1, "reading") as pool:
        coming = pool.submit(next, source, None)
        while (one := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield one
