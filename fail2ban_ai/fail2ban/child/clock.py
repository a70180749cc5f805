"""The time of each line as fail2ban reads it, made into a clock that only goes forward."""

from collections.abc import Iterable, Iterator

from fail2ban.server.datedetector import DateDetector  # type: ignore[import-not-found]  # the system Python has it
from fail2ban.server.mytime import MyTime  # type: ignore[import-not-found]

Parts = tuple[str, str, str]  # before the date, the date, after it: what Filter.processLine takes
DAY = 86400.0
HALF_YEAR = 182 * DAY
_WAIT = 64  # lines


class Dates:
    """Splits lines at their date with the jail's own date detector.

    fail2ban takes a date without a year for the latest one that is not past its clock by a day
    (strptime.reGroupDictStrptime). With that clock half a year after the line before, the year turns at New Year in
    both directions: lines go on into January, and a belated December line stays in December.
    """

    def __init__(self, detector: DateDetector | None, reference: float) -> None:
        self._detector = detector
        self._reference = reference  # the clock for the first dated line, seconds since the epoch

    def split(self, line: str) -> tuple[Parts, float | None]:
        """The line's parts and its time in seconds since the epoch, None where it has no date."""
        undated: Parts = ("", "", line)
        if self._detector is None:
            return undated, None
        MyTime.setTime(self._reference)
        try:
            found = self._detector.matchTime(line)
            if not found[0]:
                return undated, None
            start, end = found[0].start(1), found[0].end(1)
            read = self._detector.getTime(line[start:end], found) if end > start else None
        except Exception:  # "Feb 30", year 0, a time zone out of range: whatever it is, the line has no date
            return undated, None
        if read is None or read[0] is None:
            return undated, None
        return (line[:start], line[start:end], line[end:]), float(read[0])

    def follow(self, clock: float) -> None:
        """Read further dates without a year as near to `clock` as can be."""
        self._reference = clock + HALF_YEAR


def clocked(lines: Iterable[str], dates: Dates) -> Iterator[tuple[float, Parts, float]]:
    """(clock, parts, time) of each line, the clock never going back; `dates` follows it.

    A lone line dated over a day ahead of the log is not believed until the next dated line agrees: its time becomes the
    clock's, as fail2ban takes a line with an odd date for one of now. Lines before the first date are dropped.
    """
    clock: float | None = None
    waiting: list[tuple[Parts, float | None]] = []

    def release(agreed: bool) -> Iterator[tuple[float, Parts, float]]:
        nonlocal clock
        for parts, time in waiting:
            if agreed and time is not None:
                clock = time if clock is None else max(clock, time)
                dates.follow(clock)
            if clock is not None:
                yield clock, parts, time if agreed and time is not None else clock
        waiting.clear()

    for line in lines:
        parts, time = dates.split(line)
        if waiting:
            if time is None and len(waiting) < _WAIT:
                waiting.append((parts, time))
                continue
            ahead = waiting[0][1]
            yield from release(time is None or ahead is None or time >= ahead - DAY)
        if time is not None and (clock is None or time > clock + DAY):
            waiting.append((parts, time))
            if clock is None:
                dates.follow(time)
        elif clock is not None:
            clock = clock if time is None else max(clock, time)
            dates.follow(clock)
            yield clock, parts, clock if time is None else time
    yield from release(True)
