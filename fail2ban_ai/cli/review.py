"""`fail2ban-ai review`: judges suggested rules, installs them into fail2ban, takes them out again (root)."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fail2ban_ai import config
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.rules import (
    decide,
    feedback,
    install,
    jailfile,
    listing,
    marks,
    matching,
    negatives,
    prove,
    show,
    states,
    store,
    suggestion,
)
from fail2ban_ai.rules.decide import Prover
from fail2ban_ai.rules.feedback import Feedback
from fail2ban_ai.rules.review_session import Session
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.suggestion import Step
from fail2ban_ai.sources import journal

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
_WHY = click.option("--why", default="", metavar="TEXT", help="Your reason; it is kept with the decision.")


def the_site() -> Site:
    """This host's fail2ban, with the logs that the settings name."""
    settings = config.load()
    return Site(sources=tuple(settings.sources or settings.also))


def prover(site: Site) -> Prover:
    """The proof of a folder of root's, on this host's own configuration and logs."""

    def proved(folder: Path) -> tuple[Step, ...]:
        return prove.prove(folder, config=str(site.config), logs=_logs(folder))

    return proved


def _logs(folder: Path) -> Sequence[str]:
    """The logs that the rule would read, with their rotated parts: the history it is proved on."""
    jail = suggestion.read(folder).jail
    if jail.backend == "systemd":
        return [f"{journal.PREFIX}{unit}" for unit in jailfile.units(jail.journalmatch)]
    paths = [Path(path) for path in jail.logpaths]
    return [str(part) for path in paths for part in sorted(path.parent.glob(f"{path.name}*")) if part.is_file()]


