"""`fail2ban-ai unban`: lifts bans of the AI jails, through fail2ban-client (root)."""

import json
import time

import click

from fail2ban_ai import decisions
from fail2ban_ai.decisions.lift import lift
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.rules import install


@click.command("unban")
@click.argument("target")
@click.option("--and-allow", is_flag=True, help="Put TARGET on the allow list first, so that it is not banned again.")
@click.option("--note", default="", help="With --and-allow: why, shown in `allow list` and in refusals.")
@click.option("--json", "as_json", is_flag=True, help="Print what was lifted as JSON.")
def command(target: str, and_allow: bool, note: str, as_json: bool) -> None:
    """Lift every ban of the AI jails and of installed rules that keeps an address of TARGET out.

    A banned network around it is lifted too.

    Exit status 1 when nothing was banned.

    \b
    Example:
        fail2ban-ai unban 192.0.2.7 --and-allow
    """
    normal = decisions.normal(target)
    if and_allow:  # first: between unban and allow it might be banned again
        facts_allow.add(normal, time.time(), note=note)
        install.forget_answers(Client())
    lifted = lift(Client(), normal, "an admin asked", install.jails_of_ours(Client()))
    if as_json:
        click.echo(json.dumps({"target": normal, "lifted": lifted, "allowed": and_allow}, indent=2))
    else:
        if and_allow:
            click.echo(f"Allowed {normal}: it is not banned again.")
        for one in lifted:
            click.echo(f"Lifted the ban of {one}.")
        if not lifted:
            click.echo(f"No ban of ours keeps {normal} out.")
    if not lifted and not and_allow:
        raise SystemExit(1)
