"""`fail2ban-ai doctor`: its output and its exit status."""

import json

import pytest
from click.testing import CliRunner

from fail2ban_ai import doctor
from fail2ban_ai.cli.doctor import command
from fail2ban_ai.doctor.result import LEVELS, Result


@pytest.mark.parametrize(("level", "status"), [("ok", 0), ("info", 0), ("warning", 0), ("error", 1)])
def test_only_errors_make_it_fail(monkeypatch: pytest.MonkeyPatch, level: str, status: int) -> None:
    monkeypatch.setattr(
        doctor, "examine", lambda host: [Result("a-check", level, "A sentence.", "An advice.", "/a/file", 3)]
    )
    done = CliRunner().invoke(command, ["--json"])
    assert done.exit_code == status
    assert json.loads(done.output) == {
        "schema": 1,
        "results": [
            {
                "check": "a-check",
                "level": level,
                "sentence": "A sentence.",
                "advice": "An advice.",
                "file": "/a/file",
                "line": 3,
            }
        ],
    }


def test_what_files_hold_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "examine", lambda host: [Result("a", "error", "bad \x1b[2J [bold]x[/bold]", "do\x07", "/f\x1b")]
    )
    done = CliRunner().invoke(command)
    assert done.exit_code == 1
    assert "\x1b[2J" not in done.output
    assert "\x07" not in done.output
    assert "[bold]x[/bold]" in done.output


def test_on_any_host_it_ends_with_results() -> None:
    done = CliRunner().invoke(command, ["--json"])
    assert done.exit_code in (0, 1)
    assert {result["level"] for result in json.loads(done.output)["results"]} <= set(LEVELS)
