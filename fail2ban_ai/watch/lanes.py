"""From pieces of many sources to frames of events in order of time, without waiting for what may never come.

`analyze` knows what comes later and puts lines of one source in order. Here the order of a source's lines stands: an
event that is dated before an earlier line gets that line's time, one dated after now gets now. Sources are brought in
order of time while one of them is behind (history, a backlog); when all are at their ends, everything is handed over.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.sources import lines
from fail2ban_ai.sources.logfile import GUESS_LINES
from fail2ban_ai.sources.stats import SourceStats
from fail2ban_ai.watch.position import Position
from fail2ban_ai.watch.reader import Reader
from fail2ban_ai.watch.tail import Piece

HELD = 4096  # events of one source that wait for another source; it is read no further then
PARSED = 4096  # lines parsed for one batch …
PATIENCE = 5.0  # seconds that live events wait for a source that is behind
_NEVER = -(1 << 62)
_PLACE = "_place"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source was worked off: all before `position`, and behind it the events of lines up to `fed`.

    `newest`: the latest time so far, microseconds. `format`: what its lines were found to be written in.
    """

    position: Position
    fed: int = 0
    newest: int = _NEVER
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order of time, and where that leaves the sources they come from. `waiting`: see tail.Piece."""

    frame: pl.DataFrame
    marks: Mapping[str, Mark]
    lines: int  # read for it, whatever they meant
    waiting: float
    current: bool  # all sources were at their ends


@dataclass(slots=True)
class _Chunk:
    events: pl.DataFrame
    before: Position
    after: Position
    waiting: float


class _Lane:
    """One source: its format, its clock, and events that are not handed over yet."""

    def __init__(self, source: str, fmt: formats.Format | None, zone: ZoneInfo, mark: Mark | None) -> None:
        self.stats = SourceStats(source)
        self.newest = self.newest_fed = mark.newest if mark else _NEVER
        self.chunks: deque[_Chunk] = deque()
        self.held = 0
        self.moved = False
        self._fixed = fmt is not None
        self._format = fmt or (formats.FORMATS.get(mark.format) if mark and mark.format else None)
        self._clock, self._zone = formats.Clock(zone), zone
        self._sample = [""] * GUESS_LINES if self._format else list[str]()
        self._fed = mark.fed if mark else 0
        self._skip = self._fed
        self._at = mark.position if mark else Position()
        self._tell_format()

    @property
    def mark(self) -> Mark:
        """Where the source stands."""
        position = self.chunks[0].before if self.chunks else self._at
        name = self._format.name if self._format and not self._fixed else None
        return Mark(position, self._fed if self.chunks else 0, self.newest_fed, name)

    def parse(self, piece: Piece, now: int) -> int:
        """Take a piece in; returns its lines."""
        frame = lines.split(piece.data, piece.first).filter(pl.col("raw").str.contains(r"\S"))
        self.stats.read += frame.height
        self._guess(frame)
        events = None
        if self._format is not None and frame.height:
            clock = self._clock if piece.last is None else formats.Clock(self._zone, piece.last)
            parsed = self._format.parse(frame, source=piece.source, clock=clock)
            self.stats.understood += parsed.understood
            events = self._placed(parsed.events, now)
        skip, self._skip = self._skip, 0
        if events is not None and skip:
            events = events.filter(pl.col("line") > skip)
        if events is not None and events.height:
            self.chunks.append(_Chunk(events, piece.before, piece.after, piece.waiting))
            self.held += events.height
        elif self.chunks:
            self.chunks[-1].after = piece.after
        else:
            self._at, self._fed, self.moved = piece.after, 0, True
        return frame.height

    def take(self, until: int | None) -> list[pl.DataFrame]:
        """Hand over the events placed before `until`; None: all."""
        taken = []
        while self.chunks:
            chunk = self.chunks[0]
            count = chunk.events.height if until is None else chunk.events[_PLACE].search_sorted(until, "left")
            if not count:
                break
            part = chunk.events.head(count)
            taken.append(part)
            self.held -= count
            self.moved = True
            self.newest_fed = part[_PLACE][-1]
            if count == chunk.events.height:
                self._at, self._fed = chunk.after, 0
                self.chunks.popleft()
            else:
                self._fed = part["line"][-1]
                chunk.events = chunk.events.slice(count)
                break
        return taken

    def _placed(self, events: pl.DataFrame, now: int) -> pl.DataFrame:
        if events.is_empty():
            return events.with_columns(pl.lit(0, pl.Int64).alias(_PLACE))
        self.newest = min(self.newest, now)  # the clock may have been set back
        stamp = pl.min_horizontal(pl.col("time").dt.timestamp("us"), pl.lit(now))
        placed = events.with_columns(pl.max_horizontal(stamp.cum_max(), pl.lit(self.newest)).alias(_PLACE))
        self.newest = placed[_PLACE][-1]
        return placed

    def _guess(self, frame: pl.DataFrame) -> None:
        """Find the format by the first lines; again while they are few, since one line may fit several formats."""
        if self._fixed or len(self._sample) >= GUESS_LINES or not frame.height:
            return
        before = len(self._sample)
        self._sample += frame["raw"].head(GUESS_LINES - before).to_list()
        if before.bit_length() != len(self._sample).bit_length() or self._format is None:
            self._format = formats.guess(self._sample, self.stats.source)
        self._tell_format()

    def _tell_format(self) -> None:
        if self._format is not None:
            self.stats.format, self.stats.service = self._format.name, self._format.service


@dataclass(slots=True)
class Lanes:
    """All sources. `clock`: seconds since the epoch, by the clock on the wall."""

    reader: Reader
    clock: Callable[[], float] = time.time
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _caught_up: bool = False

    def add(self, source: str, fmt: formats.Format | None, zone: ZoneInfo, mark: Mark | None) -> None:
        """Take this source in; it is the reader's as well."""
        self._lanes[source] = _Lane(source, fmt, zone, mark)

    @property
    def stats(self) -> list[SourceStats]:
        """What was read of each source so far."""
        return [lane.stats for lane in self._lanes.values()]

    def batch(self, seconds: float) -> Batch:
        """What can be handed over after at most about `seconds` of parsing."""
        end = time.monotonic() + seconds
        count = 0
        now = int(self.clock() * 1e6)
        while count < PARSED and time.monotonic() < end:
            # The source that is furthest behind first: the others wait for it.
            open_lanes = sorted((lane for lane in self._lanes.values() if lane.held < HELD), key=lambda x: x.newest)
            piece = next((p for lane in open_lanes if (p := self.reader.take(lane.stats.source))), None)
            if piece is None:
                break
            count += self._lanes[piece.source].parse(piece, now)
        behind = [lane for name, lane in self._lanes.items() if not self.reader.is_current(name)]
        slowest = min(behind, key=lambda lane: lane.newest, default=None)
        # Events of its newest moment may still follow, unless it is full of them.
        until = None if slowest is None else slowest.newest + (slowest.held >= HELD)
        waiting = min(
            (lane.chunks[0].waiting for lane in self._lanes.values() if lane.chunks), default=time.monotonic()
        )
        self._caught_up = self._caught_up or not behind
        if self._caught_up and time.monotonic() - waiting > PATIENCE:
            until = None
        parts = [part for lane in self._lanes.values() for part in lane.take(until)]
        marks = {name: lane.mark for name, lane in self._lanes.items() if lane.moved}
        for lane in self._lanes.values():
            lane.moved = False
        return Batch(_joined(parts), marks, count, waiting, not behind)


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame in order of place, ties in order of the lanes; its times are the places."""
    if not parts:
        return pl.DataFrame()
    frame = pl.concat(parts).sort(_PLACE, maintain_order=True)
    return frame.with_columns(pl.col(_PLACE).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time")).drop(
        _PLACE
    )
