"""What the gate is told about the host: plain data, and three questions it may ask. Standard library only.

`facts_host.gather` fills this on a real host; tests and `analyze` fill it by hand. The gate itself reads nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from fail2ban_ai.addresses import Network


class Resolver(Protocol):
    """Asks DNS. An empty answer says that there is no such name; None says that no answer came."""

    def reverse(self, address: str) -> list[str] | None:
        """The host names of an address."""

    def forward(self, name: str) -> list[str] | None:
        """The addresses of a host name."""


@dataclass(frozen=True, slots=True)
class Protected:
    """Addresses that are never banned, and where that is written: "eth0", "ignoreip of jail sshd", "edge.txt"."""

    network: Network
    source: str


@dataclass(frozen=True, slots=True)
class AllowEntry:
    """One entry of the allow list."""

    network: Network
    added: float
    expires: float | None  # seconds since the epoch; None: never
    note: str


@dataclass(frozen=True, slots=True)
class Banned:
    """One ban that the enforcer carried out, for the budgets."""

    at: float
    network: bool


@dataclass(slots=True)
class Facts:
    """The host as of now. The enforcer appends to `bans` as it bans."""

    own: tuple[Protected, ...] = ()  # own addresses, default gateways, name servers
    peers: tuple[Protected, ...] = ()  # other ends of authenticated SSH sessions
    ignoreip: tuple[Protected, ...] = ()  # of every jail, host names resolved
    ranges: tuple[Protected, ...] = ()  # published ranges of CDN edges and crawlers
    allow: tuple[AllowEntry, ...] = ()
    ignorecommand: Callable[[str], str | None] | None = None  # address -> the jail whose ignorecommand spares it
    resolver: Resolver | None = None
    bans: list[Banned] = field(default_factory=list)
    missing: tuple[str, ...] = ()  # what had to be known and could not be learnt: the gate then refuses everything
    problems: tuple[str, ...] = ()  # what was read past: sentences for the admin
