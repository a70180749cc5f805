"""Which logs are watched: those of the configuration, else those that fail2ban reads now, and `also`."""

import re

from fail2ban_ai.config import Settings
from fail2ban_ai.errors import SourceError
from fail2ban_ai.fail2ban import logs
from fail2ban_ai.sources import journal, rotation

_UNIT = re.compile(r"_SYSTEMD_UNIT=([A-Za-z0-9@:._-]+)")


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
            found |= dict.fromkeys(f"journal:{unit}" for unit in _UNIT.findall(" ".join(jail.journalmatch)))
        known = {path for jail in jails if jail.service for path in jail.paths}
        found |= dict.fromkeys([*known, *settings.also])
    units: dict[str, str | None] = {name: None for name in found if journal.is_name(name)}
    live = [parts[0] for parts in rotation.newest_first(name for name in found if name not in units)]
    found = {name: found[name] for name in live if not name.endswith(".gz")} | units
    if not found:
        raise SourceError("fail2ban reads no log here; list some under `sources` in the configuration")
    return found
