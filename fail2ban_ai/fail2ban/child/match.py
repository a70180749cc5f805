"""Batches of lines through one jail's failregexes: what they say happened, without counting or banning."""

from collections.abc import Iterator

from fail2ban.server.filter import Filter  # type: ignore[import-not-found]  # the system Python has it
from fail2ban.server.mytime import MyTime  # type: ignore[import-not-found]

from . import guard, jails
from .clock import Dates

TEXT = 500  # characters
GIVE_UP = 20  # lines that never end, then no line is tried any more


class JailOfFilter:
    """What a filter needs of its jail."""

    database = None

    def __init__(self, name: str) -> None:
        self.name = name


class Matcher:
    """One jail's filter, kept over batches: what it knows of a connection outlives a batch."""

    def __init__(self, job: dict[str, object]) -> None:
        self._filter = Filter(JailOfFilter(str(job["jail"])))
        self._filter.checkFindTime = False
        jails.SetUp(self._filter, commands(job))
        self._dates = Dates(self._filter.dateDetector, float(str(job["reference"])))
        self._watch = guard.Watch()
        self._time: float | None = None
        self.stuck = 0
        self._told = 0

    def taken(self) -> int:
        """How many lines did not end since this was last asked."""
        new, self._told = self.stuck - self._told, self.stuck
        return new

    def batch(self, lines: list[str]) -> Iterator[list[object]]:
        """[index, time, address, user, message] of each failure, in order of lines."""
        for index, line in enumerate(lines):
            if self.stuck >= GIVE_UP:
                return
            try:
                with self._watch:
                    yield from self._line(index, line)
            except guard.Stuck:
                self.stuck += 1

    def _line(self, index: int, line: str) -> list[list[object]]:
        parts, time = self._dates.split(line)
        if time is not None:
            self._time = time
            self._dates.follow(time)
        if self._time is None:
            return []
        MyTime.setTime(self._time)
        try:
            found = self._filter.processLine(parts, self._time)
        except Exception:  # fail2ban's own processLineAndAdd takes whatever a line raises for "no failure"
            return []
        events: list[list[object]] = []
        for _, identity, when, fail in found:
            if fail.get("nofail") or self._filter.inIgnoreIPList(identity, log_ignore=False):
                continue
            user = fail.get("user") or fail.get("alt_user")
            message = (parts[0] + parts[2]).strip()[:TEXT]
            events.append([index, when, str(fail.get("ip") or identity), user, message])
        return events


def commands(job: dict[str, object]) -> list[jails.Command]:
    """The commands that set the job's jail up: those given with it, or what fail2ban reads for it."""
    given = job.get("commands")
    if isinstance(given, list):
        return given
    return jails.one(str(job["config"]), str(job["jail"]))
