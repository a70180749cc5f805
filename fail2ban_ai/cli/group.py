"""The click group: commands by name, imported on first use; errors as one sentence and exit 1."""

import importlib
from typing import Any

import click

from fail2ban_ai import __version__
from fail2ban_ai.cli import COMMANDS
from fail2ban_ai.errors import Fail2banAIError


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS or name == "enforce":
            return None
        module = importlib.import_module(f"fail2ban_ai.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Fail2banAIError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fail2ban-ai")
def cli() -> None:
    """Find the campaigns that fail2ban's patterns and thresholds miss, and ban them through fail2ban."""
