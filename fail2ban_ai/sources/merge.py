"""Events of many sources, each roughly in order, as one sequence in order of time; memory does not grow with the logs.

Within a source, lines may stand out of order: a web server writes a request at its end with the time of its start.
So an event waits until a line LATENESS younger has been read. An event later than that is not put back among those
that left already: it takes the place `newest before it - LATENESS`, keeps its true time, and is counted as disordered.
Places are a property of the lines alone, which makes the sequence the same for any size of chunks.
"""

from collections.abc import Generator, Iterator
from datetime import datetime

import polars as pl

from fail2ban_ai.sources.stats import SourceStats

LATENESS = 300_000_000  # microseconds: 5 minutes
FOREVER = 1 << 62
_ROWS = 32_768  # frames are joined until they have so many rows: later steps cost something for each frame
_PLACE = "_place"


class Lane:
    """One source on its way into the merge.

    `chunks` are event frames in order of their lines; nothing is taken from it before the merge needs it, so that a
    source is opened only when time has come to it. `starts` is the time of its first event in microseconds (0 when
    that is unknown).
    """

    def __init__(self, chunks: Generator[pl.DataFrame, None, None], starts: int, stats: SourceStats) -> None:
        self._chunks = chunks
        self._stats = stats
        self._newest = starts
        self._pending: pl.DataFrame | None = None
        self.watermark = starts - LATENESS  # every event to come has a place at or after this

    def advance(self, window: pl.Expr | None) -> None:
        """Take one more chunk in; only the events of `window` are kept."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.watermark = FOREVER
            return
        if not chunk.height:
            return
        time = pl.col("time").dt.timestamp("us")
        newest = pl.max_horizontal(time.cum_max(), pl.lit(self._newest))
        placed = chunk.with_columns(pl.max_horizontal(time, newest - LATENESS).alias(_PLACE), _newest=newest)
        self._stats.disordered += placed.select((pl.col(_PLACE) > time).sum()).item()
        self._newest = placed["_newest"][-1]
        self.watermark = self._newest - LATENESS
        placed = placed.drop("_newest")
        if window is not None:
            placed = placed.filter(window)
        joined = placed if self._pending is None else pl.concat([self._pending, placed])
        self._pending = _in_order(joined)

    def close(self) -> None:
        """Nothing more is wanted: files are closed, a journalctl is ended."""
        self._chunks.close()

    def take(self, until: int) -> pl.DataFrame | None:
        """Hand over the events whose place is before `until`."""
        if self._pending is None or not self._pending.height:
            return None
        count = self._pending[_PLACE].search_sorted(until, "left")
        taken = self._pending.head(count)
        self._pending = self._pending.slice(count)
        return taken if count else None


def merge(lanes: list[Lane], since: datetime | None, until: datetime | None) -> Iterator[pl.DataFrame]:
    """Frames in order of time, ties in order of the lanes and then of the lines; `until` is exclusive.

    Reading stops when no event before `until` can follow.
    """
    try:
        yield from _merged(lanes, _window(since, until), until)
    finally:
        for lane in lanes:
            lane.close()


def _merged(lanes: list[Lane], window: pl.Expr | None, until: datetime | None) -> Iterator[pl.DataFrame]:
    end = FOREVER if until is None else int(until.timestamp() * 1_000_000)
    ready: list[pl.DataFrame] = []
    reached = -FOREVER
    while reached < end:
        slowest = min(lanes, key=lambda lane: lane.watermark, default=None)
        if slowest is None or slowest.watermark == FOREVER:
            break
        slowest.advance(window)
        reached = min(lane.watermark for lane in lanes)
        parts = [part for lane in lanes if (part := lane.take(min(reached, end))) is not None]
        if parts:
            ready.append(_in_order(pl.concat(parts)).drop(_PLACE))
        if sum(frame.height for frame in ready) >= _ROWS:
            yield pl.concat(ready)
            ready = []
    if ready:
        yield pl.concat(ready)


def _window(since: datetime | None, until: datetime | None) -> pl.Expr | None:
    limits = []
    if since is not None:
        limits.append(pl.col("time") >= since)
    if until is not None:
        limits.append(pl.col("time") < until)
    return pl.all_horizontal(limits) if limits else None


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    if frame[_PLACE].is_sorted():
        return frame
    return frame.sort(_PLACE, maintain_order=True)
