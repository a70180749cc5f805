"""Checks of what `setup` made: settings, user, folders, services, and whether the watcher keeps up."""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from fail2ban_ai import config, heartbeat, paths
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.enforce import breaker, trial
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.lowered import user
from fail2ban_ai.setup import account, record, units

_SETUP = "Run `fail2ban-ai setup` as root; it mends what it made."
_BEHIND = 60.0  # seconds from a line's writing to its verdict that are worth a word


def settings_are_right(host: Host) -> Iterator[Result]:
    """Our own settings can be read."""
    for load, path in ((config.load, paths.config()), (enforcer_settings.load, paths.settings())):
        try:
            load()
        except ConfigError as error:
            advice = "Correct it: nothing of ours starts with it."
            yield Result("settings-are-right", "error", str(error), advice, str(path))


def user_is_there(host: Host) -> Iterator[Result]:
    """The watcher has a user of its own, in the groups that may read logs."""
    if not record.exists():
        yield Result("user-is-there", "info", "fail2ban-ai is not set up on this host yet.", "Run `fail2ban-ai setup`.")
        return
    if account.ids() is None:
        yield Result("user-is-there", "error", f"There is no user {account.NAME}: the watcher cannot start.", _SETUP)
        return
    for group in account.GROUPS:
        found = account.entry("group", group)
        if found is not None and account.NAME not in found[3].split(","):
            yield Result(
                "user-is-there",
                "warning",
                f"The user {account.NAME} is not in the group {group}, so it may not read all logs.",
                f"usermod --append --groups {group} {account.NAME}, then restart fail2ban-ai-watch.",
            )


def folders_are_right(host: Host) -> Iterator[Result]:
    """The watcher writes its own folder and nothing of root's."""
    if not record.exists():
        return
    ids = account.ids()
    theirs, ours = paths.decisions().parent, (paths.settings().parent, paths.outcomes().parent)
    for folder in (theirs, *ours):
        if not folder.is_dir():
            yield Result("folders-are-right", "error", f"{folder} is gone.", _SETUP, str(folder))
    if ids is not None and theirs.is_dir() and theirs.stat().st_uid != ids.user:
        sentence = f"{theirs} does not belong to {account.NAME}, so the watcher cannot write what it finds."
        yield Result("folders-are-right", "error", sentence, f"chown -R {account.NAME}:adm {theirs}", str(theirs))
    for folder in ours:
        if folder.is_dir() and (folder.stat().st_uid != 0 or stat.S_IMODE(folder.stat().st_mode) & 0o022):
            sentence = (
                f"{folder} may be written by others than root: the enforcer trusts what is in it, and now refuses."
            )
            yield Result(
                "folders-are-right", "error", sentence, f"chown root {folder}; chmod go-w {folder}", str(folder)
            )


def watcher_reads_logs(host: Host) -> Iterator[Result]:
    """The watcher's user may read the logs."""
    if not record.exists() or account.ids() is None or os.geteuid() != 0 or paths.root() != Path("/"):
        return
    logs = [path for path in host.logs if Path(path).exists()]
    with user(account.NAME):
        closed = [path for path in logs if not os.access(path, os.R_OK, effective_ids=True)]
    for path in closed:
        yield Result(
            "watcher-reads-logs",
            "error",
            f"{path} may not be read by the user {account.NAME}.",
            "chgrp adm and chmod g+r it (and `create 640 … adm` in its logrotate file), or take it out of `sources`.",
            path,
        )


def services_run(host: Host) -> Iterator[Result]:
    """The services that are switched on run."""
    if not record.exists() or not units.running():
        return
    for run in dict.fromkeys(name for names in units.RUNS.values() for name in names):
        enabled, active = (_systemctl(word, run) for word in ("is-enabled", "is-active"))
        if enabled == "enabled" and active != "active":
            advice = f"journalctl -u {run} -n 20 says why; systemctl restart {run} starts it again."
            yield Result("services-run", "error", f"{run} is switched on but {active or 'not running'}.", advice)
    if all(_systemctl("is-enabled", names[0]) != "enabled" for names in units.RUNS.values()):
        advice = "systemctl enable --now fail2ban-ai-watch fail2ban-ai-enforce, or `fail2ban-ai setup --run watch`."
        yield Result("services-run", "warning", "Neither the watcher nor the timer is switched on.", advice)


def enforcing_is_settled(host: Host) -> Iterator[Result]:
    """Enforcing awaits no admin: no trial is open, no circuit breaker either."""
    try:
        known = trial.state()
    except ConfigError as error:
        yield Result("enforcing-is-settled", "error", str(error), "", str(paths.trial()))
        return
    if known is not None and known.open:
        left = max(0.0, known.ends - time.time()) / 3600
        yield Result(
            "enforcing-is-settled",
            "warning",
            f"Enforcing is on trial: bans last ten minutes, and in {left:.0f} hours it goes back to observe.",
            "`fail2ban-ai setup --confirm` keeps it; `fail2ban-ai setup --observe` ends it.",
        )
    elif known is not None and known.lapsed is not None and enforcer_settings.load().mode == "observe":
        advice = "`fail2ban-ai setup --enforce` begins another trial."
        yield Result("enforcing-is-settled", "info", "Nobody confirmed the last trial, so nobody is banned.", advice)
    open_ = breaker.tripped()
    if open_ is not None:
        advice = "Look at `fail2ban-ai status` and the bans; when they are right: `fail2ban-ai enforce --reset`."
        yield Result("enforcing-is-settled", "error", f"The circuit breaker is open: {open_.why}.", advice)


def watcher_keeps_up(host: Host) -> Iterator[Result]:
    """The watcher was heard of a moment ago and judges lines as they come."""
    beat = heartbeat.read()
    if isinstance(beat, str):
        if record.exists() and paths.heartbeat().exists():
            yield Result("watcher-keeps-up", "warning", beat, "Restart the watcher; it writes a new one.")
        return
    age = beat.age()
    if not -heartbeat.FRESH <= age <= heartbeat.FRESH:
        yield Result(
            "watcher-keeps-up",
            "warning",
            f"The watcher was last heard of {age:.0f} s ago.",
            "journalctl -u fail2ban-ai-watch -n 20 says why; it goes on where it stopped once it runs again.",
        )
    elif beat.degraded or beat.lag_seconds > _BEHIND:
        yield Result(
            "watcher-keeps-up",
            "warning",
            f"The watcher is {beat.lag_seconds:.0f} s behind"
            f"{', and the cheaper score judges' if beat.degraded else ''}: more lines arrive than it can judge.",
            "docs/tuning.md: leave out logs that say little, or let it have more of the processor (CPUWeight).",
        )


def _systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


WHEN_SET_UP = (folders_are_right, watcher_reads_logs, services_run, enforcing_is_settled, watcher_keeps_up)
CHECKS = (settings_are_right, user_is_there, *WHEN_SET_UP)
