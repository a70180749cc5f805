"""What others build on stays as it is written down: the JSON schema, the commands, their help and the documentation."""

import json
import re
from pathlib import Path

import click
import pytest

from fail2ban_ai.cli import COMMANDS
from fail2ban_ai.cli.group import cli
from fail2ban_ai.reports import schema

ROOT = Path(__file__).parent.parent


def test_the_committed_json_schema_is_the_one_in_force() -> None:
    committed = json.loads(Path(schema.__file__).with_name("schema.json").read_text())
    assert committed == schema.Report.model_json_schema(by_alias=True)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "enforce"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    subcommands = command.commands.values() if isinstance(command, click.Group) else [command]
    assert all("Example:" in (one.help or "") for one in subcommands), f"{name}: no example"


def test_every_command_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [name for name in COMMANDS if not re.search(rf"fail2ban-ai {name}\b", readme)]
    assert not missing


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), link


def test_no_module_is_longer_than_400_lines() -> None:
    long = {
        str(p.relative_to(ROOT)) for p in (ROOT / "fail2ban_ai").rglob("*.py") if len(p.read_text().splitlines()) > 400
    }
    assert not long
