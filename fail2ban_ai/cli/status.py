"""`fail2ban-ai status`: what runs, what was found, what was decided."""

import json
from collections import Counter
from typing import Any

import click

from fail2ban_ai import config, decisions_log, decisions_outcomes, paths
from fail2ban_ai.errors import DecisionError, Fail2banAIError, ModelError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.model import weights
from fail2ban_ai.reports.text import visible
from fail2ban_ai.state import State


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(as_json: bool) -> None:
    """Show the mode, the model, fail2ban and its AI jails, and what was found and decided so far.

    \b
    Example:
        fail2ban-ai status
    """
    facts = _facts()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        click.echo(f"{name.replace('_', ' ') + ':':<14}{visible(shown) or 'none'}")


def _facts() -> dict[str, Any]:
    settings = config.load()
    state = State()
    run = state.last_run()
    return {
        "mode": settings.mode,
        "sensitivity": settings.sensitivity,
        "model": _model(),
        "fail2ban": _fail2ban(),
        "last_run": f"{run[0]}, {run[1]} lines" if run else "never",
        "campaigns": dict(Counter(c.severity for c in state.campaigns())),
        "decisions": dict(Counter(d.action for d in state.decisions())),
        "outcomes": _outcomes(),
    }


def _model() -> str:
    try:
        return f"weights {weights.load().sha256[:12]}, runtime onnx"
    except ModelError as error:
        return str(error)


def _fail2ban() -> dict[str, Any] | str:
    client = Client()
    try:
        running = client.jails()
        return {jail: f"{len(client.banned(jail))} banned" if jail in running else "absent" for jail in jails.JAILS}
    except Fail2banAIError as error:
        return str(error)


def _outcomes() -> dict[str, int] | str:
    try:
        known = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    except (OSError, DecisionError) as error:
        return f"cannot be read: {error}"
    return dict(Counter(outcome.result for outcome in known))
