"""`fail2ban-ai analyze`: find campaigns in logs."""

import json
import re
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from fail2ban_ai import analysis, config, formats, paths
from fail2ban_ai.errors import FormatError, SourceError
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.fail2ban.failregex import FailregexFormat
from fail2ban_ai.fail2ban.feed import Fed, Feed
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports.schema import to_json
from fail2ban_ai.request import ask
from fail2ban_ai.sources import journal, rotation
from fail2ban_ai.watch import sources as watch_sources

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _Span(click.ParamType[timedelta]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a time span such as 90m, 6h or 2d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            parsed = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-03-15 or 2026-03-15T03:00+01:00", param, ctx)
        return parsed if parsed.tzinfo else parsed.astimezone()


@click.command("analyze")
@click.argument("logs", nargs=-1, metavar="[LOG]...")
@click.option("--last", type=_Span(), help="Only the last span of time before now, e.g. 6h or 2d.")
@click.option("--since", type=_Time(), help="Only events from this time on (ISO 8601).")
@click.option("--until", type=_Time(), help="Only events before this time.")
@click.option("--format", "fmt", help="Format of every LOG; guessed for each where not given.")
@click.option("--compare", is_flag=True, help="Show what fail2ban's own filters would have banned on the same lines.")
@click.option(
    "--save-report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write report.html, report.md and report.json to.",
)
@click.option(
    "--scores", type=click.Path(dir_okay=False, path_type=Path), help="Write every actor with its score here."
)
@click.option("--auto-ban", type=click.Choice(SEVERITIES), help="Ask for bans of findings of this severity or more.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(  # noqa: PLR0917 - click hands options over by name
    logs: tuple[str, ...],
    last: timedelta | None,
    since: datetime | None,
    until: datetime | None,
    fmt: str | None,
    compare: bool,
    save_report: Path | None,
    scores: Path | None,
    auto_ban: str | None,
    as_json: bool,
) -> None:
    """Find campaigns in LOG files (plain or .gz), or in the logs that fail2ban reads when none is named.

    \b
    Example:
        fail2ban-ai analyze /var/log/nginx/access.log* /var/log/auth.log --compare
    """
    settings = config.load()
    if auto_ban and logs:
        raise click.UsageError("--auto-ban acts on configured sources only, not on files named here")
    if last:
        since = max(since, _now() - last) if since else _now() - last
    if fmt is not None and fmt not in formats.FORMATS:
        raise FormatError(f"there is no format {fmt!r}; known are {', '.join(sorted(formats.FORMATS))}")
    with ExitStack() as stack:
        known = formats.FORMATS[fmt] if fmt else None
        wanted = analysis.Logs(list(logs), known, settings.zone_infos(), since, until)
        if not logs:
            wanted.sources, own = configured(stack, settings)
            wanted.fmt = known or own
            wanted.fed = _fed()
        progress = stack.enter_context(_bars(quiet=as_json))
        found = analysis.run(wanted, settings, compare=compare, progress=progress)
    if found.trouble:
        click.echo(f"Warning: {found.trouble}.", err=True)
    if not logs:
        _keep_and_tell(found, settings)
    if auto_ban:
        asked = ask(found.result.verdicts, found.passed, auto_ban)
        click.echo(f"{asked} bans asked for; `fail2ban-ai enforce` judges them.", err=True)
    if scores:
        table = {actor: round(score, 3) for actor, score in sorted(found.result.scores.items())}
        scores.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    if save_report:
        _save(found, save_report, named=bool(logs))
    if as_json:
        click.echo(to_json(found.report))
    else:
        _show(found)


# What only some runs need is imported by these: a small log is read quicker than jinja2 and rich are.


def _keep_and_tell(found: analysis.Analysis, settings: config.Settings) -> None:
    from fail2ban_ai import state, visitors  # noqa: PLC0415
    from fail2ban_ai.reports.deliver import Delivery  # noqa: PLC0415

    with owner_of(state.path().parent):
        state.State().save(found.report, _now().isoformat(timespec="seconds"))
        visitors.keep(found.visitors)
    delivery = Delivery(settings)
    for problem in delivery.deliver(found.report) + delivery.notices():
        click.echo(f"Warning: {problem}.", err=True)


def _save(found: analysis.Analysis, folder: Path, *, named: bool) -> None:
    from fail2ban_ai.reports import save, suggested  # noqa: PLC0415

    # What named files show depends on nothing else: no suggestion of other runs among it.
    suggestions = [] if named else suggested.read(paths.suggestions())
    page = save.save(found.report, folder, suggestions, found.result.campaigns)
    click.echo(f"The report is {page}, with report.md and report.json beside it.", err=True)


def _show(found: analysis.Analysis) -> None:
    from rich.console import Console  # noqa: PLC0415

    from fail2ban_ai.reports import text  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    text.show(found.report, found.stats, console)
    if found.comparison:
        text.show_comparison(found.comparison, console)


def _now() -> datetime:
    return datetime.now(UTC)


def configured(stack: ExitStack, settings: config.Settings) -> tuple[list[str], dict[str, formats.Format]]:
    """The configured logs with their rotated parts, and formats for those that only a jail's failregex can read.

    Without `sources` they are those that fail2ban reads, and `also`. `stack` ends the formats.
    """
    own: dict[str, formats.Format] = {}
    parts: list[str] = []
    for name, jail in watch_sources.find(settings).items():
        beside = [name] if journal.is_name(name) else rotation.parts_of(name)
        parts += beside
        if jail is not None:
            own |= dict.fromkeys(beside, stack.enter_context(FailregexFormat(jail)))
    return parts, own


def _fed() -> list[Fed]:
    """What fail2ban told through the drop-in action; on the host only, never with files named here."""
    try:
        with owner_of(labels.file().parent):
            labels.keep_new()
        return list(Feed().poll())
    except (SourceError, OSError) as error:
        click.echo(f"Without what the drop-in action told: {error}", err=True)
        return []


def _bars(*, quiet: bool) -> AbstractContextManager[analysis.Progress]:
    if quiet:
        return nullcontext(lambda *_: None)
    from fail2ban_ai.cli.bars import bars  # noqa: PLC0415

    return bars()
