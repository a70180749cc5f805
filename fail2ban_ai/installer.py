"""Puts the AI jails into fail2ban's configuration and takes them out again, without touching any other jail.

A full reload with one bad jail removes every jail, and `fail2ban-client -t` does not notice (measured on 1.0.2). So the
new configuration is tried on a copy first, only our own jails are reloaded, the list of jails is compared before and
after, and whatever goes wrong is undone. Files that are there already and not ours are never written.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fail2ban_ai import paths, trial
from fail2ban_ai.doctor import filters
from fail2ban_ai.doctor.ai_jails import ai_jails_read_nothing
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.errors import ConfigError, Fail2banAbsent, Fail2banDown, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client

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
        before = self._running()
        old = {name: (self.config / name).read_text() for name in wanted if (self.config / name).is_file()}
        try:
            for name, text in wanted.items():
                paths.replace(self.config / name, text)
            if before is not None:
                for jail in jails.JAILS:
                    self.client.run("reload", "--if-exists", jail)
                self._verify(before | set(jails.JAILS))
        except (Fail2banError, OSError) as error:
            self._undo(wanted, old, before)
            raise Fail2banError(f"The AI jails were taken out again: {error}") from error
        paths.replace(_manifest(), json.dumps({name: _hash(text) for name, text in wanted.items()}, indent=2) + "\n")
        return before is not None

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
        before = self._running()
        for jail in before & set(jails.JAILS) if before is not None else ():
            self.client.run("stop", jail)
        trial.withdraw(self.config)
        kept = []
        known = _installed()
        # The enabling file goes first, the others mean nothing without it.
        for name in (ENABLING, *(name for name in known if name != ENABLING)):
            path = self.config / name
            if not path.is_file():
                continue
            if _hash(path.read_text()) == known.get(name):
                path.unlink()
            else:
                kept.append(str(path))
        if before is not None:
            self._verify(before - set(jails.JAILS))
        _manifest().unlink(missing_ok=True)
        paths.trial().unlink(missing_ok=True)
        return kept

    def _running(self) -> set[str] | None:
        try:
            return set(self.client.jails())
        except (Fail2banAbsent, Fail2banDown):
            return None

    def _verify(self, expected: set[str]) -> None:
        missing = expected - set(self.client.jails())
        if missing:
            raise Fail2banError(f"these jails do not run any more: {', '.join(sorted(missing))}.")

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
        with _copy(self.config) as copy:
            for name, text in wanted.items():
                (copy / name).write_text(text)
            then = Host(copy, self.client)
            lost = (now.jails.keys() | set(jails.JAILS)) - then.jails.keys()
            if lost:
                why = then.complaints[0][:300] if then.complaints else "no reason given"
                raise ConfigError(f"fail2ban would not start {', '.join(sorted(lost))} with our files: {why}")
            ours = [*filters.filters_compile(then), *ai_jails_read_nothing(then)]
            bad = [each for each in ours if any(f"Jail {jail}" in each.sentence for jail in jails.JAILS)]
            if bad:
                raise ConfigError(f"{bad[0].sentence} {bad[0].advice}")

    def _undo(self, wanted: dict[str, str], old: Mapping[str, str], before: set[str] | None) -> None:
        for name in reversed(wanted):
            if name in old:
                paths.replace(self.config / name, old[name])
            else:
                (self.config / name).unlink(missing_ok=True)
        for jail in set(jails.JAILS) - (before or set()):
            with contextlib.suppress(Fail2banError):  # it may never have started
                self.client.run("stop", jail)


def _contents() -> dict[str, str]:
    wanted = {name: source.read_text() for name, source in jails.shipped().items()}
    wanted[ENABLING] = _ENABLED + "".join(f"\n[{jail}]\nenabled = true\n" for jail in jails.JAILS)
    return wanted


@contextlib.contextmanager
def _copy(config: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="f2b-") as folder:
        copy = Path(folder) / "fail2ban"
        shutil.copytree(config, copy, ignore_dangling_symlinks=True)
        yield copy


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
