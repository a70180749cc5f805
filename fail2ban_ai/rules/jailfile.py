"""The jail of an installed rule: rendered from the keys of suggestion.Jail alone, each looked at against the host.

The text that the watcher wrote for a reader (jail.conf) is never used. A jail reads only logs that are there and that
running jails or the settings read already: an empty or missing logpath would keep the whole server from starting.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai.errors import RuleError
from fail2ban_ai.fail2ban import ignorecommand
from fail2ban_ai.fail2ban.logs import JailSource
from fail2ban_ai.rules.suggestion import Jail
from fail2ban_ai.sources import journal

LIVE = "fail2ban-ai-nft"  # action.d: blocks on every port and protocol
SHADOW = "fail2ban-ai-record"  # action.d: writes a line and blocks nothing
LONGEST_BAN = 4 * 7 * 86_400  # seconds
LONGEST_FIND = 7 * 86_400
MOST_RETRIES = 100

_PATH = re.compile(r"/[A-Za-z0-9/._@+:=,-]{1,499}")  # of suggestion's, without what a glob is made of
_FIELD = re.compile(r"[A-Z_]+=[A-Za-z0-9@:._-]+")
_UNIT = re.compile(r"_SYSTEMD_UNIT=([A-Za-z0-9@:._-]+)")

_TEXT = """\
# Written by `fail2ban-ai review`; `fail2ban-ai review retire {name}` takes it away.
# Your own values belong in jail.d/{name}.local.

[{name}]
enabled  = true
filter   = {name}
backend  = {backend}
{source}port     = {port}
usedns   = no
maxretry = {maxretry}
findtime = {findtime}
bantime  = {bantime}
action   = {action}
# The gate: whom it protects is not banned, nor anybody whom it cannot judge.
ignorecommand = {spares}
ignorecache   = {cache}
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What the host reads already: the files and the matches of the journal."""

    paths: frozenset[str]
    matches: frozenset[str]  # fields such as _SYSTEMD_UNIT=ssh.service


def known(jails: Iterable[JailSource], sources: Iterable[str]) -> Known:
    """From the running jails, and from the sources of the settings (paths and "journal:UNIT")."""
    paths: set[str] = set()
    matches: set[str] = set()
    for jail in jails:
        paths |= set(jail.paths)
        matches |= {field for match in jail.journalmatch for field in _FIELD.findall(match)}
        matches |= {f"_SYSTEMD_UNIT={unit}" for unit in journal.units(jail.journalmatch)}
    for source in sources:
        unit = source.removeprefix("journal:")
        if unit != source:
            matches.add(f"_SYSTEMD_UNIT={unit}")
        else:
            paths.add(source)
    return Known(frozenset(paths), frozenset(matches))


def units(journalmatch: str) -> list[str]:
    """The units that a match of the journal names."""
    return _UNIT.findall(journalmatch)


def check(jail: Jail, host: Known) -> None:
    """Raise RuleError unless the jail may run on this host."""
    if jail.maxretry > MOST_RETRIES or jail.findtime > LONGEST_FIND or not 60 <= jail.bantime <= LONGEST_BAN:
        raise RuleError(
            f"jail: expected maxretry up to {MOST_RETRIES}, findtime up to 7 days, bantime of a minute to 4 weeks"
        )
    if jail.backend == "systemd":
        named = units(jail.journalmatch)
        fields = jail.journalmatch.replace("+", " ").split()
        if not named or not {f"_SYSTEMD_UNIT={unit}" for unit in named} <= host.matches:
            raise RuleError("jail.journalmatch: expected a unit whose journal a running jail or the settings read")
        if not all(_FIELD.fullmatch(field) for field in fields):
            raise RuleError("jail.journalmatch: expected FIELD=value, joined by spaces and +")
        if any("_SYSTEMD_UNIT=" not in part for part in jail.journalmatch.split("+")):
            raise RuleError("jail.journalmatch: expected a unit in every alternative")
        return
    for path in jail.logpaths:
        if _PATH.fullmatch(path) is None:
            raise RuleError("jail.logpaths: expected the paths of files, without patterns")
        if path not in host.paths:
            raise RuleError(f"jail.logpaths: {path} is read by no running jail and not named in the settings")
        if not Path(path).is_file():
            raise RuleError(f"jail.logpaths: {path} is not there; fail2ban would not start with it")
    if not jail.logpaths:
        raise RuleError("jail.logpaths: expected at least one path")


def render(jail: Jail, *, shadow: bool, record: Path, spares: str) -> str:
    """The text of jail.d/NAME.conf, for a jail that `check` let through.

    Args:
        jail: the whitelisted keys.
        shadow: whether the action only writes a line, to the file `record`.
        record: see there.
        spares: the ignorecommand, of fail2ban.ignorecommand.
    """
    name = jail.filter
    reads = _key("journalmatch", [jail.journalmatch]) if jail.backend == "systemd" else _key("logpath", jail.logpaths)
    return _TEXT.format(
        name=name,
        backend=jail.backend,
        source=reads,
        port=jail.port,
        maxretry=jail.maxretry,
        findtime=jail.findtime,
        bantime=jail.bantime,
        action=f"{SHADOW}[name={name}, file={record}]" if shadow else f"{LIVE}[name={name}]",
        spares=spares,
        cache=ignorecommand.CACHE,
    )


def _key(key: str, lines: Sequence[str]) -> str:
    return f"{key:<8} = " + "\n           ".join(lines) + "\n"
