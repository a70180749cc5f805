"""A report for the terminal. Log text is shown with every control character written out."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fail2ban_ai.fail2ban.missed import Comparison
from fail2ban_ai.reports import digest
from fail2ban_ai.reports.schema import Actor, Campaign, Report
from fail2ban_ai.sources.stats import SourceStats

COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
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
    told = digest.worst_first([c for c in report.campaigns if digest.acted(c)])
    for campaign in told:
        show_campaign(campaign, console, report.mode)
    watched = len(report.campaigns) - len(told)
    if watched:
        console.print(f"\n[dim]{digest.counted(watched, 'weaker finding')} watched, not banned (--json lists them).[/]")
    for anomaly in report.anomalies:
        top = ", ".join(anomaly.top_actors[:3])
        console.print(
            f"[magenta]Unusual traffic[/] {anomaly.service}, {anomaly.from_:%a %Y-%m-%d %H:%M}: "
            f"{anomaly.observed:.0f} against {anomaly.expected:.0f} expected (z {anomaly.z:.0f}); most from {top}"
        )
    console.print(_closing(report))


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


def show_campaign(campaign: Campaign, console: Console, mode: str, about: str | None = None) -> None:
    """One finding: what, why, why fail2ban missed it, whom it concerns, what to do, and the lines.

    `about`: an actor that the reader asked for; its decision and its lines come first.
    """
    colour = COLOURS[campaign.severity]
    console.print()
    console.print(
        f"[{colour}]{campaign.severity.upper()} {digest.name_of(campaign.kind)}[/]  {campaign.id}  "
        f"confidence {campaign.confidence:.2f}  {' '.join(campaign.techniques)}"
    )
    console.print(f"  {visible(campaign.summary)}")
    console.print(f"  [dim]{_when(campaign)}, {', '.join(campaign.services)}[/]")
    for actor in (a for a in campaign.actors if a.address == about):
        console.print(f"  [bold]{actor.address}[/]: {_one(actor, mode)}")
    for reason in campaign.reasons:
        console.print(f"  · {visible(reason)}")
    console.print(f"  [bold]fail2ban:[/] {visible(campaign.why_missed.removeprefix('fail2ban '))}")
    for line in _targets(campaign, mode):
        console.print(f"  {line}")
    console.print(f"  [bold]Do:[/] {visible(campaign.recommendation)}")
    lines = campaign.evidence
    if about is not None:
        address = about.partition("/")[0].removesuffix("::")
        lines = sorted(lines, key=lambda line: address not in line.text)
    for evidence in lines[:EVIDENCE_SHOWN]:
        console.print(f"    [dim]{visible(evidence.source)}:{evidence.line}: {visible(evidence.text)}[/]")
    if len(lines) > EVIDENCE_SHOWN:
        console.print(f"    [dim]… {digest.further(len(lines) - EVIDENCE_SHOWN, 'line')} with --json[/]")


def _when(campaign: Campaign) -> str:
    first, last = campaign.first_seen, campaign.last_seen
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%a %Y-%m-%d %H:%M} to {end} UTC, found {campaign.detected_at:%Y-%m-%d %H:%M}"


def _one(actor: Actor, mode: str) -> str:
    at = f" at {actor.decided_at:%Y-%m-%d %H:%M}" if actor.decided_at else ""
    theirs = "; fail2ban bans it too" if actor.missed_by_fail2ban is False else ""
    verdict = digest.decided(actor.decision, mode)
    return f"{verdict}{at}, {digest.counted(actor.events, 'event')}: {visible(actor.reason)}{theirs}"


def _targets(campaign: Campaign, mode: str) -> Iterator[str]:
    word = "ban" if mode == "enforce" else "would ban"
    for network in campaign.networks:
        verdict = word if network.decision == "ban" else "not banned"
        yield f"{verdict} network {network.cidr}: {visible(network.reason)}"
    banned = [a for a in campaign.actors if a.decision == "ban"]
    for actor in banned[:MEMBERS_SHOWN]:
        yield f"{word} {actor.address} ({digest.counted(actor.events, 'event')}): {visible(actor.reason)}"
    if len(banned) > MEMBERS_SHOWN:
        yield f"{word} {digest.further(len(banned) - MEMBERS_SHOWN, 'address')}"
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
        table.add_row(f"added: {digest.name_of(added.kind)}", str(added.campaigns), str(added.addresses))
    table.add_row("fail2ban has, we lack", "", str(len({address for address, _ in comparison.lacking})))
    console.print(table)
    for address, jail in comparison.lacking[:MEMBERS_SHOWN]:
        console.print(f"  lacking: {address} (jail {jail})")
