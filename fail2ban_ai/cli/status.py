"""`fail2ban-ai status`: what runs, what was found, what was decided."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from fail2ban_ai import overview
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.errors import Fail2banAIError
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.overview import Overview
from fail2ban_ai.reports import metrics

_NOTICES = 5


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option(
    "--prometheus",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write figures for Prometheus' node_exporter to this file, at once or not at all.",
)
def command(as_json: bool, prometheus: Path | None) -> None:
    """Show the mode, what runs and how far behind it is, the sources, bans, and what was found and decided so far.

    \b
    Example:
        fail2ban-ai status
        fail2ban-ai status --prometheus /var/lib/prometheus/node-exporter/fail2ban-ai.prom
    """
    found = overview.gather()
    if prometheus:
        _write(prometheus, metrics.text(found, time.time()))
    elif as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        for name, value in _lines(found):
            click.echo(f"{name:<12}{clean(value, 400)}")


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")  # node_exporter reads *.prom only
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Fail2banAIError(f"{path} cannot be written: {error.strerror}.") from error


def _lines(found: Overview) -> Iterator[tuple[str, str]]:
    yield "mode", _mode(found)
    watch = found.watch
    if watch.state == "running":
        behind = f"{watch.lines_per_second:,.0f} lines/s, {watch.lag_seconds:.1f} s behind"
        slow = "; over capacity: the cheaper score judges" if watch.degraded else ""
        yield "watch", f"running: {behind}, {watch.rss_bytes / 1e6:.0f} MB{slow}"
    else:
        yield "watch", watch.why
    yield "enforce", "running" if found.enforce == "running" else "not running: decisions wait"
    bans = {jail: "absent" if count is None else f"{count} banned" for jail, count in found.fail2ban.items()}
    yield "fail2ban", ", ".join(f"{jail} {told}" for jail, told in bans.items()) or "not known"
    yield "model", found.model or "not known"
    yield "analyzed", found.last_run
    yield "campaigns", _counts({severity: found.campaigns.get(severity, 0) for severity in reversed(SEVERITIES)})
    yield "decisions", _counts(found.decisions)
    yield "outcomes", _counts(found.outcomes)
    for source in found.sources:
        read, understood = int(source["read"]), int(source["understood"])
        share = f", {understood / read:.0%} understood" if read else ""
        problem = f"; {source['problem']}" if source["problem"] else ""
        yield "source", f"{source['source']}: {read:,} lines{share}{problem}"
    for notice in found.notices[-_NOTICES:]:
        at = datetime.fromtimestamp(float(notice["at"]), UTC)
        yield "notice", f"{at:%Y-%m-%d %H:%M} UTC  {notice['text']}"
    for sentence in found.trouble:
        yield "!", sentence


def _mode(found: Overview) -> str:
    if found.breaker:
        return f"nobody is banned: the circuit breaker is open ({found.breaker}); `fail2ban-ai enforce --reset`"
    if found.mode != "enforce":
        return "observe: nobody is banned"
    if found.trial_ends is None:
        return "enforce"
    until = f"{datetime.fromtimestamp(found.trial_ends, UTC):%Y-%m-%d %H:%M} UTC"
    return f"enforce, on trial: bans last ten minutes; back to observe at {until} unless `fail2ban-ai setup --confirm`"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"
