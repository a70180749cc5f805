"""`fail2ban-ai ban`: asks for a ban. The gate and the enforcer decide, for an admin as for anybody."""

import json
import time

import click

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import Fail2banAIError, TargetError
from fail2ban_ai.facts import host as facts_host
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.gate import Gate, Refusal


@click.command("ban")
@click.argument("target")
@click.option("--reason", default="an admin asked", show_default=True, help="Shown wherever the ban is shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision and the gate's view as JSON.")
def command(target: str, reason: str, as_json: bool) -> None:
    """Ask for a ban of TARGET, an address or a network (/24 to /28; /48, /56, /64).

    This only appends a decision: `fail2ban-ai enforce` judges it and carries it out. What the gate says now is shown at
    once; what it refuses for good is not asked for, and the exit status is 1.

    \b
    Example:
        fail2ban-ai ban 192.0.2.7
    """
    now = time.time()
    try:
        decision = decisions.make(target, at=now, reason=reason, requested_by="admin", severity="critical")
        refusal = _preview(decision, now)
    except TargetError as error:
        decision, refusal = None, Refusal("not-an-address", f"{error}.")
    asked = decision is not None and (refusal is None or refusal.temporary)
    if decision is not None and asked:
        _append(decision)
    if as_json:
        view = (
            None if refusal is None else {"code": refusal.code, "reason": refusal.sentence, "later": refusal.temporary}
        )
        shown = {
            "asked": asked,
            "id": decision.id if decision else None,
            "target": decision.target if decision else None,
        }
        click.echo(json.dumps({**shown, "refusal": view}, indent=2))
    else:
        _print(decision, refusal, asked)
    if not asked:
        raise SystemExit(1)


def _preview(decision: decisions.Decision, now: float) -> Refusal | None:
    return Gate(enforcer_settings.load().gate, facts_host.gather(Client())).check(decision, now)


def _append(decision: decisions.Decision) -> None:
    try:
        decisions_log.append(paths.decisions(), decisions.to_line(decision))
    except OSError as error:
        raise Fail2banAIError(f"{paths.decisions()} cannot be written: {error.strerror or error}.") from error


def _print(decision: decisions.Decision | None, refusal: Refusal | None, asked: bool) -> None:
    if decision is None or not asked:
        click.echo(f"Refused, nothing was asked for ({refusal}).")
        return
    click.echo(f"Asked for a ban of {decision.target} [{decision.id}]; `fail2ban-ai enforce` judges it.")
    if refusal is None:
        click.echo("As of now the gate would let it pass.")
    else:
        click.echo(f"As of now the gate would refuse it ({refusal}), and judge again later.")
