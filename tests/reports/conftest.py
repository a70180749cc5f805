"""The demo's report as the command writes it, and a browser to look at pages with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fail2ban_ai.cli.group import cli
from fail2ban_ai.training.simulator import demo_world
from tests.reports import headless
from tests.reports.headless import Browser


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `analyze --save-report` wrote for the demo's logs."""
    folder = tmp_path_factory.mktemp("demo")
    logs = [str(path) for path in demo_world().write(folder / "logs")]
    result = CliRunner().invoke(cli, ["analyze", *logs, "--save-report", str(folder / "out")], catch_exceptions=False)
    assert result.exit_code == 0
    return folder / "out"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if headless.PROGRAM is None:
        pytest.skip("chromium is not installed")
    with Browser() as opened:
        yield opened
