"""What a simulation yields: log lines in time order, and the truth about every address in them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Progress = Callable[[float], None]
"""Told the share of the work that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One address of a world and what it was there for. Times are seconds since the epoch, UTC."""

    address: str
    label: str  # "hostile" | "benign"
    kind: str | None  # of findings.CAMPAIGN_KINDS, None when benign
    campaign: str | None  # id shared by the addresses of one attacker, None when benign
    role: str  # the name of the part it played, see simulator.cast.ROLES
    first: float
    last: float
    must: str  # "ban", "spare", or "report" (an anomaly to name, where a ban is nobody's mistake)


@dataclass(slots=True)
class World:
    """Lines by file name (paths below /var/log, such as "nginx/access.log") and the truth, by address."""

    lines: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    truth: list[Actor] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0

    def write(self, folder: Path) -> list[Path]:
        """Write each file below `folder`, its modification time that of its last line; returns the paths, sorted."""
        paths = []
        for name, lines in sorted(self.lines.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes("".join(f"{line}\n" for _, line in lines).encode())
            last = int(lines[-1][0]) + 1 if lines else int(self.end)
            os.utime(path, (last, last))
            paths.append(path)
        return paths


@dataclass(frozen=True, slots=True)
class Part:
    """A role in a scenario: who plays (cast.ROLES), when (None: the whole span), with which settings of the role."""

    role: str
    window: tuple[float, float] | None = None
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate. A part's lines depend on the seed and on that part alone, so adding an attack at the end of
    the cast changes no line of the parts before it."""

    name: str
    start: float
    days: float
    site: str | None  # of layouts.KINDS, None: drawn
    cast: tuple[Part, ...]
    server: str = "nginx"  # "nginx" | "apache" | "apache_vhost"
    stamps: str = "iso"  # time stamps of syslog lines: "iso" (RFC 3339) | "bsd" (Jan  2 03:04:05)
    ssh: str = "password"  # what sshd offers: "password" | "keys" | "pam" (keyboard-interactive)
    zone: int = 0  # offset of the host's clock from UTC in minutes; 0 with "bsd" stamps, which name no zone
    year: int = 2026  # of the browsers' versions
    accounts: int = 12
    account: str | None = None  # an account that must exist, the first of the list
    busy: float = 9.0  # hour of day (UTC) at which the audience's day begins
