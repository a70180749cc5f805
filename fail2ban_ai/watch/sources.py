"""Which logs are read: those of the configuration, else those that fail2ban reads now, and `also`."""

import itertools

from fail2ban_ai import formats
from fail2ban_ai.config import Settings
from fail2ban_ai.errors import SourceError
from fail2ban_ai.fail2ban import logs
from fail2ban_ai.sources import journal, rotation
from fail2ban_ai.sources.lines import LINE_LIMIT, open_regular
from fail2ban_ai.sources.logfile import GUESS_LINES


def find(settings: Settings) -> dict[str, str | None]:
    """Live files and "journal:UNIT" by name, each with the jail whose failregex alone can read it, or None.

    Raises:
        SourceError: there is none.
        Fail2banAbsent, Fail2banError: fail2ban had to be asked and cannot be.
    """
    found: dict[str, str | None] = dict.fromkeys(settings.sources)
    if not settings.sources:
        jails = logs.discover()
        for jail in jails:
            found |= {path: None if jail.service else found.get(path, jail.jail) for path in jail.paths}
            found |= dict.fromkeys(f"{journal.PREFIX}{unit}" for unit in journal.units(jail.journalmatch))
        known = {path for jail in jails if jail.service for path in jail.paths}
        found |= dict.fromkeys([*known, *settings.also])
    units: dict[str, str | None] = {name: None for name in found if journal.is_name(name)}
    live = [parts[0] for parts in rotation.newest_first(name for name in found if name not in units)]
    found = {name: _only_by(name, found[name]) for name in live if not name.endswith(".gz")} | units
    if not found:
        raise SourceError("fail2ban reads no log here; name one, or list some under `sources` in the configuration")
    return found


def _only_by(path: str, jail: str | None) -> str | None:
    """The jail that reads a log, unless a format of ours fits its first lines: those show more than one failregex does.

    Jails of admins' own, and those of reviewed rules, bear names that say nothing of the log.
    """
    if jail is None:
        return None
    for part in rotation.parts_of(path):
        try:
            with open_regular(part) as file:
                read = list(itertools.islice(iter(lambda: file.readline(LINE_LIMIT), b""), GUESS_LINES))
        except (OSError, SourceError):
            continue
        lines = [line.decode(errors="replace").rstrip("\r\n") for line in read]
        if lines and not part.endswith(".gz"):
            return None if formats.guess(lines, path) else jail
    return jail
