"""Read logs: files, rotated sets, .gz and journal units as one sequence of events in order of time."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources import journal, lines, merge, rotation
from fail2ban_ai.sources import zones as time_zones
from fail2ban_ai.sources.logfile import LogFile
from fail2ban_ai.sources.stats import SourceStats

CHUNK_LINES = 65536
_DISORDER_SHARE = 0.01  # of a source's understood lines

Progress = Callable[[int, int], None]  # bytes read, bytes in all; of the files as they are stored


class LogReader:
    """Iterate once over event frames (events.SCHEMA), in order of time over all sources, ties in the order named.

    `stats` has one entry for each source in the order named, final when the iteration is over. A source that cannot be
    read, or only in part, says so in `stats[i].problem`; SourceError is raised only when nothing can be opened.

    `sources`: paths and "journal:UNIT". `fmt`: of every file, or by path; guessed where none is given. `zones`: by
    shell pattern of the source's name, for stamps that name no zone; the machine's own where none fits. `since`,
    `until`: event time, the latter exclusive; as little as possible is read of what is certainly outside them.
    `chunk_lines`: lines parsed at once; changes nothing in the events.
    """

    def __init__(
        self,
        sources: Sequence[str | Path],
        *,
        fmt: formats.Format | Mapping[str, formats.Format] | None = None,
        zones: Mapping[str, ZoneInfo] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chunk_lines: int = CHUNK_LINES,
        progress: Progress | None = None,
    ) -> None:
        names = _distinct([str(source) for source in sources])
        self._since = since
        self._until = until
        self._lines = chunk_lines
        self._progress = progress
        self._zones = zones or {}
        self._past: set[str] = set()  # parts that a newer part shows to be wholly before `since`
        self._files = self._open([name for name in names if not journal.is_name(name)], fmt)
        self._units = {
            name: journal.JournalUnit(name, since, until, time_zones.of(name, self._zones))
            for name in names
            if journal.is_name(name)
        }
        self._total = sum(lines.size_of(file.path) for file in self._files.values() if file.opened)
        by_name = {name: each.stats for name, each in (self._files | self._units).items()}
        self.stats: list[SourceStats] = [by_name[name] for name in names]
        if not self._units and not any(file.opened for file in self._files.values()):
            told = "; ".join(stats.problem or "" for stats in self.stats)
            raise SourceError(told or "no log was named")

    def __iter__(self) -> Iterator[pl.DataFrame]:
        lanes = [self._lane(stats) for stats in self.stats if stats.source in self._units or self._wanted(stats.source)]
        yield from merge.merge(lanes, self._since, self._until)
        for stats in self.stats:
            if stats.disordered > stats.understood * _DISORDER_SHARE:
                stats.add_problem(
                    f"{stats.source} is not in order of time: {stats.disordered} lines stand more than"
                    f" {merge.LATENESS // 60_000_000} minutes behind a younger one; sort it for exact results"
                )
        if self._progress is not None:
            self._progress(self._total, self._total)

    def _open(self, paths: list[str], fmt: formats.Format | Mapping[str, formats.Format] | None) -> dict[str, LogFile]:
        """Look at each file, the newest of a rotated set first: its first stamp bounds the next older one's years."""
        files = {}
        for parts in rotation.newest_first(paths):
            newer: datetime | None = None
            for path in parts:
                hints = [hint for hint in (rotation.last_written(path), newer) if hint is not None]
                own = fmt.get(path) if isinstance(fmt, Mapping) else fmt
                files[path] = LogFile(path, own, time_zones.of(path, self._zones), min(hints, default=None))
                if self._since is not None and newer is not None and newer <= self._since:
                    self._past.add(path)
                newer = files[path].first or newer
        return files

    def _wanted(self, path: str) -> bool:
        return self._files[path].opened and path not in self._past

    def _lane(self, stats: SourceStats) -> merge.Lane:
        if stats.source in self._units:
            return merge.Lane(self._units[stats.source].chunks(self._lines), 0, stats)
        file = self._files[stats.source]
        starts = 0 if file.first is None else int(file.first.timestamp() * 1_000_000)
        return merge.Lane(self._told(file.chunks(self._lines)), starts, stats)

    def _told(self, chunks: Iterator[pl.DataFrame]) -> Generator[pl.DataFrame, None, None]:
        for chunk in chunks:
            if self._progress is not None:
                self._progress(sum(file.position for file in self._files.values()), self._total)
            yield chunk


def _distinct(names: list[str]) -> list[str]:
    """The names without those that lead to a file already named: no line may count twice."""
    seen: dict[str, str] = {}
    for name in names:
        is_path = not journal.is_name(name) and "\0" not in name  # the latter is told when it is opened
        seen.setdefault(str(Path(name).resolve()) if is_path else name, name)
    return list(seen.values())
