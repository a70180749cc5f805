"""Checks: is fail2ban there, and may we ask it?"""

import os
from collections.abc import Iterator

from fail2ban_ai import decisions
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result, not_checked
from fail2ban_ai.errors import Fail2banAbsent


def server_answers(host: Host) -> Iterator[Result]:
    """fail2ban is installed, runs and answers."""
    trouble = host.trouble
    if trouble is None:
        return
    if isinstance(trouble, Fail2banAbsent):
        yield Result("server-answers", "error", str(trouble), "Install it: apt-get install fail2ban.")
    elif os.geteuid() != 0:
        yield Result("server-answers", "warning", "fail2ban's socket is open to root only.", "Run doctor as root.")
    else:
        advice = "systemctl status fail2ban, and the last lines of /var/log/fail2ban.log, say why."
        yield Result("server-answers", "error", str(trouble), advice)


def garbage_bans(host: Host) -> Iterator[Result]:
    """Every ban listed is an address or a network."""
    if host.running is None:
        yield not_checked("garbage-bans")
        return
    for jail in host.running:
        for banned in host.banned(jail):
            if decisions.target_of(banned) is None:
                yield Result(
                    "garbage-bans",
                    "error",
                    f"Jail {jail} lists {banned!r} as banned, which is no address: fail2ban takes any text.",
                    f"fail2ban-client set {jail} unbanip with that text; until then `unban --all` may leave blocks.",
                )


def actions_run(host: Host) -> Iterator[Result]:
    """Every running jail has the actions that its configuration names."""
    for jail in host.running or ():
        wanted = dict.fromkeys(host.jails[jail].actions if jail in host.jails else ())
        told = host.client.get(jail, "actions")
        has = told.rpartition("\n")[2].replace(" ", "").split(",")  # below a line of words, where there are any
        missing = [name for name in wanted if name not in has]
        if missing:
            yield Result(
                "actions-run",
                "warning" if len(missing) < len(wanted) else "error",
                f"Jail {jail} runs without {', '.join(missing)}, which its configuration names.",
                f"fail2ban-client restart {jail}: a reload drops actions that are new in it. Its bans stay.",
            )


CHECKS = (server_answers, garbage_bans, actions_run)
