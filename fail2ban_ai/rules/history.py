"""The admin's own logs as the measure of a rule: which lines it matches, whose they are, whom it would have banned."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from fail2ban_ai import analysis, config
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.errors import SourceError
from fail2ban_ai.redact import redact
from fail2ban_ai.rules import safe
from fail2ban_ai.rules.bench import Matches
from fail2ban_ai.rules.filter_file import FilterFile
from fail2ban_ai.rules.judged import Judged, actor, judged
from fail2ban_ai.rules.suggestion import TEXT, WOULD_BAN, WouldBan
from fail2ban_ai.sources import LogReader, journal
from fail2ban_ai.sources.lines import LineFile
from fail2ban_ai.sources.stats import SourceStats

CHUNK = 65_536  # lines
TIMES = 200_000  # matches whose times are kept
LINES = 20_000  # matches whose lines are kept
ADDRESSES = 100_000


@dataclass(slots=True)
class Candidates:
    """Lines that a regex may match, found by a linear-time engine; `read` counts all lines as they go by."""

    lines: Iterable[str]
    read: list[int]


@dataclass(slots=True)
class Measured:
    """What a rule matches in the logs. Times in seconds since the epoch."""

    read: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # address -> lines matched
    first: dict[str, tuple[float, str]] = field(default_factory=dict)  # address -> its earliest line
    lines: dict[tuple[float, str], str] = field(default_factory=dict)  # of the first LINES matches
    times: list[tuple[float, str]] = field(default_factory=list)

    def bans(self, *, maxretry: int, findtime: int, bantime: int) -> tuple[WouldBan, ...]:
        """Who would have been banned, in order of time; at most WOULD_BAN."""
        recent: dict[str, deque[float]] = {}
        free: dict[str, float] = {}
        found = []
        for time, address in sorted(self.times):
            if time < free.get(address, float("-inf")):
                continue
            seen = recent.setdefault(address, deque())
            seen.append(time)
            while seen[0] <= time - findtime:
                seen.popleft()
            if len(seen) >= maxretry:
                line = self.lines.get((time, address), self.first[address][1])
                found.append(WouldBan(address, time, clean(redact(line), TEXT)))
                free[address] = time + bantime
                seen.clear()
        return tuple(found[:WOULD_BAN])


def candidates(rule: FilterFile, logs: Sequence[str]) -> Candidates:
    """The lines of the logs that the rule may match.

    Raises:
        SourceError: when they are read, where none of the logs can be.
    """
    read = [0]
    near = safe.nearby(rule.failregex, dated=bool(rule.dates))

    def lines() -> Iterator[str]:
        for raw in _raw(logs):
            read[0] += len(raw)
            yield from raw.filter(raw.str.contains(near)).to_list()

    return Candidates(lines(), read)


def _raw(logs: Sequence[str]) -> Iterator[pl.Series]:
    """The raw lines of files, and what the events of journal units show of theirs."""
    problems = []
    for name in logs:
        if journal.is_name(name):
            for frame in LogReader([name]):
                yield frame["text"]
            continue
        try:
            file = LineFile(name, SourceStats(name))
        except SourceError as error:
            problems.append(str(error))
            continue
        for frame in file.frames(CHUNK):
            yield frame["raw"]
    if problems and len(problems) == len(logs):
        raise SourceError("; ".join(problems))


def measured(found: Candidates, matches: Matches) -> Measured:
    """What fail2ban's own code makes of the candidates.

    Raises:
        Fail2banError: it came to one of its limits.
    """
    result = Measured()
    kept: deque[tuple[int, str]] = deque(maxlen=4096)

    def lines() -> Iterator[str]:
        for number, line in enumerate(found.lines):
            kept.append((number, line))
            yield line

    for index, time, address in matches.of(lines()):
        if address not in result.counts and len(result.counts) >= ADDRESSES:
            continue
        result.counts[address] = result.counts.get(address, 0) + 1
        line = kept[index - kept[0][0]][1][:TEXT]
        if address not in result.first or time < result.first[address][0]:
            result.first[address] = (time, line)
        if len(result.lines) < LINES:
            result.lines.setdefault((time, address), line)
        if len(result.times) < TIMES:
            result.times.append((time, address))
    result.read = found.read[0]
    return result


class History:
    """Logs and the verdicts on their actors; the analysis is made when the first verdict is asked for."""

    def __init__(self, logs: Sequence[str], verdicts: Judged | None = None) -> None:
        self.logs = logs
        self.measured: Measured | None = None  # of the last rule tried
        self._verdicts = verdicts

    def measure(self, rule: FilterFile, matches: Matches) -> Measured:
        """What a rule matches in the logs."""
        self.measured = measured(candidates(rule, self.logs), matches)
        return self.measured

    def verdict(self, address: str) -> str:
        """ "hostile", "doubtful" or "benign"; an address that is none is benign, so that the rule fails."""
        if self._verdicts is None:
            settings = config.load()
            found = analysis.run(analysis.Logs(self.logs, zones=settings.zone_infos()), settings, compare=False)
            self._verdicts = judged(found.result.campaigns, found.result.scores)
        return self._verdicts.of(actor(address)) if address else "benign"
