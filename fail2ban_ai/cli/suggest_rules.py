"""`fail2ban-ai suggest-rules`: fail2ban filters from recurring findings, each with its proof."""

import json
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fail2ban_ai import analysis, config, paths, visitors
from fail2ban_ai.cli.analyze import configured
from fail2ban_ai.cli.bars import bars
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.fail2ban.private import ends_on_signal
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports.text import visible
from fail2ban_ai.rules.suggest import Suggested, suggest
from fail2ban_ai.rules.suggestion import Suggestion

_LEFT = 8  # reasons shown


@click.command("suggest-rules")
@click.argument("logs", nargs=-1, metavar="[LOG]...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write the suggestions to.")
@click.option("--json", "as_json", is_flag=True, help="Print what was suggested as JSON.")
def command(logs: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Make fail2ban filters of recurring findings in LOG files, or in the logs that fail2ban reads, and prove each.

    A suggestion is a folder: filter, disabled jail, sample lines, proof, evidence. Nothing is installed: an admin
    reviews it with `fail2ban-ai review`.

    \b
    Example:
        fail2ban-ai suggest-rules /var/log/nginx/access.log* /var/log/auth.log --out ./rules
    """
    settings = config.load()
    with ExitStack() as stack:
        wanted = analysis.Logs(list(logs), None, settings.zone_infos())
        if not logs:
            wanted.sources, wanted.fmt = configured(stack, settings)
        out = out or (Path("ai-rules") if logs else paths.suggestions())
        progress = stack.enter_context(_bars(quiet=as_json))
        stack.enter_context(ends_on_signal())
        found = suggest(wanted, settings, out, progress=progress)
    if not logs and found.visitors:
        with owner_of(paths.suggestions().parent):
            visitors.keep(found.visitors)
    if as_json:
        click.echo(json.dumps(_facts(found, out), indent=1))
    else:
        _show(found, out, Console(soft_wrap=True, highlight=False))


def _bars(*, quiet: bool) -> AbstractContextManager[analysis.Progress]:
    return nullcontext(lambda *_: None) if quiet else bars()


def _facts(found: Suggested, out: Path) -> dict[str, object]:
    rules = [asdict(rule) | {"proved": rule.proved, "folder": str(out / rule.name)} for rule in found.suggestions]
    return {"schema": 1, "suggestions": rules, "left": [asdict(left) for left in found.left]}


def _show(found: Suggested, out: Path, console: Console) -> None:
    good = [rule for rule in found.suggestions if rule.proved]
    for rule in sorted(found.suggestions, key=lambda each: (not each.proved, -each.sources)):
        _show_rule(rule, console)
    if found.suggestions:
        told = f"{len(good)} of {len(found.suggestions)} rules passed every step of their proof; they lie in {out}."
        console.print(visible(told))
        console.print("Read evidence.md in a rule's folder; nothing is installed without `fail2ban-ai review`.")
    else:
        console.print("No rule to suggest: no finding in these logs recurs in a form that one line tells from others.")
    _show_left(found, console)


def _show_rule(rule: Suggestion, console: Console) -> None:
    console.print(f"[bold]{rule.name}[/]  {'[green]proved[/]' if rule.proved else '[red]not proved[/]'}")
    console.print("  " + visible(rule.summary))
    for regex in rule.failregex[:3]:
        console.print(Text("  " + clean(regex, 500), style="cyan"))
    if len(rule.failregex) > 3:
        console.print(f"  [dim]and {len(rule.failregex) - 3} more[/]")
    for step in rule.proof:
        if not step.ok:
            console.print(f"  [red]{step.name}[/]: {visible(step.detail)}")
    if rule.proved:
        addresses = len({ban.address for ban in rule.would_ban})
        console.print(f"  would have banned {addresses} addresses in these logs (maxretry {rule.jail.maxretry})")
    caught = ", ".join(f"{jail}: {share:.0%}" for jail, share in rule.overlap.items())
    if caught:
        console.print(f"  already caught by {caught}")
    console.print()


def _show_left(found: Suggested, console: Console) -> None:
    reasons: dict[tuple[str, str], int] = {}
    for left in found.left:
        reasons[left.kind, left.reason] = reasons.get((left.kind, left.reason), 0) + left.lines
    if not reasons:
        return
    table = Table(title="No rule was made of", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, justify in (("lines", "right"), ("what", "left"), ("why", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich's own words
    for (kind, reason), lines in sorted(reasons.items(), key=lambda item: -item[1])[:_LEFT]:
        table.add_row(f"{lines:,}", kind, visible(reason))
    console.print(table)
