"""Sets a host up, switches its mode, and takes everything away again. Nothing here bans anybody."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fail2ban_ai import config, paths
from fail2ban_ai.config_delivery import needs_network
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.enforce import trial
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.installer import Installer
from fail2ban_ai.rules import decide, store
from fail2ban_ai.rules import install as rules
from fail2ban_ai.rules.site import Site
from fail2ban_ai.setup import account, record, settings, units

if TYPE_CHECKING:
    from fail2ban_ai.setup.look import Look

HISTORY = "35d"  # what the baselines of a host remember
_STATE = ("var/lib/fail2ban-ai", "var/lib/fail2ban-ai-root")
_ROTATION = "etc/logrotate.d/fail2ban-ai"


@dataclass(slots=True)
class Done:
    """What setup did: files written and left as they were, and sentences about what did not work."""

    jails_run: bool = False
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


def install(installer: Installer, look: "Look", *, run: str | None, start: bool) -> Done:
    """Set the host up, or bring it up to date; an admin's files and values stay.

    `run`: a key of units.RUNS; None: watch on a new host, else what is switched on stays so.

    Raises ConfigError before anything is written, Fail2banError when the jails could not be installed.
    """
    command = units.program()
    configured = config.load()  # what cannot be read is not built upon
    mode = enforcer_settings.load().mode
    before = record.exists()
    done = Done(installer.install())
    kept = record.load()
    try:
        _folders(kept, done)
        network = needs_network(configured.notify, configured.siem) or configured.model.runtime == "remote"
        files = units.contents(command, [log.path for log in look.logs], gpu=look.gpu, network=network)
        if (paths.root() / _ROTATION).parent.is_dir():
            files[paths.root() / _ROTATION] = (units.folder().parent / "logrotate.d/fail2ban-ai").read_text()
        if not paths.config().exists():
            files[paths.config()] = settings.text([log.path for log in look.unread])
        for path, text in files.items():
            (done.written if kept.write(path, text) else done.kept).append(str(path))
        for name in [name for name in kept.files if Path(name).parent.parent == paths.units()]:
            if Path(name) not in files:  # a drop-in for what is no longer here
                kept.forget(Path(name))
        paths.replace(paths.settings(), enforcer_settings.with_mode(mode))
    finally:
        kept.save()
    if run is None and before:
        done.trouble += units.refresh()
    else:
        done.trouble += units.switch(units.switched_on(run or "watch"), start=start)
    return done


def enforce(installer: Installer) -> trial.Trial:
    """Have bans carried out from now on, on trial unless an admin confirmed that before.

    Raises ConfigError before the host is set up, Fail2banError when the jails do not take the trial's bantime.
    """
    if not record.exists():
        raise ConfigError("fail2ban-ai is not set up here yet: run `fail2ban-ai setup`, and watch it for some days.")
    enforcer_settings.load()
    began = trial.begin(installer.config, installer.client)  # first: no ban may be longer than it
    paths.replace(paths.settings(), enforcer_settings.with_mode("enforce"))
    return began


def observe() -> None:
    """Carry nothing out from now on; a trial that is open is over, and the next begins anew."""
    if not record.exists():
        raise ConfigError("fail2ban-ai is not set up here yet: run `fail2ban-ai setup`.")
    paths.replace(paths.settings(), enforcer_settings.with_mode("observe"))
    known = trial.state()
    if known is not None and known.open:
        paths.trial().unlink()  # its drop-in stays: bans that stand end within ten minutes


def remove(installer: Installer, *, purge: bool) -> list[str]:
    """Stop everything and delete all that setup made; with `purge` what was found and decided, too.

    Returns what was kept, with the reason. Raises ConfigError while the admin's overrides of our jails are there, or a
    rule's file was changed by hand.
    """
    _retire_rules(Site(installer.config, installer.client))
    kept = [f"{name}: changed by hand" for name in installer.remove()]
    kept += units.switch((), start=False)
    known = record.load()
    for path in (paths.settings(), paths.root() / units.METRICS / "fail2ban-ai.prom"):
        path.unlink(missing_ok=True)
    if known.user:
        kept += [trouble] if (trouble := account.remove()) else []
    kept += [f"{name}: changed by hand" for name in known.remove(purge=purge)]
    for part in _STATE:
        folder = paths.root() / part
        if purge:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.is_dir() and any(folder.iterdir()):
            account.give(folder, 0, 0)  # the user's number may be another's tomorrow
            kept.append(f"{folder}: what was found and decided; --purge deletes it")
    for part in ("etc/fail2ban-ai", *_STATE):
        folder = paths.root() / part
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    units.reload()
    return kept


def _retire_rules(site: Site) -> None:
    """Take installed rules out: without our actions fail2ban would not start with them."""
    if not rules.installed():
        return
    with store.locked():
        rules.recover(site)
        for name in rules.installed():
            decide.retire(site, name, "fail2ban-ai was removed")


def read_history() -> bool:
    """Read the logs of the last weeks, rotated parts included, as the watcher's user; findings are kept, nobody banned.

    Whether that worked. Progress, and why it did not, goes to stderr.
    """
    own = [str(Path(sys.executable).with_name("fail2ban-ai"))]
    user = ["runuser", "-u", account.NAME, "--"] if paths.root() == Path("/") else []
    words = [*user, *own, "analyze", "--last", HISTORY]
    return subprocess.run(words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _folders(known: record.Record, done: Done) -> None:
    for part in ("etc/fail2ban-ai/ranges.d", *_STATE):
        known.folder(paths.root() / part)
    made, trouble = account.make()
    known.user = known.user or made
    done.trouble += [trouble] if trouble else []
    ids = account.ids()
    mine = paths.root() / _STATE[0]
    if ids is not None and mine.stat().st_uid != ids.user:
        account.give(mine, ids.user, ids.readers)
    mine.chmod(0o2750)  # what is made in it belongs to the readers' group, too
