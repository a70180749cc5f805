"""The clock of one source: its zone, the years its stamps leave out, and the nights when local time goes back.

Whoever reads a source keeps one Clock for one pass over it: then where its lines are cut into chunks changes no time.
"""

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_STAMP = rf"^(?:<\d{{1,3}}>)?(?:{'|'.join(_MONTHS)}) {{1,2}}[0-9]{{1,2}} [0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
_PRIORITY = r"^<\d{1,3}>"

# A second pass through an ambiguous hour shows as a step back in the file; writers alone shuffle lines by less.
_STEP_BACK = timedelta(minutes=10) // timedelta(microseconds=1)


class Years:
    """The year of each line of a source that writes "Nov 24 00:43:12".

    `note` every line in order, then `close`; after that `of` tells the year by the line's number, for any part of the
    source in any order. The year grows by one at each step from November or December to January or February; a step
    the other way (a board without a clock that boots in January) takes that back.
    """

    def __init__(self) -> None:
        self._month = ""
        self._passed = 0
        self._last = ""
        self._closed = False
        self._lines: list[int] = []  # where the year changes, and to what: since the first line until `close`
        self._years: list[int] = []

    def note(self, frame: pl.DataFrame) -> None:
        """Take in lines (columns raw and line)."""
        stamped = frame.select("line", "raw").filter(pl.col("raw").str.contains(_STAMP))
        if stamped.is_empty():
            return
        text = pl.col("raw").str.replace(_PRIORITY, "") if _any_priority(stamped) else pl.col("raw")
        months = stamped.select("line", text.str.slice(0, 3).alias("month"), text.alias("text"))
        self._last = months["text"][-1][:16]
        turns = months.filter(pl.col("month") != pl.col("month").shift(1, fill_value=self._month))
        for line, month in turns.select("line", "month").iter_rows():
            before, now = _MONTHS.get(self._month, 6), _MONTHS[month]
            passed = (before >= 11 and now <= 2) - (before <= 2 and now >= 11)
            if passed or not self._lines:
                self._passed += passed
                self._lines.append(line)
                self._years.append(self._passed)
            self._month = month

    def close(self, hint: datetime) -> None:
        """No more lines: the last stamp is the latest that is not after `hint` (local time)."""
        self._closed = True
        if self._lines:
            year = hint.year - (_moment(self._last, hint.year) > hint)
            self._years = [year + passed - self._passed for passed in self._years]

    def of(self, lines: pl.Series) -> npt.NDArray[np.int64]:
        """The years of lines by their numbers; of lines that were none of these, any."""
        if not self._lines:
            return np.full(len(lines), 2000, dtype=np.int64)
        at = np.searchsorted(np.array(self._lines), lines.to_numpy(), side="right") - 1
        return np.array(self._years, dtype=np.int64)[np.maximum(at, 0)]

    @property
    def known(self) -> bool:
        """Whether all lines were noted, and some of them name no year."""
        return self._closed and bool(self._lines)

    @property
    def several(self) -> bool:
        """Whether the lines are of more than one year."""
        return len(set(self._years)) > 1


class Clock:
    """Zone and past of a source, for one pass over its lines. `year_hint`: no line is after it; None is now.

    `years`, once closed, dates lines without a year by their numbers. Without it each chunk is dated by itself, its
    last line being the latest that `year_hint` allows: right for lines just written, and for a chunk that is all.
    """

    def __init__(self, zone: ZoneInfo, year_hint: datetime | None = None, years: Years | None = None) -> None:
        self.zone = zone
        self.year_hint = year_hint
        self._years = years
        self._nights: dict[tuple[str, date], tuple[int, bool]] = {}

    @property
    def latest(self) -> datetime:
        """The latest local time that a stamp without a year may have: a day over the hint, for another zone's clock."""
        hint = self.year_hint or datetime.now(UTC)
        return hint.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=1)

    def years(self, frame: pl.DataFrame) -> Years:
        """The years of these lines (columns raw and line)."""
        if self._years is not None and self._years.known:
            return self._years
        alone = Years()
        alone.note(frame)
        alone.close(self.latest)
        return alone

    def second(self, shape: str, local: pl.Series) -> npt.NDArray[np.bool_]:
        """Which of these times, all of an hour that happens twice, belong to its second pass.

        They are in the order of the file, the lines of earlier calls before them. The first pass ends where the file
        steps back within the hour. `shape` keeps apart the stamps of a source that writes several kinds of them.
        """
        times = local.dt.timestamp("us").to_numpy()
        found = np.zeros(len(times), dtype=np.bool_)
        days = local.dt.date()
        for day in days.unique().to_list():
            at = (days == day).arg_true().to_numpy()
            peak, stepped = self._nights.get((shape, day), (int(times[at[0]]), False))
            reached = np.maximum.accumulate(np.concatenate([[peak], times[at]]))
            found[at] = np.logical_or.accumulate(times[at] < reached[:-1] - _STEP_BACK) | stepped
            self._nights[shape, day] = int(reached[-1]), bool(found[at[-1]])
        return found


def _any_priority(stamped: pl.DataFrame) -> bool:
    return bool(stamped["raw"].str.starts_with("<").any())


def _moment(stamp: str, year: int) -> datetime:
    """The time of a stamp that fits _STAMP; a day or second that does not exist is the last one before."""
    month, day, clock = stamp.split()[:3]
    hour, minute, second = (int(part) for part in clock[:8].split(":"))
    number = _MONTHS[month]
    last = calendar.monthrange(year, number)[1]
    return datetime(year, number, max(1, min(int(day), last)), min(hour, 23), minute, min(second, 59))
