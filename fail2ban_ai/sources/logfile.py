"""One log file: its format guessed from its first lines, its lines parsed in chunks."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources.lines import LineFile, size_of, split
from fail2ban_ai.sources.merge import LATENESS
from fail2ban_ai.sources.stats import SourceStats

GUESS_LINES = 200  # lines that are not blank

# Bytes; one line of so many finds logs that were pasted together, at a few hundredths of the cost of reading all.
_SAMPLE_APART = 4096
_SAMPLE_LINES = 16  # the same where all lines are read anyway
_SAMPLES = 8192  # and no more of one file
_MOST_SORTED = 2_000_000  # lines of a file that is sorted in memory, a GB or so; a larger one is read as it stands


class LogFile:
    """A log that can be asked for its first event's time now and be read later.

    `first` is None when nothing can be read (`stats.problem` tells why), and for a file out of order by more than
    merge.LATENESS, such as rotated logs pasted together the wrong way round: that is sorted in memory.
    `year_hint`: no line was written after it (UTC); only stamps without a year need it.
    """

    def __init__(self, path: str, fmt: formats.Format | None, zone: ZoneInfo, year_hint: datetime | None) -> None:
        self.path = path
        self.stats = SourceStats(path)
        self.opened = False  # whether it could be opened at all
        self.position = 0  # bytes of the file consumed
        self._format = fmt
        self._zone = zone
        self._hint = year_hint
        self._years = formats.Years()  # of all its lines, once `_survey` has read them
        self.first: datetime | None = self._look()
        self._scattered = self.first is not None and self._survey()
        if self._scattered:
            self.first = None
        elif self._years.several:
            self.first = self._look()

    def chunks(self, lines: int) -> Iterator[pl.DataFrame]:
        """Event frames in order of lines, counted in `stats`; at most `lines` lines are parsed at once."""
        if not self._scattered:
            yield from self._parsed(lines)
        elif frames := list(self._parsed(lines)):
            yield from pl.concat(frames).sort("time", maintain_order=True).iter_slices(lines)

    def _parsed(self, lines: int) -> Iterator[pl.DataFrame]:
        try:
            file = LineFile(self.path, self.stats)
        except SourceError as error:
            self.stats.add_problem(f"{error}, though it could be a moment before")
            return
        clock = self._clock()
        for frame in file.frames(lines):
            self.stats.read += frame.height
            self.position = file.position
            if self._format is not None:
                parsed = self._parse(frame, clock)
                self.stats.understood += parsed.understood
                yield parsed.events

    def _look(self) -> datetime | None:
        """Guess the format and find the first event, reading no further than that needs."""
        looked = SourceStats(self.path)  # what is read here is read, and counted, again
        try:
            file = LineFile(self.path, looked)
        except SourceError as error:
            self.stats.add_problem(str(error))
            return None
        self.opened = True
        frames, clock = file.frames(GUESS_LINES), self._clock()
        for frame in frames:
            if self._format is None:
                self._format = formats.guess(frame["raw"].to_list(), self.path)
                if self._format is None:
                    self.stats.add_problem(f"{self.path}: no format fits its first {frame.height} lines")
                    break
            events = self._parse(frame, clock).events
            if events.height:
                frames.close()
                first = events["time"][0]
                assert isinstance(first, datetime)  # noqa: S101 - what SCHEMA says, for mypy
                return first
        frames.close()
        return None

    def _survey(self) -> bool:
        """Note the years of all lines, and tell whether a sample of them steps back further than the merge puts right.

        The latter of files that fit in memory only.
        """
        assert self._format is not None  # noqa: S101 - a file whose first event was found
        try:
            some = self._noted() if self._format.yearless else self._sampled()
        except SourceError:
            return False
        clock = self._clock()
        self._years.close(clock.latest)
        time = self._parse(some, clock).events["time"].dt.timestamp("us")
        if not (time < time.cum_max() - LATENESS).any():
            return False
        try:
            return LineFile(self.path, SourceStats(self.path)).count() <= _MOST_SORTED
        except SourceError:
            return False

    def _noted(self) -> pl.DataFrame:
        """A sample of the lines, all of which are noted for their years."""
        some = []
        for frame in LineFile(self.path, SourceStats(self.path)).frames(_MOST_SORTED):
            self._years.note(frame)
            some.append(frame.gather_every(_SAMPLE_LINES))
        sample = pl.concat(some) if some else split(b"", 1).clear()
        return sample.gather_every(1 + sample.height // _SAMPLES)

    def _sampled(self) -> pl.DataFrame:
        """A sample of the lines; their numbers are its own."""
        apart = max(_SAMPLE_APART, size_of(self.path) // _SAMPLES)
        lines = LineFile(self.path, SourceStats(self.path)).sample(apart)
        return split(b"\n".join(lines), 1).filter(pl.col("raw").str.contains(r"\S"))

    def _clock(self) -> formats.Clock:
        """A clock for one pass over the file."""
        return formats.Clock(self._zone, self._hint, self._years)

    def _parse(self, frame: pl.DataFrame, clock: formats.Clock) -> formats.Parsed:
        assert self._format is not None  # noqa: S101 - callers checked
        self.stats.format = self._format.name
        self.stats.service = self._format.service
        return self._format.parse(frame, source=self.path, clock=clock)
