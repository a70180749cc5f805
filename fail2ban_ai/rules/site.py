"""Where rules are installed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.transaction import Transaction
from fail2ban_ai.setup import units


@dataclass(frozen=True, slots=True)
class Site:
    """fail2ban's folder, the server that reads it, and the sources that our settings name."""

    config: Path = Path("/etc/fail2ban")
    client: Client = field(default_factory=Client)
    sources: tuple[str, ...] = ()
    program: Callable[[], Path] = units.program  # what fail2ban runs to ask the gate; ConfigError where root must not

    @property
    def transaction(self) -> Transaction:
        """Changes to it."""
        return Transaction(self.config, self.client)
