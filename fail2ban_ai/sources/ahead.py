"""Read ahead: the next frame is parsed, outside Python's lock for most of it, while the last one is worked on."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import polars as pl


def ahead(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same frames in the same order, one of them made in advance; what goes wrong there is raised here."""
    source = iter(frames)
    with ThreadPoolExecutor(1, "reading") as pool:
        coming = pool.submit(next, source, None)
        while (frame := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield frame
