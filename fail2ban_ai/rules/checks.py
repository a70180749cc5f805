"""What is looked at before and after a rule's jail runs: the host's facts, fail2ban's own reading of it, the server."""

import re
import shlex
import time
from collections.abc import Iterable
from pathlib import Path

from fail2ban_ai import paths, visitors
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.errors import ConfigError, Fail2banError, RuleError
from fail2ban_ai.fail2ban import code, ignorecommand, logs
from fail2ban_ai.rules import jailfile, matching
from fail2ban_ai.rules.filter_file import FilterFile
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.suggestion import Suggestion

_BANS_READ = "2026-01-01 00:00:00,000 fail2ban.actions        [1]: NOTICE  [{name}] Ban 192.0.2.1"


def jail_text(site: Site, rule: Suggestion, parsed: FilterFile, *, shadow: bool) -> str:
    """The jail's file, every key of it looked at against this host.

    Raises:
        RuleError: a key is not to be had here.
        ConfigError: the actions are not installed, or the gate could not be asked whom to spare.
    """
    action = site.config / "action.d" / f"{jailfile.SHADOW if shadow else jailfile.LIVE}.conf"
    if not action.is_file():
        raise ConfigError(f"{action} is not there: run `fail2ban-ai setup` first.")
    others = [jail for jail in logs.from_configuration(str(site.config)) if jail.jail != rule.name]
    if shadow:
        _refuse_recidive(site, others, rule.name)
    jailfile.check(rule.jail, jailfile.known(others, site.sources))
    if parsed.journalmatch and rule.jail.backend == "systemd" and parsed.journalmatch != rule.jail.journalmatch:
        raise RuleError("filter.conf: journalmatch: expected that of the jail")
    nobody = visitors.known(time.time())
    if nobody:
        raise ConfigError(f"The gate would spare everybody that a rule matches: {nobody}.")
    return jailfile.render(rule.jail, shadow=shadow, record=paths.shadow(), spares=_spares(site, rule))


def _spares(site: Site, rule: Suggestion) -> str:
    try:
        return ignorecommand.text(site.program(), paths.root(), rule.jail.service, site.client.options)
    except ValueError as error:
        raise ConfigError(f"fail2ban could not be told how to ask the gate: {error}.") from error


def _refuse_recidive(site: Site, jails: Iterable[logs.JailSource], name: str) -> None:
    """A jail that counts the bans in fail2ban's own log would make real bans of those that are only recorded."""
    line = _BANS_READ.format(name=name)
    for jail in jails:
        counts = [regex for regex in jail.failregex if r"\s+Ban\s+" in regex]
        if counts and not any(_finds(regex, line) for regex in jail.ignoreregex):
            raise RuleError(
                f"jail {jail.jail} counts every ban that fail2ban logs, so a rule in state shadow could have somebody"
                rf" banned there; put `ignoreregex = \[ai-[a-z0-9-]+\]` into filter.d/{jail.jail}.local and reload it"
            )


def _finds(regex: str, line: str) -> bool:
    try:
        return re.search(re.sub(r"<[A-Z]+>", r"\\S+", regex), line) is not None
    except re.error:
        return False


def as_fail2ban_reads(copy: Path, rule: Suggestion, *, shadow: bool) -> tuple[str, ...]:
    """The regexes of the rule's jail as fail2ban's own readers make them of a `copy` of the configuration.

    Raises:
        RuleError: fail2ban does not read what we wrote: another log, another action, none at all.
    """
    with code.Child({"do": "jails", "config": str(copy)}) as child:
        answer = child.receive()
    commands = answer["commands"] if answer else None
    if not isinstance(commands, list):
        raise Fail2banError("fail2ban's readers gave no jails.")
    mine = [command for command in commands if len(command) > 1 and command[1] == rule.name]
    found = {jail.jail: jail for jail in logs.from_commands(mine)}.get(rule.name)
    if found is None:
        raise RuleError("fail2ban does not read the jail that was written; nothing was installed")
    regexes = matching.regexes(copy, rule.name, backend=rule.jail.backend)
    if not ignorecommand.is_ours(found.ignorecommand) and not _overridden(copy, rule.name, "ignorecommand"):
        raise RuleError("fail2ban does not read how to ask the gate; nothing was installed")
    if _overridden(copy, rule.name):
        return regexes
    actions = {str(command[3]) for command in mine if command[2:3] == ["addaction"] and command[0] == "set"}
    wanted = (
        found.backend == rule.jail.backend
        and found.paths == (rule.jail.logpaths if rule.jail.backend == "polling" else ())
        and shlex.split(" ".join(found.journalmatch)) == shlex.split(rule.jail.journalmatch)
        and actions == {jailfile.SHADOW if shadow else jailfile.LIVE}
        and not any(command[2:3] == ["addaction"] and len(command) > 4 for command in mine)  # a Python action
    )
    if not wanted or not regexes:
        raise RuleError("fail2ban reads something else than was written; nothing was installed")
    return regexes


def _overridden(config: Path, name: str, key: str = "") -> bool:
    """Whether the admin has values of their own for this jail, or for one key of it: theirs to choose."""
    options = (option for option in Host(config).options if option.file.suffix == ".local" and option.section == name)
    return any(key in ("", option.name) for option in options)


def runs(site: Site, rule: Suggestion, regexes: tuple[str, ...], *, shadow: bool) -> None:
    """Raise Fail2banError unless the server runs the rule's jail with these regexes, these logs and its action."""
    found = logs.running(site.client, rule.name)
    if found.failregex != regexes:
        raise Fail2banError(f"fail2ban runs {rule.name} with other regexes than were written.")
    if rule.jail.backend == "polling" and set(found.paths) != set(rule.jail.logpaths):
        raise Fail2banError(f"fail2ban runs {rule.name} on other logs than were written.")
    if not ignorecommand.is_ours(found.ignorecommand) and not _overridden(site.config, rule.name, "ignorecommand"):
        raise Fail2banError(f"fail2ban runs {rule.name} without asking the gate.")
    action = jailfile.SHADOW if shadow else jailfile.LIVE
    if action not in site.client.get(rule.name, "actions") and not _overridden(site.config, rule.name):
        raise Fail2banError(f"fail2ban runs {rule.name} without its action {action}.")
