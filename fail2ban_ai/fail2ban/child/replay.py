"""One jail over its files, in event time: who would have been banned and when, and how near the others came."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator

from fail2ban.server.banmanager import BanManager  # type: ignore[import-not-found]  # the system Python has it
from fail2ban.server.failmanager import FailManager  # type: ignore[import-not-found]
from fail2ban.server.filter import FileContainer, FileFilter  # type: ignore[import-not-found]
from fail2ban.server.mytime import MyTime  # type: ignore[import-not-found]
from fail2ban.server.ticket import BanTicket, FailTicket  # type: ignore[import-not-found]

from . import files, guard, jails
from .clock import DAY, Dates, clocked

Tell = Callable[[dict[str, object]], None]
PROGRESS = 4096  # lines
GIVE_UP = 20  # lines that never end, then the jail is left
ADDRESSES = 500_000  # whose counts are kept
WINDOW = 10_000  # failures of one address within findtime that are counted


class _Count:
    """Failures of one address: all, and the most within any findtime."""

    __slots__ = ("all", "recent", "worst")

    def __init__(self) -> None:
        self.all = 0
        self.worst = 0
        self.recent: deque[float] = deque(maxlen=WINDOW)

    def add(self, time: float, findtime: float) -> None:
        self.all += 1
        self.recent.append(time)
        while self.recent[0] <= time - findtime:
            self.recent.popleft()
        self.worst = max(self.worst, len(self.recent))


class _Failures(FailManager):  # type: ignore[misc]  # fail2ban ships no types
    """fail2ban's own failure list, which also tells us what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.maxMatches = 0  # evidence is not needed here, and it is most of the memory
        self.counts: dict[str, _Count] = {}

    def addFailure(self, ticket: FailTicket, count: int = 1, observed: bool = False) -> int:  # noqa: N802 - fail2ban's
        address = str(ticket.getIP())
        if address in self.counts or len(self.counts) < ADDRESSES:
            self.counts.setdefault(address, _Count()).add(ticket.getTime(), self.getMaxTime())
        return int(super().addFailure(ticket, count, observed))


class _Jail:
    """What a filter needs of its jail: a name, and somewhere to put who is to be banned."""

    database = None

    def __init__(self, name: str, tell: Tell) -> None:
        self.name = name
        self.bans = BanManager()
        self._tell = tell

    def putFailTicket(self, ticket: FailTicket) -> None:  # noqa: N802 - fail2ban's
        """Ban as Actions.__checkBan does: not twice, and a ban that is on is prolonged."""
        self.bans.unBanList(MyTime.time())
        ban = BanTicket.wrap(ticket)
        if self.bans.addBanTicket(ban, reason={}):
            self._tell({"ban": [str(ban.getIP()), float(ban.getTime())]})


def _lines(path: str, encoding: str, notes: list[str]) -> Iterator[str]:
    for raw in files.lines(path, notes):
        yield FileContainer.decode_line(path, encoding, raw)


def replay(job: dict[str, object], tell: Tell) -> None:
    """Run the jail of `job` over its files; tells of bans, progress, failures and at last a summary.

    `job` has config, jail, paths and year (of each log's first line where lines carry none, or null: the last year in
    which the log ends before its file was last written).

    Raises:
        jails.BrokenJail: fail2ban would not start the jail.
    """
    name = str(job["jail"])
    jail = _Jail(name, tell)
    filter_ = FileFilter(jail)
    failures = _Failures()
    filter_.failManager = failures
    filter_.inOperation = True
    setup = jails.SetUp(filter_, jails.one(str(job["config"]), name))
    jail.bans.setBanTime(setup.bantime)
    notes = setup.notes

    streams = []
    paths = job["paths"]
    assert isinstance(paths, list)  # noqa: S101 - our own parent wrote it
    for path in paths:
        try:
            reference = _reference(str(path), job["year"])
        except OSError as error:
            notes.append(f"{path}: {error.strerror}")
            continue
        dates = Dates(filter_.dateDetector, reference)
        streams.append(clocked(_lines(str(path), filter_.getLogEncoding(), notes), dates))

    watch = guard.Watch()
    now = 0.0
    lines = stuck = 0
    for clock, parts, at in heapq.merge(*streams, key=lambda entry: entry[0]):
        lines += 1
        now = max(now, clock)
        MyTime.setTime(now)
        try:
            with watch:
                filter_.performSvc()  # forgets old failures, every 5 seconds of event time as in the running server
                filter_.processLineAndAdd(parts, at)
        except guard.Stuck:
            stuck += 1
            if stuck >= GIVE_UP:
                notes.append(f"given up after {GIVE_UP} lines that its regexes did not finish with")
                break
        if lines % PROGRESS == 0:
            guard.more_time()
            tell({"lines": lines})

    findtime, maxretry = filter_.getFindTime(), filter_.getMaxRetry()
    for address, count in failures.counts.items():
        tell({"failures": [address, count.all, count.worst]})
    tell(
        {
            "done": {
                "lines": lines,
                "stuck": stuck,
                "findtime": findtime,
                "maxretry": maxretry,
                "bantime": setup.bantime,
                "notes": notes,
            }
        }
    )


def _reference(path: str, year: object) -> float:
    """The clock by which the log's first date without a year is read, in seconds since the epoch."""
    written = files.modified(path)
    if isinstance(year, int):
        return time.mktime((year, 12, 31, 23, 59, 59, 0, 0, -1))
    return written + DAY
