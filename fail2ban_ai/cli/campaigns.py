"""`fail2ban-ai campaigns`: what was found so far."""

import json

import click
from rich.console import Console
from rich.table import Table

from fail2ban_ai import config, state
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports import text
from fail2ban_ai.reports.digest import name_of, plain
from fail2ban_ai.reports.schema import Campaign

NARROW = 84  # characters that the table takes without the targets
WIDE = 140  # characters of a line where there is no terminal


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
        _show(found, config.load().mode)
    else:
        click.echo("No campaign was found yet; `fail2ban-ai status` says which logs are read.")
    ctx.exit(0 if found else 1)


def _show(found: list[Campaign], mode: str) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    wide = console.width >= NARROW + 20
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "severity", "kind", "last seen (UTC)"):
        table.add_column(heading, no_wrap=True)
    table.add_column("to ban" if mode == "enforce" else "would ban", justify="right", no_wrap=True)
    if wide:
        table.add_column("targets", no_wrap=True)
    for campaign in found:
        banned = sum(actor.decision == "ban" for actor in campaign.actors)
        table.add_row(
            campaign.id,
            f"[{text.COLOURS[campaign.severity]}]{campaign.severity}[/]",
            name_of(campaign.kind),
            f"{campaign.last_seen:%Y-%m-%d %H:%M}",
            f"{banned:,} of {len(campaign.actors):,}",
            *([text.visible(plain(", ".join(campaign.targets[:3]), console.width - NARROW))] if wide else []),
        )
    console.print(table)
    console.print("\nWhy, with the lines: fail2ban-ai explain ID")
