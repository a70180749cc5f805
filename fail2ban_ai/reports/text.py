"""A report for the terminal. Log text is shown with every control character written out."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fail2ban_ai.fail2ban.missed import Comparison
from fail2ban_ai.reports import digest
from fail2ban_ai.reports.schema import Campaign, Report
from fail2ban_ai.sources.stats import SourceStats

_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_ORDER = ("critical", "high", "medium", "low")
MEMBERS_SHOWN = 6
EVIDENCE_SHOWN = 5
LOW_SHARE = 0.95  # of a source's lines understood, below which the reader is told


def visible(text: str) -> str:
    """`text` with control, format and bidirectional characters written out, safe for a terminal and for rich."""
    return escape(digest.shown(text))


def visible_lines(text: str) -> str:
    """`visible` of each line of a text of several lines."""
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())


def show(report: Report, stats: list[SourceStats], console: Console) -> None:
    """The whole report."""
    _head(report, stats, console)
    worst_first = sorted(report.campaigns, key=lambda c: (_ORDER.index(c.severity), -c.confidence, c.first_seen))
    told = [c for c in worst_first if _acted(c)]
    for campaign in told:
        show_campaign(campaign, console, report.mode)
    watched = len(worst_first) - len(told)
    if watched:
        console.print(f"[dim]{watched} weaker findings are watched, not banned (--json lists them).[/]")
    for anomaly in report.anomalies:
        top = ", ".join(anomaly.top_actors[:3])
        console.print(
            f"[magenta]Unusual traffic[/] {anomaly.service}, {anomaly.from_:%a %Y-%m-%d %H:%M}: "
            f"{anomaly.observed:.0f} against {anomaly.expected:.0f} expected (z {anomaly.z:.0f}); most from {top}"
        )
    console.print(_closing(report))


def _acted(campaign: Campaign) -> bool:
    return any(a.decision != "watch" for a in campaign.actors) or any(n.decision != "watch" for n in campaign.networks)


def _head(report: Report, stats: list[SourceStats], console: Console) -> None:
    lines = report.lines
    window = report.window
    span = f", {window.from_:%Y-%m-%d %H:%M} to {window.to:%Y-%m-%d %H:%M} UTC" if window.from_ and window.to else ""
    console.print(f"Read {lines.read:,} lines, understood {lines.understood:,}{span}.")
    for source in stats:
        if source.problem:
            console.print(f"[yellow]! {visible(source.problem)}[/]")
        elif source.read and source.understood < LOW_SHARE * source.read:
            share = source.understood / source.read
            console.print(f"[yellow]! {visible(source.source)}: only {share:.0%} of the lines were understood[/]")


def show_campaign(campaign: Campaign, console: Console, mode: str) -> None:
    """One finding: what, why, why fail2ban missed it, whom it concerns, what to do, and the lines."""
    colour = _COLOURS[campaign.severity]
    name = campaign.kind.replace("_", " ")
    console.print()
    console.print(
        f"[{colour}]{campaign.severity.upper()} {name}[/]  {campaign.id}  "
        f"confidence {campaign.confidence:.2f}  {' '.join(campaign.techniques)}"
    )
    console.print(f"  {visible(campaign.summary)}")
    for reason in campaign.reasons:
        console.print(f"  · {visible(reason)}")
    console.print(f"  fail2ban: {visible(campaign.why_missed)}")
    for line in _targets(campaign, mode):
        console.print(f"  {line}")
    console.print(f"  [bold]Do:[/] {visible(campaign.recommendation)}")
    for evidence in campaign.evidence[:EVIDENCE_SHOWN]:
        console.print(f"    [dim]{visible(evidence.source)}:{evidence.line}: {visible(evidence.text)}[/]")


def _targets(campaign: Campaign, mode: str) -> Iterator[str]:
    word = "ban" if mode == "enforce" else "would ban"
    for network in campaign.networks:
        verdict = word if network.decision == "ban" else "not banned"
        yield f"{verdict} network {network.cidr}: {visible(network.reason)}"
    banned = [a for a in campaign.actors if a.decision == "ban"]
    for actor in banned[:MEMBERS_SHOWN]:
        yield f"{word} {actor.address} ({actor.events} events): {visible(actor.reason)}"
    if len(banned) > MEMBERS_SHOWN:
        yield f"{word} {len(banned) - MEMBERS_SHOWN} more addresses"
    for actor in (a for a in campaign.actors if a.decision == "refused"):
        yield f"[green]spared[/] {actor.address}: {visible(actor.reason)}"


def _closing(report: Report) -> str:
    bans = {d.target for d in report.decisions if d.action == "ban"}
    refused = {d.target for d in report.decisions if d.action == "refused"}
    word = "to be banned" if report.mode == "enforce" else "would be banned (mode observe: nothing was)"
    return f"\n{len(bans)} targets {word}, {len(refused)} refused by the gate."


def show_comparison(comparison: Comparison, console: Console) -> None:
    """The table of `--compare`."""
    table = Table(title="fail2ban and fail2ban-ai on the same lines", title_justify="left")
    for heading in ("", "campaigns", "addresses"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("fail2ban bans", "", str(len(comparison.fail2ban)))
    table.add_row("… of them banned here too", "", str(comparison.both))
    for added in comparison.added:
        table.add_row(f"added: {added.kind.replace('_', ' ')}", str(added.campaigns), str(added.addresses))
    table.add_row("fail2ban has, we lack", "", str(len({address for address, _ in comparison.lacking})))
    console.print(table)
    for address, jail in comparison.lacking[:MEMBERS_SHOWN]:
        console.print(f"  lacking: {address} (jail {jail})")
