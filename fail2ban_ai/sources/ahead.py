"""Work ahead: a step of the way of the data in a thread of its own, most of it outside Python's lock."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(made: Iterable[T]) -> Iterator[T]:
    """The same in the same order, one of them made in advance; what goes wrong there is raised here."""
    source = iter(made)
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(next, source, None)
        while (one := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield one
