"""`fail2ban-ai doctor`: checks fail2ban, its configuration and ours."""

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from fail2ban_ai import doctor
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result

_STYLES = {"ok": "green", "info": "cyan", "warning": "yellow", "error": "bold red"}
# What configuration files hold reaches the terminal: control characters are shown, not sent.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(as_json: bool) -> None:
    """Check fail2ban, its configuration and ours; exit 1 when something is wrong.

    \b
    Example:
        fail2ban-ai doctor
    """
    results = doctor.examine(Host())
    if as_json:
        click.echo(json.dumps({"schema": 1, "results": [asdict(result) for result in results]}, indent=2))
    else:
        _print(results)
    sys.exit(1 if any(result.level == "error" for result in results) else 0)


def _print(results: list[Result]) -> None:
    console = Console(highlight=False)
    for result in results:
        line = Text(f"{result.level:>7}  ", _STYLES[result.level]).append(_shown(result.sentence), "default")
        if result.file:
            where = f"{result.file}:{result.line}" if result.line else result.file
            line.append(f"\n         {_shown(where)}", "dim")
        if result.advice and result.level != "ok":
            line.append(f"\n         {_shown(result.advice)}", "italic")
        console.print(line, soft_wrap=True)


def _shown(text: str) -> str:
    return text.translate(_CONTROL)
