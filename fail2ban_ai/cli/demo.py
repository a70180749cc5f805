"""`fail2ban-ai demo`: the whole way from log to ban on bundled logs."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from fail2ban_ai import analysis, demonstration
from fail2ban_ai.cli.bars import bars
from fail2ban_ai.config import Settings
from fail2ban_ai.errors import Fail2banAIError
from fail2ban_ai.reports import text
from fail2ban_ai.training.simulator import demo_world


@click.command("demo")
def command() -> None:
    """Analyse five weeks of simulated logs, show what fail2ban would have done with them, and ban for real.

    The bans go to a private fail2ban server in a network namespace of its own; nothing is left running.
    Without root the analysis is shown and nothing is banned.

    \b
    Example:
        sudo fail2ban-ai demo
    """
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="fail2ban-ai-demo-") as name:
        folder = Path(name)
        settings = Settings(mode="enforce")
        with bars() as progress:
            world = demo_world(progress=lambda share: progress("writing the demo's logs", int(100 * share), 100))
            logs = sorted(str(path) for path in world.write(folder / "logs"))
            wanted = analysis.Logs(logs, zones={"*": ZoneInfo("UTC")})
            found = analysis.run(wanted, settings, compare=True, progress=progress)
        text.show(found.report, found.stats, console)
        if found.comparison:
            console.print()
            text.show_comparison(found.comparison, console)
        console.rule("the bans, on a real fail2ban server")
        if os.geteuid() != 0:
            console.print("Not root: no ban was carried out.")
            return
        try:
            _enforce(found, folder / "root", console)
        except Fail2banAIError as error:
            console.print(f"No ban was carried out: {text.visible(str(error))}")
            raise click.exceptions.Exit(1) from error


def _enforce(found: analysis.Analysis, folder: Path, console: Console) -> None:
    made = demonstration.enforce(found, folder)
    results = Counter(outcome.result for outcome in made.outcomes)
    told = ", ".join(f"{count} {result}" for result, count in sorted(results.items()))
    console.print(f"{made.asked} bans asked for: {told or 'none'}.")
    for outcome in made.outcomes:
        if outcome.result not in ("banned", "already"):
            console.print(f"  {outcome.target}: {outcome.result}: {text.visible(outcome.reason)}")
    for jail, status in made.status.items():
        console.print(f"\n[bold]$ fail2ban-client status {jail}[/]\n{text.visible_lines(status)}")
    if made.blocked is None:
        console.print("\nNo network namespace here: the action only recorded the bans.")
        console.print("\n".join(text.visible(line) for line in made.recorded))
    else:
        for jail, targets in made.blocked.items():
            console.print(f"\n[bold]nft sets of {jail}[/] drop {len(targets)} targets: {', '.join(targets)}")
