"""The trial after enforcing is turned on: bans last ten minutes until an admin confirms, and none are made after a day.

    trial.begin(config, client)      # by setup, before the mode becomes enforce
    trial.confirm(config, client)    # by an admin: `fail2ban-ai setup --confirm`
    trial.state()                    # None: no trial was ever begun

The ten minutes stand in fail2ban's own configuration (DROP_IN, which sorts behind every other file of jail.d), so the
bans end even if everything of ours dies. A day without a confirmation and `enforce` goes back to observe. Standard
library only: the root process imports this.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.enforce import notices
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import ConfigError, Fail2banAbsent, Fail2banDown, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client

BANTIME = 600  # seconds
LASTS = 86400.0  # seconds until a trial that nobody confirms is over
DROP_IN = "jail.d/zzz-fail2ban-ai-trial.local"
_TEXT = (
    "# Written by fail2ban-ai when enforcing was turned on: bans last ten minutes until an admin says\n"
    "# `fail2ban-ai setup --confirm`, which deletes this file.\n"
) + "".join(f"\n[{jail}]\nbantime = {BANTIME}\nbantime.increment = false\n" for jail in jails.JAILS)


@dataclass(frozen=True, slots=True)
class Trial:
    """Times are seconds since the epoch."""

    began: float
    confirmed: float | None = None
    lapsed: float | None = None  # when enforce went back to observe

    @property
    def open(self) -> bool:
        """Whether an admin has still to confirm."""
        return self.confirmed is None and self.lapsed is None

    @property
    def ends(self) -> float:
        """When it is over, if nobody confirms."""
        return self.began + LASTS


def state() -> Trial | None:
    """The trial; None when none was begun. ConfigError when its file is not to be trusted or understood."""
    text = paths.read_trusted(paths.trial())
    if text is None:
        return None
    try:
        found = Trial(**json.loads(text))
        numbers = [found.began, *(at for at in (found.confirmed, found.lapsed) if at is not None)]
        if all(isinstance(at, int | float) and not isinstance(at, bool) for at in numbers):
            return found
    except (ValueError, TypeError):
        pass
    raise ConfigError(f"{paths.trial()} is not as fail2ban-ai wrote it; delete it and run `fail2ban-ai setup`.")


def begin(config: Path, client: Client, now: float | None = None) -> Trial:
    """Give the installed AI jails a bantime of ten minutes and start the day; `config` is fail2ban's folder.

    A trial that runs goes on, one that was confirmed is not repeated. With fail2ban down the bantime holds from its
    start. Raises Fail2banError, with the drop-in taken out again, when a jail does not take the bantime.
    """
    known = state()
    if known is not None and known.confirmed is not None:
        return known
    paths.replace(config / DROP_IN, _TEXT)
    try:
        for jail in _reload(client):
            found = client.get(jail, "bantime").strip()
            if found != str(BANTIME):
                raise Fail2banError(f"jail {jail} has a bantime of {found} s during the trial, not {BANTIME} s.")
    except Fail2banError:
        (config / DROP_IN).unlink(missing_ok=True)
        with suppress(Fail2banError):
            _reload(client)
        raise
    if known is not None and known.open:
        return known
    made = _write(Trial(time.time() if now is None else now))
    notices.say("trial", "Enforcing is on trial: bans last ten minutes until `fail2ban-ai setup --confirm`.", now)
    return made


def confirm(config: Path, client: Client, now: float | None = None) -> Trial:
    """Give the AI jails their own bantimes back, for the bans they hold too.

    ConfigError when there is nothing to confirm; Fail2banError when a jail cannot be loaded again: still on trial then.
    """
    known = state()
    if known is None or not known.open:
        when = "was confirmed already" if known is not None and known.confirmed else "is over or was never begun"
        raise ConfigError(f"There is nothing to confirm: the trial {when} (`fail2ban-ai setup --enforce` begins one).")
    withdraw(config)
    try:
        _reload(client)
    except Fail2banError:
        paths.replace(config / DROP_IN, _TEXT)
        raise
    at = time.time() if now is None else now
    made = _write(Trial(known.began, confirmed=at))
    notices.say("trial", "Enforcing was confirmed: the AI jails have their own bantimes.", at)
    return made


def lapse(now: float) -> bool:
    """Go back to observe if the day is over without a confirmation; whether that was just done."""
    known = state()
    if known is None or not known.open or now < known.ends:
        return False
    paths.replace(paths.settings(), enforcer_settings.with_mode("observe"))
    _write(Trial(known.began, lapsed=now))
    text = "Nobody confirmed enforcing within a day, so it is back to observe."
    notices.say("trial", f"{text} `fail2ban-ai setup --enforce` begins another trial.", now)
    return True


def withdraw(config: Path) -> None:
    """Delete the drop-in; a file that was changed by hand too, since its name is ours alone."""
    (config / DROP_IN).unlink(missing_ok=True)


def _reload(client: Client) -> list[str]:
    """Load the AI jails that run again; which those are."""
    try:
        running = [jail for jail in client.jails() if jail in jails.JAILS]
    except (Fail2banAbsent, Fail2banDown):
        return []
    for jail in running:
        client.run("reload", "--if-exists", jail)
    return running


def _write(trial: Trial) -> Trial:
    paths.replace(paths.trial(), json.dumps(asdict(trial)) + "\n")
    return trial
