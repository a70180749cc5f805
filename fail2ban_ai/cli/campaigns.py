"""`fail2ban-ai campaigns`: what was found so far."""

import json

import click
from rich.console import Console
from rich.table import Table

from fail2ban_ai import state
from fail2ban_ai.lowered import owner_of


@click.command("campaigns")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the campaigns that runs on configured sources found, the one last seen first.

    \b
    Example:
        fail2ban-ai campaigns --json
    """
    with owner_of(state.path().parent):
        found = state.State().campaigns()
    if as_json:
        click.echo(json.dumps([json.loads(c.model_dump_json(by_alias=True)) for c in found], indent=2))
    elif found:
        table = Table(box=None, header_style="bold")
        for heading in ("id", "severity", "kind", "last seen (UTC)", "addresses", "banned"):
            table.add_column(heading)
        for campaign in found:
            banned = sum(a.decision == "ban" for a in campaign.actors)
            last = f"{campaign.last_seen:%Y-%m-%d %H:%M}"
            row = (campaign.id, campaign.severity, campaign.kind, last, str(len(campaign.actors)), str(banned))
            table.add_row(*row)
        Console(soft_wrap=True).print(table)
    else:
        click.echo("No campaign was found yet: run `fail2ban-ai analyze` on the configured logs.")
    ctx.exit(0 if found else 1)
