"""A log of a service without a format is read through its jail's failregex when fail2ban names it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fail2ban_ai.cli.group import cli
from fail2ban_ai.fail2ban.failregex import FailregexFormat
from fail2ban_ai.fail2ban.logs import JailSource

from .test_failregex import FILTER, JAIL, Make

pytestmark = pytest.mark.bench


def test_it_is_read_and_its_failures_counted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: Make,
) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    (tmp_path / "var/lib/fail2ban-ai").mkdir(parents=True)
    log = tmp_path / "thing.log"
    log.write_text(
        "".join(f'2025-03-10 12:00:{n:02d} refused user "bob" from 192.0.2.1\n' for n in range(9)) + "hello\n"
    )
    folder = config(JAIL, thing=FILTER)
    monkeypatch.setattr("fail2ban_ai.fail2ban.logs.discover", lambda: [JailSource("thing", None, paths=(str(log),))])
    monkeypatch.setattr("fail2ban_ai.cli.analyze.FailregexFormat", lambda jail: FailregexFormat(jail, config=folder))
    result = CliRunner().invoke(cli, ["analyze", "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    source = report["lines"]["by_source"][0]
    assert (source["service"], source["read"], source["understood"]) == ("thing", 10, 9)
