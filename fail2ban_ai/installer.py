"""Puts the AI jails into fail2ban's configuration and takes them out again, without touching any other jail.

The new configuration is tried on a copy first, then carried out as one transaction (fail2ban/transaction.py) that names
our own jails. Files that are there already and not ours are never written.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.doctor import filters
from fail2ban_ai.doctor.ai_jails import ai_jails_read_nothing
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.enforce import trial
from fail2ban_ai.errors import ConfigError, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.transaction import Change, Transaction, copy_with

# Written last: the files before it change nothing by themselves. It sorts before jail.d/fail2ban-ai.local, the admin's.
ENABLING = "jail.d/fail2ban-ai-enabled.local"
FEED = "fail2ban-ai"  # the drop-in action
OVERRIDES = "jail.d/fail2ban-ai.local"
_ENABLED = f"# Written by `fail2ban-ai setup`; `fail2ban-ai setup --remove` deletes it. Your own values: {OVERRIDES}\n"


@dataclass(frozen=True, slots=True)
class Installer:
    """`config` is fail2ban's configuration folder."""

    config: Path
    client: Client = field(default_factory=Client)

    def install(self) -> bool:
        """Install and start the AI jails; returns whether they run (fail2ban may be down: then they start with it).

        Raises ConfigError before anything is written, Fail2banError after everything was undone.
        """
        wanted = _contents()
        self._refuse_foreign(wanted)
        self._try_on_a_copy(wanted)
        try:
            runs = self._transaction.carry_out(Change(wanted, load=jails.JAILS))
        except Fail2banError as error:
            raise Fail2banError(f"The AI jails were taken out again: {error}") from error
        paths.replace(_manifest(), json.dumps({name: _hash(text) for name, text in wanted.items()}, indent=2) + "\n")
        return runs

    def remove(self) -> list[str]:
        """Stop the AI jails, which lifts their bans, and delete our files; returns those kept since they were changed.

        Raises ConfigError while the admin's own overrides are there, which would be half a jail without our files, and
        while another jail uses our action, without which it would not start.
        """
        users = [jail.name for jail in Host(self.config, self.client).jails.values() if FEED in jail.actions]
        if users:
            raise ConfigError(f"{', '.join(users)} use the action {FEED}: take it out of their `action` first.")
        if (self.config / OVERRIDES).exists():
            raise ConfigError(f"{self.config / OVERRIDES} is yours and needs our files: delete it first.")
        known = _installed()
        # The enabling file goes first, the others mean nothing without it.
        names = [ENABLING, *(name for name in known if name != ENABLING)]
        there = {name: text for name, text in self._transaction.contents(names).items() if text is not None}
        ours = {name: None for name, text in there.items() if _hash(text) == known.get(name)}
        try:
            self._transaction.carry_out(Change(ours, stop=jails.JAILS))
        except Fail2banError as error:
            raise Fail2banError(f"The AI jails were left as they were: {error}") from error
        trial.withdraw(self.config)
        _manifest().unlink(missing_ok=True)
        paths.trial().unlink(missing_ok=True)
        return [str(self.config / name) for name in there if name not in ours]

    @property
    def _transaction(self) -> Transaction:
        return Transaction(self.config, self.client)

    def _refuse_foreign(self, wanted: Mapping[str, str]) -> None:
        known = _installed()
        for name, text in wanted.items():
            path = self.config / name
            if path.exists() and _hash(path.read_text()) not in (_hash(text), known.get(name)):
                raise ConfigError(f"{path} is there already and not as we installed it; move it away first.")

    def _try_on_a_copy(self, wanted: Mapping[str, str]) -> None:
        """Have fail2ban's own code read the configuration with our files in it."""
        now = Host(self.config, self.client)
        if not now.jails and any("Failed during configuration" in each for each in now.complaints):
            raise ConfigError(f"fail2ban cannot read its configuration even without us: {now.complaints[0][:300]}")
        with copy_with(self.config, wanted) as copy:
            then = Host(copy, self.client)
            lost = (now.jails.keys() | set(jails.JAILS)) - then.jails.keys()
            if lost:
                why = then.complaints[0][:300] if then.complaints else "no reason given"
                raise ConfigError(f"fail2ban would not start {', '.join(sorted(lost))} with our files: {why}")
            ours = [*filters.filters_compile(then), *ai_jails_read_nothing(then)]
            bad = [each for each in ours if any(f"Jail {jail}" in each.sentence for jail in jails.JAILS)]
            if bad:
                raise ConfigError(f"{bad[0].sentence} {bad[0].advice}")


def _contents() -> dict[str, str]:
    wanted = {name: source.read_text() for name, source in jails.shipped().items()}
    wanted[ENABLING] = _ENABLED + "".join(f"\n[{jail}]\nenabled = true\n" for jail in jails.JAILS)
    return wanted


def _manifest() -> Path:
    return paths.settings().with_name("installed.json")


def _installed() -> dict[str, str]:
    """Our files as we wrote them: name -> SHA-256."""
    text = paths.read_trusted(_manifest())
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise ConfigError(f"{_manifest()} is not JSON: {error}") from error
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
