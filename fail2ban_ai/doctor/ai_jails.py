"""Checks of our own jails and of what touches them."""

from collections.abc import Iterator

from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.fail2ban import jails

_SETUP = "Run `fail2ban-ai setup`."


def ai_jails_run(host: Host) -> Iterator[Result]:
    """All AI jails are enabled and run."""
    if host.absent:
        return
    for name in jails.JAILS:
        if name not in host.jails:
            yield Result("ai-jails-run", "warning", f"Jail {name} is not installed or not enabled.", _SETUP)
        elif host.running is not None and name not in host.running:
            advice = f"fail2ban-client reload --if-exists {name}"
            yield Result("ai-jails-run", "error", f"Jail {name} is enabled but does not run.", advice)


def ai_jails_read_nothing(host: Host) -> Iterator[Result]:
    """The AI jails use the polling backend and read no log."""
    for name in host.ai_jails:
        jail = host.jails[name]
        if jail.backend != "polling":
            yield Result(
                "ai-jails-read-nothing",
                "error",
                f"Jail {name} has backend {jail.backend}: with systemd it reads the whole journal.",
                "Set backend = polling in jail.d/fail2ban-ai.local.",
            )
        if jail.logpath:
            advice = "Take logpath out; bans come through fail2ban-client."
            yield Result("ai-jails-read-nothing", "error", f"Jail {name} reads {', '.join(jail.logpath)}.", advice)


def recidive_counts_us(host: Host) -> Iterator[Result]:
    """The recidive jail does not make a week of one AI ban."""
    recidive = host.jails.get("recidive")
    if recidive is None or not host.ai_jails:
        return
    if not any("fail2ban-ai" in regex for regex in recidive.ignoreregex):
        yield Result(
            "recidive-counts-us",
            "warning",
            "Jail recidive counts bans of the AI jails: what we ban often, it bans once more, for longer.",
            r"If that is not wanted: ignoreregex = \[fail2ban-ai(?:-net|-limit)?\] in filter.d/recidive.local.",
        )


def ignoreip_is_ours_to_check(host: Host) -> Iterator[Result]:
    """No ignoreip entry that a ban by hand would slip past."""
    ignored = sorted({entry for jail in host.jails.values() for entry in jail.ignoreip})
    if ignored:
        yield Result(
            "ignoreip-is-ours-to-check",
            "info",
            f"fail2ban does not apply ignoreip to `set JAIL banip` ({len(ignored)} entries here).",
            "`fail2ban-ai ban` checks it; a ban by hand with fail2ban-client does not.",
        )


CHECKS = (ai_jails_run, ai_jails_read_nothing, recidive_counts_us, ignoreip_is_ours_to_check)
