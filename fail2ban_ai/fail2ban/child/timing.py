"""How long one filter takes for lines that were made to be slow, in processor time."""

import time
from collections.abc import Callable

from fail2ban.server.filter import Filter  # type: ignore[import-not-found]  # the system Python has it
from fail2ban.server.mytime import MyTime  # type: ignore[import-not-found]

from . import guard, jails
from .clock import Dates
from .match import commands


class _Jail:
    """What a filter needs of its jail."""

    database = None
    name = "timing"


def timing(job: dict[str, object], tell: Callable[[dict[str, object]], None]) -> None:
    """Tell the seconds that the filter of `job` takes for each of its lines; null for one that it does not finish.

    The date is cut out first and is not timed: its search is fail2ban's own, the same for every filter.
    """
    filter_ = Filter(_Jail())
    filter_.checkFindTime = False
    jails.SetUp(filter_, commands(job))
    dates = Dates(filter_.dateDetector, float(str(job["reference"])))
    lines = job["lines"]
    assert isinstance(lines, list)  # noqa: S101 - our own parent wrote it
    watch = guard.Watch()
    seconds: list[float | None] = []
    for line in lines:
        parts, at = dates.split(line)
        MyTime.setTime(at or 0.0)
        try:
            with watch:
                start = time.process_time()
                filter_.processLine(parts, at or 0.0)
                seconds.append(time.process_time() - start)
        except guard.Stuck:
            seconds.append(None)
        guard.more_time()
    tell({"seconds": seconds})
