"""Where a filter that is not installed matches in lines: positions in the line as it stands in the log.

fail2ban cuts the date out of a line before it matches, so positions behind the date are moved back.
"""

from collections.abc import Iterator

from fail2ban.client.filterreader import FilterReader  # type: ignore[import-not-found]  # the system Python has it
from fail2ban.server.filter import Filter  # type: ignore[import-not-found]

from . import guard, jails
from .clock import Dates, Parts
from .match import GIVE_UP, JailOfFilter

SHOWN = ("ip4", "ip6", "user")  # fail2ban's names for the groups of <ADDR> and <F-USER>


class Spans:
    """The filter `filter.d/NAME.conf` below the folder `config`."""

    def __init__(self, job: dict[str, object]) -> None:
        self._filter = Filter(JailOfFilter(str(job["name"])))
        commands = _commands(str(job["config"]), str(job["name"]), str(job["backend"]))
        jails.SetUp(self._filter, commands)
        self._dates = Dates(self._filter.dateDetector, float(str(job["reference"])))
        self._watch = guard.Watch()
        self._stuck = 0

    def regexes(self) -> list[str]:
        """The regexes with their tags replaced, as a server with this filter lists them."""
        return [str(regex) for regex in self._filter.getFailRegex()]

    def batch(self, lines: list[str]) -> Iterator[list[object] | None]:
        """For each line null, or [start, end, {group: [start, end]}] of what the first regex that fits matches."""
        for line in lines:
            found = None
            if self._stuck < GIVE_UP:
                try:
                    with self._watch:
                        found = self._line(line)
                except guard.Stuck:
                    self._stuck += 1
            yield found

    def _line(self, line: str) -> list[object] | None:
        parts, _time = self._dates.split(line)
        for regex in self._filter._Filter__failRegex:
            regex.search([parts])
            if not regex.hasMatched():
                continue
            match = regex._matchCache
            # fail2ban gives a line an end of its own, which may be matched too.
            start, end = (min(at, len(parts[0] + parts[2])) for at in match.span())
            groups = {name: match.span(name) for name in SHOWN if name in match.re.groupindex}
            inner = {name: list(_moved(parts, *span)) for name, span in groups.items() if span[0] >= 0}
            return [*_moved(parts, start, end), inner]
        return None


def _moved(parts: Parts, start: int, end: int) -> tuple[int, int]:
    before, date = len(parts[0]), len(parts[1])
    return (start + date if start >= before else start, end + date if end > before else end)


def _commands(config: str, name: str, backend: str) -> list[jails.Command]:
    reader = FilterReader(name, name, {}, share_config={}, basedir=config)
    if not reader.read():
        raise jails.BrokenJail(f"there is no filter {name}")
    reader.applyAutoOptions(backend)
    reader.getOptions(None)
    return [list(command) for command in reader.convert()]
