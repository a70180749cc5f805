"""`fail2ban-ai explain`: why an address or a campaign was found."""

import ipaddress
import json

import click
from rich.console import Console

from fail2ban_ai import config, state
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports import text
from fail2ban_ai.reports.digest import shown, worst_first
from fail2ban_ai.reports.schema import Campaign


@click.command("explain")
@click.argument("what", metavar="ADDRESS|CAMPAIGN")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, what: str, as_json: bool) -> None:
    """Say why an ADDRESS or a CAMPAIGN was found: its reasons, why fail2ban missed it, what to do, its lines.

    \b
    Example:
        fail2ban-ai explain 192.0.2.7
    """
    with owner_of(state.path().parent):
        kept = state.State()
        wanted = kept.current(what)
        found = [c for c in kept.campaigns() if c.id == wanted or _concerns(c, what)]
    if as_json:
        click.echo(json.dumps([json.loads(c.model_dump_json(by_alias=True)) for c in found], indent=2))
    elif found:
        console, mode, about = Console(soft_wrap=True, highlight=False), config.load().mode, actor_of(what)
        for campaign in worst_first(found):
            text.show_campaign(campaign, console, mode, about)
    else:
        click.echo(
            f"Nothing was found about {shown(what)} in the configured logs; `fail2ban-ai campaigns` lists findings."
        )
    ctx.exit(0 if found else 1)


def _concerns(campaign: Campaign, what: str) -> bool:
    actor = actor_of(what)
    if actor is None:
        return False
    if any(one.address == actor for one in campaign.actors):
        return True
    mine = ipaddress.ip_network(actor)
    nets = [ipaddress.ip_network(n.cidr) for n in campaign.networks]
    return any(mine.version == net.version and mine.overlaps(net) for net in nets)
