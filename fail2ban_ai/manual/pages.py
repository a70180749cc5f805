"""Manual pages in roff: one for the program, one for each command, with all that `--help` says."""

import inspect
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from fail2ban_ai import __version__
from fail2ban_ai.cli import COMMANDS
from fail2ban_ai.cli.group import cli

_FILES = {
    "/etc/fail2ban-ai/config.yaml": "What is read and how sure a verdict must be.",
    "/etc/fail2ban-ai/enforce.json": "What the enforcer does: its mode, the gate, the budgets.",
    "/etc/fail2ban-ai/ranges.d/*.txt": "Published address ranges that are never banned, one a line.",
    "/etc/fail2ban/jail.d/fail2ban-ai.local": "Your own values for the AI jails.",
    "/var/lib/fail2ban-ai/": "What was found and decided; the watcher's.",
    "/var/lib/fail2ban-ai-root/": "The allow list and the outcome of every decision; root's.",
}
_STATUS = {"0": "Done.", "1": "Nothing was done, for a reason that is stated.", "2": "The command line was wrong."}


def all_pages() -> dict[str, str]:
    """Every page by its file name."""
    with click.Context(cli, info_name="fail2ban-ai") as root:
        found = {"fail2ban-ai.8": _program(root)}
        for name in COMMANDS:
            command = cli.get_command(root, name)
            assert command is not None  # noqa: S101 - a test holds that there is one for each name
            with click.Context(command, info_name=name, parent=root) as context:
                found[f"fail2ban-ai-{name}.8"] = _page(command, context)
    return found


def _program(context: click.Context) -> str:
    lines = [*_head("fail2ban-ai", cli.help or ""), ".SH SYNOPSIS", ".B fail2ban\\-ai", ".I COMMAND [OPTIONS]"]
    lines += [".SH DESCRIPTION", *_prose(cli.help or ""), ".SH COMMANDS"]
    for name, text in COMMANDS.items():
        lines += [".TP", f".BR fail2ban\\-ai\\-{_text(name)} (8)", _text(text)]
    lines += [*_options(cli, context), ".SH FILES"]
    for name, text in _FILES.items():
        lines += [".TP", f".I {_text(name)}", _text(text)]
    lines += [".SH EXIT STATUS"]
    for name, text in _STATUS.items():
        lines += [".TP", f".B {name}", _text(text)]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR fail2ban (1),", ".BR jail.conf (5)", ""])


def _page(command: click.Command, context: click.Context) -> str:
    name = context.command_path
    lines = [*_head(name.replace(" ", "-"), command.get_short_help_str(200)), *_synopsis(command, context)]
    lines += [".SH DESCRIPTION", *_described(command), *_options(command, context), *_examples(command)]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None:
                with click.Context(inner, info_name=each, parent=context) as below:
                    lines += _section(each, inner, below)
    return "\n".join([*lines, ".SH SEE ALSO", ".BR fail2ban\\-ai (8)", ""])


def _section(name: str, command: click.Command, context: click.Context) -> list[str]:
    """A command of a group, within the group's page."""
    lines = [f".SH {_text(name.upper())}", *_synopsis(command, context)[1:], *_described(command)]
    lines += [*_options(command, context)[1:], *([".PP", "Example:"] if _examples(command) else [])]
    return [*lines, *_examples(command)[1:]]


def _head(name: str, what: str) -> list[str]:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    made = f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}" if epoch else ""
    first = what.strip().partition("\n")[0].rstrip(".")
    return [
        f'.TH {name.upper()} 8 "{made}" "fail2ban-ai {__version__}" "System administration"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(first[:1].lower() + first[1:])}",
    ]


def _synopsis(command: click.Command, context: click.Context) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return [".SH SYNOPSIS", f".B {_text(context.command_path)}", _text(pieces)]


def _described(command: click.Command) -> list[str]:
    return _prose(_split(command)[0])


def _examples(command: click.Command) -> list[str]:
    example = _split(command)[1]
    return [".SH EXAMPLE", ".nf", *(_text(line) for line in example.splitlines()), ".fi"] if example else []


def _split(command: click.Command) -> tuple[str, str]:
    """The help text without its example, and the example's lines. Click marks a block kept as it is with \\b."""
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\nExample:\n")
    return text.strip(), inspect.cleandoc(example)


def _options(command: click.Command, context: click.Context) -> list[str]:
    records = [each.get_help_record(context) for each in command.get_params(context) if isinstance(each, click.Option)]
    rows = [record for record in records if record]
    lines = [".SH OPTIONS"] if rows else []
    for flags, text in rows:
        lines += [".TP", f".B {_text(flags)}", _text(text or "")]
    return lines


def _prose(text: str) -> list[str]:
    return [line for part in _parts(text) for line in (".PP", _text(part))]


def _parts(text: str) -> Iterator[str]:
    for part in inspect.cleandoc(text).split("\n\n"):
        yield " ".join(part.split())


def _text(text: str) -> str:
    """Text that roff takes as it is: nothing in it is a request, and hyphens can be copied."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe
