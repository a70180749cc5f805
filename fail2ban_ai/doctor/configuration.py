"""Checks of the configuration files: what keeps fail2ban from starting, or silently changes what a file says."""

import re
from collections.abc import Iterator
from importlib import resources

from fail2ban_ai.doctor import child
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.fail2ban import jails

_PERCENT = re.compile(r"(?<!%)%(?:%%)*(?![%(])")
_BACKEND_LOGLESS = ("systemd",)


def configuration_loads(host: Host) -> Iterator[Result]:
    """fail2ban can read its configuration."""
    if host.absent:
        return
    for complaint in host.complaints:
        if "have not found any log file" in complaint.lower():
            continue  # jail-has-a-log says which
        skipped = "Unable to read the filter" in complaint or "Unable to read action" in complaint
        level = "error" if "Failed during configuration" in complaint or skipped else "warning"
        advice = "`fail2ban-client -d` shows it; a start or a full reload now would leave jails out, or all of them."
        yield Result("configuration-loads", level, f"fail2ban says: {complaint[:300]}", advice)


def default_action(host: Host) -> Iterator[Result]:
    """[DEFAULT] action does not refer to itself."""
    for option in host.options:
        if option.section == "DEFAULT" and option.name == "action" and "%(known/action)s" in option.value:
            yield Result(
                "default-action",
                "error",
                "[DEFAULT] action = %(known/action)s … refers to itself: fail2ban does not start with it.",
                "Write %(action_)s instead.",
                str(option.file),
                option.line,
            )


def percent_signs(host: Host) -> Iterator[Result]:
    """Every % in a value is doubled or begins %(name)s."""
    for option in host.options:
        if _PERCENT.search(option.value):
            yield Result(
                "percent-signs",
                "error",
                f"A single % stands in `{option.name}`: fail2ban reads none of the configuration with it.",
                "Write %% for a %.",
                str(option.file),
                option.line,
            )


def cut_regexes(host: Host) -> Iterator[Result]:
    """No regex is cut by " ;", which begins a comment."""
    for option in host.options:
        if not option.name.endswith(("failregex", "ignoreregex", "prefregex")):
            continue
        for line in option.value.splitlines():
            kept, found, _ = line.partition(" ;")
            # An inline comment after a whole expression is meant; one inside an expression leaves it unbalanced.
            if found and (not kept.rstrip().endswith("$") or _unbalanced(kept)):
                yield Result(
                    "cut-regexes",
                    "warning",
                    f"` ;` begins a comment, so this regex ends there: {kept[-60:]!r}",
                    r"Write \x3b for a semicolon after a blank; or end the regex with $ before the comment.",
                    str(option.file),
                    option.line,
                )


def _unbalanced(text: str) -> bool:
    plain = re.sub(r"\\.", "", text)
    return plain.count("(") != plain.count(")") or plain.count("[") != plain.count("]")


def jail_has_a_log(host: Host) -> Iterator[Result]:
    """Every enabled jail reads a log that is there."""
    for jail in host.jails.values():
        if jail.name in jails.JAILS or jail.backend.startswith(_BACKEND_LOGLESS) or jail.logpath:
            continue
        yield Result(
            "jail-has-a-log",
            "error",
            f"Jail {jail.name} has no log file (backend {jail.backend}): fail2ban does not start with it.",
            "Correct its logpath, set backend = systemd where the service logs to the journal, or disable the jail.",
        )


def python_actions(host: Host) -> Iterator[Result]:
    """Python actions import what the system's Python has."""
    paths = {path: jail.name for jail in host.jails.values() for path in jail.python_actions}
    if not paths:
        return
    code = resources.files("fail2ban_ai.doctor").joinpath("child_imports.py").read_text()
    for path, problem in child.ask(code, sorted(paths), python=child.system_python()).items():
        yield Result(
            "python-actions",
            "error",
            f"The action of jail {paths[path]} cannot be loaded: {problem}. A reload with it removes every jail.",
            "Install the module for the system's Python, or take the action out.",
            path,
        )


CHECKS = (configuration_loads, default_action, percent_signs, cut_regexes, jail_has_a_log, python_actions)