@click.group("review", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Judge suggested rules (root). Without a command it walks through the pending ones, a key for each answer.

    A rule is installed only by you, after root's own copy of it was proved again. Nothing of your files is edited.

    \b
    Example:
        fail2ban-ai review
        fail2ban-ai review show ai-wp-login
        fail2ban-ai review approve ai-wp-login --digest 7c5f68d055e4 --shadow
    """
    if ctx.invoked_subcommand is None:
        _walk(ctx)


def _ready() -> Site:
    """The site, with whatever a crash interrupted taken back or finished."""
    if os.geteuid() != 0:
        raise ConfigError("review needs root: it installs rules into fail2ban.")
    site = the_site()
    with store.locked():
        said = install.recover(site)
    if said:
        click.echo(said, err=True)
    return site


def _walk(ctx: click.Context) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("without a terminal name a command, such as `review list`")
    site = _ready()
    names = [one.name for one in listing.rules() if one.state == states.PENDING]
    if not names:
        click.echo("No rule is pending. `fail2ban-ai review list` shows those judged before.")
        ctx.exit(1)
    session = Session(
        site,
        prover(site),
        Console(highlight=False),
        key=click.getchar,
        ask=lambda question: str(click.prompt(question, default="", show_default=False, prompt_suffix="")),
    )
    session.walk(names)
    ctx.exit(0 if session.done else 1)


@command.command("list")
@_JSON
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List all rules: states, matches, bans, those proposed for retirement, campaigns that rules caught.

    Exit status 1 when there is none.

    \b
    Example:
        fail2ban-ai review list --json
    """
    site = _ready()
    found = listing.rules()
    told = feedback.gather(site, config.load().rule_retire_days)
    if as_json:
        share = asdict(told.share)
        facts = {
            "rules": [_facts(one, told) for one in found],
            "share": share,
            "trouble": told.trouble,
            "idle": told.idle,
        }
        click.echo(json.dumps(facts, indent=2))
    elif found:
        show.table(Console(soft_wrap=True, highlight=False), found, told)
    else:
        click.echo("There are no rules yet: `fail2ban-ai suggest-rules` suggests some.")
    ctx.exit(0 if found else 1)


def _facts(one: listing.Listed, told: Feedback) -> dict[str, Any]:
    seen = told.rules.get(one.name)
    entry = asdict(one.entry) if one.entry else None
    did = None
    if seen is not None:
        did = asdict(seen) | {"addresses": sorted(seen.addresses), "false": sorted(seen.false)}
    return {
        "name": one.name,
        "state": one.state,
        "digest": one.digest,
        "newer": one.newer,
        "kind": one.rule.kind if one.rule else None,
        "summary": one.rule.summary if one.rule else None,
        "proved": one.rule.proved if one.rule else False,
        "failed": [step.name for step in one.rule.proof if not step.ok] if one.rule else [],
        "trouble": one.trouble,
        "decision": entry,
        "feedback": did,
    }


@command.command("show")
@click.argument("rule")
@_JSON
def show_(rule: str, as_json: bool) -> None:
    """Show RULE: its regex and what it matches, its proof, whom it would have banned, what was decided.

    The digest it prints is what `approve` takes.

    \b
    Example:
        fail2ban-ai review show ai-wp-login
    """
    site = _ready()
    with store.locked():
        taken = decide.look(rule)
        lines = suggestion.read_lines(taken.folder)
        backend = taken.rule.jail.backend
        texts = [line.text for line in lines]
        found = matching.matches(taken.folder, texts, config=site.config, backend=backend)
        steps = (*taken.rule.proof, negatives.step(taken.folder, config=site.config, backend=backend))
    state = listing.state_of(rule)
    history = [entry for entry in states.history() if entry.name == rule]
    if as_json:
        pairs = zip(lines, found, strict=True)
        matched = [{**asdict(line), "match": asdict(match) if match else None} for line, match in pairs]
        facts = {
            **asdict(taken.rule),
            "state": state,
            "digest": taken.digest,
            "filter": taken.written,
            "proof": [asdict(step) for step in steps],
            "lines": matched,
            "history": [asdict(entry) for entry in history],
        }
        click.echo(json.dumps(facts, indent=2))
        return
    console = Console(highlight=False)
    show.rule(console, taken, state, list(zip(lines, found, strict=True)))
    show.proof(console, steps, "Proof (as suggested; root's copy is proved again before it is installed)")
    show.would_ban(console, taken)
    show.history(console, history)
    show.evidence(console, taken)


@command.command("approve")
@click.argument("rule")
@click.option("--digest", required=True, help="The digest that `show` printed, at least its first 12 characters.")
@click.option("--shadow", is_flag=True, help="Only record what the rule would ban.")
@click.option(
    "--filter",
    "edited",
    type=click.File("r", encoding="utf-8"),
    help="Install this filter instead of the suggested one, once it is proved.",
)
@_WHY
@_JSON
def approve(  # noqa: PLR0917 - click hands options over by name
    rule: str, digest: str, shadow: bool, edited: Any, why: str, as_json: bool
) -> None:
    """Install RULE into fail2ban, if it still is what was reviewed and its proof holds once more.

    On any failure nothing is left, and the reason is printed.

    \b
    Example:
        fail2ban-ai review approve ai-wp-login --digest 7c5f68d055e4 --shadow --why "watch it for a week"
    """
    site = _ready()
    text = edited.read(1 << 20) if edited else None
    with store.locked():
        entry = decide.approve(site, rule, digest, prover(site), shadow=shadow, why=why, text=text)
    _say(entry, as_json)


@command.command("reject")
@click.argument("rule")
@click.option("--why", required=True, metavar="TEXT", help="Your reason; a later rule that hits the lines names it.")
@click.option("--digest", default="", help="Only if RULE still has this digest.")
@click.option("--lines-are-hostile", "hostile", is_flag=True, help="Another rule may hit its lines: only RULE is bad.")
@_JSON
def reject(rule: str, why: str, digest: str, hostile: bool, as_json: bool) -> None:
    """Say no to RULE. Its lines become negative samples: no later rule that hits one passes its proof.

    \b
    Example:
        fail2ban-ai review reject ai-wp-login --why "our own monitoring"
    """
    if not why.strip():
        raise click.UsageError("--why: a rejection needs a reason")
    _ready()
    with store.locked():
        entry = decide.reject(rule, why, digest=digest, hostile=hostile)
    _say(entry, as_json)


@command.command("rollback")
@click.argument("rule", required=False)
@_WHY
@_JSON
def rollback(rule: str | None, why: str, as_json: bool) -> None:
    """Take the last decision on RULE back, or the last of all: what held before it holds again.

    Once more takes the one before back.

    \b
    Example:
        fail2ban-ai review rollback
    """
    site = _ready()
    with store.locked():
        entry = decide.rollback(site, rule, prover(site), why)
    _say(entry, as_json)


@command.command("retire")
@click.argument("rule")
@_WHY
@_JSON
def retire(rule: str, why: str, as_json: bool) -> None:
    """Take RULE out of fail2ban. Its bans are lifted.

    \b
    Example:
        fail2ban-ai review retire ai-wp-login --why "the campaign is over"
    """
    site = _ready()
    with store.locked():
        entry = decide.retire(site, rule, why)
    _say(entry, as_json)


@command.command("mark")
@click.argument("rule")
@click.argument("address")
@click.option("--why", required=True, metavar="TEXT", help="Your reason; a later rule that hits the lines names it.")
@_JSON
def mark(rule: str, address: str, why: str, as_json: bool) -> None:
    """Mark what RULE did to ADDRESS as wrong: its ban is lifted, its lines become negative samples.

    It is not kept from being banned again: `fail2ban-ai allow add` does that.

    \b
    Example:
        fail2ban-ai review mark ai-wp-login 192.0.2.7 --why "a colleague"
    """
    site = _ready()
    with store.locked():
        found, lines, lifted = marks.mark(site, rule, address, why)
    if as_json:
        click.echo(json.dumps({**asdict(found), "lines": lines, "lifted": lifted}, indent=2))
        return
    ban = "its ban is lifted" if lifted else "it was not banned"
    click.echo(f"Marked {found.address} as a false match of {rule}; {ban}, {lines} of its lines are negative samples.")


def _say(entry: states.Entry, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(entry), indent=2))
        return
    means = {
        states.LIVE: f"jail {entry.name} runs and bans",
        states.SHADOW: f"jail {entry.name} runs and only records",
        states.RETIRED: "its jail is stopped, its files are gone",
        states.REJECTED: "it will not be installed",
        states.PENDING: "nothing is decided about it now",
    }
    click.echo(f"{entry.name} is {entry.state}: {means[entry.state]}.")
