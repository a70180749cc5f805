"""Manual pages and completion cover every command and option; every command's help and every command in the docs hold."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fail2ban_ai.cli import COMMANDS
from fail2ban_ai.cli.group import cli
from fail2ban_ai.manual import completion, pages

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NO_EXAMPLE = {"allow", "model", "review"}  # groups: their commands have one each


def commands(group: click.Group = cli, parent: click.Context | None = None) -> Iterator[tuple[str, click.Context]]:
    """Every command with its path below the program and a context."""
    with click.Context(group, info_name=group.name or "", parent=parent) as here:
        for name in group.list_commands(here):
            command = group.get_command(here, name)
            assert command is not None, name
            with click.Context(command, info_name=name, parent=here) as context:
                yield " ".join(context.command_path.split()[1:]), context
            if isinstance(command, click.Group):
                yield from commands(command, here)


ALL = dict(commands())


def plain(page: str) -> str:
    return page.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def test_there_is_a_page_for_each_command_and_the_program() -> None:
    assert pages.all_pages().keys() == {"fail2ban-ai.8", *(f"fail2ban-ai-{name}.8" for name in COMMANDS)}


@pytest.mark.parametrize("path", ALL)
def test_the_page_says_what_help_says(path: str) -> None:
    page = plain(pages.all_pages()[f"fail2ban-ai-{path.split(maxsplit=1)[0]}.8"])
    context = ALL[path]
    options = [each for each in context.command.get_params(context) if isinstance(each, click.Option)]
    for flags, text in filter(None, (each.get_help_record(context) for each in options)):
        assert f".B {flags}\n" in page
        assert text in page
    text, example = pages._split(context.command)
    for word in (*text.split(), *example.split()):
        assert word in page


@pytest.mark.parametrize("path", [path for path in ALL if path not in NO_EXAMPLE])
def test_every_help_has_an_example_that_parses(path: str) -> None:
    _, example = pages._split(ALL[path].command)
    lines = example.splitlines()
    assert lines, f"{path} has no example"
    for line in lines:
        found = shlex.split(line)
        start = found.index("fail2ban-ai") + 1
        assert " ".join(found[start:]).startswith(path)
        parses(found[start:])


def parses(words: list[str]) -> None:
    """Fail unless click takes these words: command and options exist, values are of their kinds."""
    context = click.Context(cli, info_name="fail2ban-ai")
    command: click.Command = cli
    while isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            assert {*words} <= {"--help", "-h", "--version"}
            return
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
    if "--help" in words:
        return
    try:
        values, rest, _ = command.make_parser(click.Context(command)).parse_args(list(words))
    except click.UsageError as error:
        pytest.fail(f"{command.name} {words}: {error.format_message()}")
    assert rest == []
    for each in command.params:
        given = values.get(each.name or "")
        if isinstance(each.type, click.Choice) and isinstance(given, str):
            assert given in each.type.choices
        if isinstance(each, click.Argument) and each.required and words:
            assert given is not None, f"{each.name} is missing"


def test_roff_is_taken_without_a_warning(tmp_path: Path) -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man or groff is not installed")
    for name, text in pages.all_pages().items():
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(tmp_path / name)],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"},
            check=False,
        )
        assert done.stderr == ""


def test_text_cannot_be_a_request() -> None:
    assert pages._text(".so /etc/shadow") == "\\&.so /etc/shadow"
    assert pages._text("'br a\\fB-x") == "\\&'br a\\efB\\-x"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(completion.script(shell))
    subprocess.run([shell, "-n", str(file)], check=True, capture_output=True)


def completed(*words: str) -> set[str]:
    """What bash would be offered for the last of these words."""
    line = ["fail2ban-ai", *words]
    code = "import sys; from fail2ban_ai.cli import main; sys.argv = ['fail2ban-ai']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={
            "_FAIL2BAN_AI_COMPLETE": "bash_complete",
            "COMP_WORDS": shlex.join(line),
            "COMP_CWORD": str(len(line) - 1),
            "PATH": "/usr/bin:/bin",
        },
    )
    assert done.stderr == ""
    return {entry.partition(",")[2] for entry in done.stdout.splitlines()}


def test_completion_offers_every_command() -> None:
    assert completed("") >= COMMANDS.keys()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in NO_EXAMPLE])
def test_completion_offers_every_option(name: str) -> None:
    context = ALL[name]
    options = {
        flag
        for each in context.command.params
        if isinstance(each, click.Option)
        for flag in each.opts
        if flag.startswith("--")
    }
    found = {item.value for item in context.command.shell_complete(context, "--")}
    assert found >= options
    if name == "enforce":  # through the real program once
        assert completed(name, "--") >= options


def documented() -> list[tuple[str, str]]:
    """Every command line in the docs: in a block indented by four blanks, or between backquotes."""
    found = []
    for path in DOCS:
        text = path.read_text()
        blocks = re.findall(r"^ {4}(?:sudo |\.venv/bin/|# |\$ )?(fail2ban-ai(?: .*)?)$", text, re.MULTILINE)
        inline = re.findall(r"`(?:sudo )?(fail2ban-ai [^`\n]+)`", text)
        found += [(path.name, line.partition(" #")[0].strip()) for line in (*blocks, *inline)]
    return found


@pytest.mark.parametrize(("page", "line"), documented())
def test_every_command_in_the_docs_parses(page: str, line: str) -> None:
    if "|" in line or "…" in line or "NAME" in line:
        pytest.skip("a pattern, not a command")
    parses(shlex.split(line.replace("[", "").replace("]", ""))[1:])  # what may be left out must exist, too


def test_every_command_stands_in_the_docs() -> None:
    text = "".join(path.read_text() for path in DOCS)
    for name in COMMANDS:
        assert f"fail2ban-ai {name}" in text, f"no page of the docs names {name}"
