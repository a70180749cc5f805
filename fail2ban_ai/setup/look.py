"""Looks at a host before anything is written: fail2ban's jails, the logs and how much of them is understood, a GPU."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.doctor.visitors import through_edges
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import logs as fail2ban_logs
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.gate.rules import GateSettings
from fail2ban_ai.sources import journal, rotation

# Where Debian's packages log what we understand. fail2ban enables one jail there (sshd), so most of these nobody reads.
USUAL = (
    "var/log/auth.log",
    "var/log/nginx/*access*.log",
    "var/log/apache2/*access*.log",
    "var/log/mail.log",
    "var/log/exim4/mainlog",
    "var/log/vsftpd.log",
    "var/log/proftpd/proftpd.log",
)
EMPTY = "is empty so far"
_TAIL = 500_000  # bytes
# What a syslog daemon writes down of units whose journal the jails read: reading both would count everything twice.
_SAME = {
    "var/log/auth.log": ("ssh.service", "sshd.service"),
    "var/log/mail.log": ("postfix.service", "postfix@-.service", "dovecot.service"),
}
_GPU = ("dev/nvidiactl", "dev/kfd")


@dataclass(frozen=True, slots=True)
class Log:
    """A log here. `understood` of `lines` in its tail; `edges`: share of its addresses that look like a CDN's."""

    path: str
    jails: tuple[str, ...] = ()  # none: fail2ban does not read it
    service: str | None = None  # None: only the jail's failregex can read it, or nothing
    lines: int = 0
    understood: int = 0
    edges: float = 0.0
    parts: int = 0  # rotated parts beside it
    problem: str = ""

    @property
    def readable(self) -> bool:
        """Whether we read something in it, or may one day: a service that was just installed has logged nothing."""
        return bool(self.understood) or self.problem == EMPTY

    @property
    def behind_cdn(self) -> bool:
        """Whether the gate would take most of its addresses for edges."""
        return self.edges >= GateSettings().edge_share


@dataclass(frozen=True, slots=True)
class Look:
    """What a host is like."""

    jails: tuple[str, ...] = ()
    logs: tuple[Log, ...] = ()
    units: tuple[str, ...] = ()  # of the journal, which jails read
    doubled: tuple[str, ...] = ()  # logs that hold what these units say, and that no jail reads
    gpu: bool = False
    trouble: str = ""  # why fail2ban's jails are not known

    @property
    def unread(self) -> list[Log]:
        """Logs that we understand and fail2ban does not read."""
        return [log for log in self.logs if not log.jails and log.readable]


@dataclass(slots=True)
class _Read:
    jails: dict[str, list[str]] = field(default_factory=dict)  # log -> jails
    units: dict[str, None] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    trouble: str = ""


def look(root: Path = Path("/"), client: Client | None = None) -> Look:
    """What is on the host below `root`. Never raises for what the host lacks."""
    read = _jails(root, client)
    usual = [str(path) for pattern in USUAL for path in sorted(root.glob(pattern)) if path.is_file()]
    same = {str(root / name) for name, units in _SAME.items() if not read.units.keys().isdisjoint(units)}
    doubled = [path for path in usual if path in same and path not in read.jails]
    usual = [path for path in usual if path not in doubled]
    logs = tuple(_log(path, read.jails.get(path, ())) for path in dict.fromkeys([*read.jails, *usual]))
    gpu = any((root / device).exists() for device in _GPU)
    return Look(read.names, logs, tuple(read.units), tuple(doubled), gpu, read.trouble)


def _jails(root: Path, client: Client | None) -> _Read:
    try:
        found = fail2ban_logs.discover(client, config=str(root / "etc/fail2ban"))
    except (Fail2banError, OSError, subprocess.SubprocessError) as error:
        return _Read(trouble=str(error))
    read = _Read(names=tuple(jail.jail for jail in found))
    for jail in found:
        for path in jail.paths:
            read.jails.setdefault(path, []).append(jail.jail)
        if not jail.paths:
            read.units |= dict.fromkeys(journal.units(jail.journalmatch))
    return read


def _log(path: str, jails: Iterable[str]) -> Log:
    parts = len(rotation.parts_of(path)) - 1
    try:
        lines = _tail(path)
    except OSError as error:
        return Log(path, tuple(jails), parts=parts, problem=f"cannot be read: {error.strerror}")
    fmt = formats.guess(lines[-200:], path)
    if fmt is None:
        why = EMPTY if not lines else "no format of ours fits"
        return Log(path, tuple(jails), lines=len(lines), parts=parts, problem=why)
    numbers = pl.int_range(1, len(lines) + 1, dtype=pl.UInt32, eager=True)
    frame = pl.DataFrame({"raw": pl.Series(lines, dtype=pl.String), "line": numbers})
    parsed = fmt.parse(frame, source=path, clock=formats.Clock(ZoneInfo("UTC")))
    edges = through_edges(path) if fmt.service == "web" else 0.0
    return Log(path, tuple(jails), fmt.service, len(lines), parsed.understood, edges, parts)


def _tail(path: str) -> list[str]:
    """The last whole lines of a log that are not blank."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        lines = file.read(_TAIL).decode("utf-8", "replace").split("\n")
    return [line for line in (lines[1:] if size > _TAIL else lines) if line.strip()]
