"""Checks: does the firewall do what fail2ban lists?"""

from collections.abc import Iterator

from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result, not_checked
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.effective import effective


def bans_are_blocked(host: Host) -> Iterator[Result]:
    """What the AI jails list as banned is in the firewall, and nothing else."""
    if host.running is None:
        yield not_checked("bans-are-blocked")
        return
    for name in jails.JAILS:
        if name not in host.running:
            continue
        try:
            effect = effective(host.client, host.nft, name)
        except Fail2banError:
            continue
        if effect is None:
            yield Result("bans-are-blocked", "info", "nft cannot be asked, so bans were not compared.", "Run as root.")
            return
        if effect.unblocked:
            yield Result(
                "bans-are-blocked",
                "error",
                f"Jail {name}: {len(effect.unblocked)} of {len(effect.listed)} bans are listed but not blocked "
                f"({', '.join(sorted(effect.unblocked)[:3])}): something flushed or changed the firewall.",
                "fail2ban-ai enforce --repair",
            )
        if effect.left:
            advice = f"fail2ban-client restart {name}"
            some = ", ".join(sorted(effect.left)[:3])
            yield Result("bans-are-blocked", "error", f"Jail {name} blocks what it does not list: {some}.", advice)


def networks_in_stock_jails(host: Host) -> Iterator[Result]:
    """No jail with a stock nftables action lists a network, which that action cannot block before fail2ban 1.1.1."""
    if host.running is None:
        yield not_checked("networks-in-stock-jails")
        return
    for name, jail in host.jails.items():
        if name in jails.JAILS or not any(action.startswith("nftables") for action in jail.actions):
            continue
        if name not in host.running:
            continue
        networks = [banned for banned in host.banned(name) if "/" in banned]
        rules = host.nft.ruleset() if networks else None
        missing = [network for network in networks if rules is not None and network not in rules]
        if missing:
            yield Result(
                "networks-in-stock-jails",
                "error",
                f"Jail {name} lists {missing[0]} as banned, yet its nftables action has no rule for it.",
                f"Ban networks in {jails.NETWORKS}; lift this one: fail2ban-client set {name} unbanip {missing[0]}",
            )


CHECKS = (bans_are_blocked, networks_in_stock_jails)
