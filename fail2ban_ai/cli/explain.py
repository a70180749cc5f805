"""`fail2ban-ai explain`: why an address or a campaign was found."""

import json
from datetime import UTC, datetime

import click
from rich.console import Console

from fail2ban_ai import config, paths, state
from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.errors import DecisionError
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports import text
from fail2ban_ai.reports.digest import shown, worst_first
from fail2ban_ai.reports.schema import Campaign

OUTCOMES = 5  # shown


@click.command("explain")
@click.argument("what", metavar="ADDRESS|CAMPAIGN")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, what: str, as_json: bool) -> None:
    """Say why an ADDRESS or a CAMPAIGN was found: its reasons, why fail2ban missed it, what to do, its lines,
    and what became of the decisions on an address.

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
    became = [] if as_json else _became(what)
    if became:
        click.echo("\nWhat `enforce` did:")
    for one in became:
        why = f": {clean(one.reason, 300)}" if one.reason else ""
        click.echo(f"  {datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC  {one.target} {one.result}{why}")
    ctx.exit(0 if found or became else 1)


def _became(what: str) -> list[Outcome]:
    """The newest outcomes of decisions on this address, or on a network with it."""
    actor = actor_of(what)
    if actor is None:
        return []
    try:
        known = decisions_log.read_all(paths.outcomes(), outcomes.from_line)
    except (OSError, DecisionError):  # `status` says so
        return []
    return [one for one in known if within(actor, one.target)][-OUTCOMES:]


def _concerns(campaign: Campaign, what: str) -> bool:
    actor = actor_of(what)
    if actor is None:
        return False
    if any(one.address == actor for one in campaign.actors):
        return True
    return any(within(actor, network.cidr) for network in campaign.networks)
