"""`fail2ban-ai allow`: the allow list (root). Adding an entry lifts the bans it forbids."""

import json
import time
from datetime import UTC, datetime

import click

from fail2ban_ai import decisions
from fail2ban_ai.decisions.lift import lift
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.rules import install


@click.group("allow")
def command() -> None:
    """Keep addresses and networks from ever being banned."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else facts_allow.duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@command.command("add")
@click.argument("target")
@click.option(
    "--for", "seconds", callback=_seconds, metavar="30d", help="For how long: m, h, d or w. Default: for ever."
)
@click.option("--note", default="", help="Why; shown in `allow list` and in refusals.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry and what was lifted as JSON.")
def add(target: str, seconds: float | None, note: str, as_json: bool) -> None:
    """Allow TARGET, an address or a network, and lift the bans of ours that overlap it.

    \b
    Example:
        fail2ban-ai allow add 198.51.100.0/24 --note office --for 30d
    """
    now = time.time()
    entry = facts_allow.add(target, now, None if seconds is None else now + seconds, note)
    lifted: list[str] = []
    trouble = None
    try:
        jails = install.jails_of_ours(Client())
        install.forget_answers(Client())
        lifted = lift(Client(), decisions.spelled(entry.network), "put on the allow list", jails)
    except Fail2banError as error:  # the entry stands all the same
        trouble = str(error)
    if as_json:
        click.echo(json.dumps({**facts_allow.to_json(entry), "lifted": lifted, "not_lifted": trouble}, indent=2))
        return
    click.echo(f"Allowed {decisions.spelled(entry.network)} {_until(entry.expires)}.")
    for one in lifted:
        click.echo(f"Lifted the ban of {one}.")
    if trouble:
        click.echo(f"Bans that stand now could not be lifted: {trouble}", err=True)


@command.command("remove")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def remove(target: str, as_json: bool) -> None:
    """Take the entry for exactly TARGET away. Exit status 1 when there is none.

    \b
    Example:
        fail2ban-ai allow remove 198.51.100.0/24
    """
    normal = decisions.normal(target)
    removed = facts_allow.remove(normal)
    if as_json:
        click.echo(json.dumps({"target": normal, "removed": removed}, indent=2))
    else:
        click.echo(f"Removed {normal}." if removed else f"{normal} is not on the allow list.")
    if not removed:
        raise SystemExit(1)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
def list_(as_json: bool) -> None:
    """Show the entries; those that have expired are marked and protect nobody.

    \b
    Example:
        fail2ban-ai allow list
    """
    entries = facts_allow.load()
    now = time.time()
    if as_json:
        click.echo(json.dumps([facts_allow.to_json(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        gone = " (expired)" if entry.expires is not None and entry.expires <= now else ""
        note = f"  {entry.note}" if entry.note else ""
        click.echo(f"{decisions.spelled(entry.network)}  {_until(entry.expires)}{gone}{note}")
    if not entries:
        click.echo("The allow list is empty.")


def _until(expires: float | None) -> str:
    return "for ever" if expires is None else f"until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC"
