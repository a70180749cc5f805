"""The click group: commands by name, imported on first use; errors as one sentence and exit 1."""

import argparse
import importlib
from typing import Any

import click
from click.shell_completion import CompletionItem

from fail2ban_ai import __version__
from fail2ban_ai.cli import COMMANDS
from fail2ban_ai.errors import Fail2banAIError


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if name == "enforce":
            return _enforce()
        module = importlib.import_module(f"fail2ban_ai.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click's own, but it imports no command only to learn its summary."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Fail2banAIError as error:
            raise click.ClickException(str(error)) from error


def _enforce() -> click.Command:
    """What help, completion and manual pages say of the one command that click does not run."""
    enforce = importlib.import_module("fail2ban_ai.cli.enforce")
    parser: argparse.ArgumentParser = enforce.parser()
    options = [
        click.Option(action.option_strings, help=action.help, is_flag=action.nargs == 0)
        for action in parser._actions
        if "--help" not in action.option_strings
    ]

    def run(**given: object) -> None:
        words = [option.opts[0] for option in options if given[option.name or ""]]
        raise SystemExit(enforce.main(words))

    text = f"{parser.description}\n\n\b\n{parser.epilog}"
    return click.Command("enforce", params=list(options), callback=run, help=text)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fail2ban-ai")
def cli() -> None:
    """Find the campaigns that fail2ban's patterns and thresholds miss, and ban them through fail2ban."""
