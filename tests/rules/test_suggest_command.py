"""`fail2ban-ai suggest-rules` from the outside: logs in, proved folders out."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fail2ban_ai.errors import Fail2banAbsent
from fail2ban_ai.fail2ban import code
from fail2ban_ai.rules.filter_file import parse
from fail2ban_ai.rules.suggestion import read, read_lines
from fail2ban_ai.training.simulator import Part, Scenario, simulate

DAY = 86_400.0
START = datetime(2026, 3, 9, tzinfo=UTC).timestamp()
COMMAND = str(Path(sys.executable).with_name("fail2ban-ai"))


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TZ": "UTC", "COLUMNS": "160"} | env
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, env=environment, timeout=300, check=False)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Five days of a blog: visitors, and scanners that come back on other days."""
    benign = ["visitors", "regulars", "searches", "crawlers", "monitors", "feed_readers", "sysadmins", "lost_users"]
    scans = tuple(
        Part("fast_scan", (START + day * DAY + hour * 3600, START + day * DAY + hour * 3600 + 1800))
        for day in range(1, 5)
        for hour in (3, 19)
    )
    probes = tuple(Part("exploit", (START + day * DAY, START + (day + 1) * DAY)) for day in range(5) for _ in range(2))
    guesses = tuple(
        Part("brute_force", (START + day * DAY, START + day * DAY + 7200), {"gap": 20.0, "count": 40})
        for day in range(1, 5)
    )
    cast = (*(Part(role) for role in benign), *scans, *probes, *guesses)
    world = simulate(3, Scenario("rules", START, 5.0, "blog", cast))
    folder = tmp_path_factory.mktemp("logs")
    paths = [str(path) for path in world.write(folder)]
    access = next(Path(path) for path in paths if path.endswith("access.log"))
    stamp = "[13/Mar/2026:23:59:00 +0000]"
    hostile = [
        f'203.0.113.9 - - {stamp} "GET /a%2e%2e/<ADDR>/%(failregex)s;%20;x HTTP/1.1" 404 1 "-" "<HOST>\x00\x1b[2J"',
        f'203.0.113.9 - - {stamp} "GET /{"a" * 64_000} HTTP/1.1" 404 1 "-" "x"',
        f'203.0.113.9 - - {stamp} "GET /old;/\ufffd\u202e HTTP/1.1" 404 1 "-" "x\\"y"',
    ]
    with access.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in hostile * 4))
    return paths


@pytest.fixture(scope="module")
def suggested(logs: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    try:
        code.interpreter()
    except Fail2banAbsent as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("out") / "rules"
    done = run("suggest-rules", *logs, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_recurring_findings_become_proved_rules(suggested: tuple[Path, dict[str, Any]]) -> None:
    out, facts = suggested
    good = [rule for rule in facts["suggestions"] if rule["proved"]]
    assert len(good) >= 2
    assert {rule["jail"]["service"] for rule in good} == {"web", "sshd"}
    assert {step["name"] for step in good[0]["proof"]} >= {"benign-history", "later", "loads", "samples"}
    assert all(rule["would_ban"] for rule in good)
    assert {path.name for path in out.iterdir()} == {rule["name"] for rule in facts["suggestions"]}


def test_each_folder_is_what_its_reader_expects(suggested: tuple[Path, dict[str, Any]]) -> None:
    out, facts = suggested
    for told in facts["suggestions"]:
        rule = read(out / told["name"])
        assert rule.proved == told["proved"]
        assert parse((out / rule.name / "filter.conf").read_text()).failregex == rule.failregex
        assert {line.set for line in read_lines(out / rule.name)} <= {"cluster", "later"}
        assert "enabled = false" in (out / rule.name / "jail.conf").read_text()
        page = (out / rule.name / "evidence.md").read_text()
        assert all(step.name in page for step in rule.proof)
        assert "\x1b" not in page


def test_what_no_rule_was_made_of_is_told(suggested: tuple[Path, dict[str, Any]]) -> None:
    _, facts = suggested
    reasons = {left["reason"] for left in facts["left"]}
    assert any(reason.startswith("not recurring") for reason in reasons)
    assert any("honest" in reason or "benign" in reason for reason in reasons)


def test_without_fail2ban_there_is_one_sentence(logs: list[str], tmp_path: Path) -> None:
    done = run("suggest-rules", *logs, "--out", str(tmp_path / "x"), FAIL2BAN_AI_SYSTEM_PYTHON="/nonexistent")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Error: fail2ban is not installed")
    assert done.stderr.strip().count("\n") == 0
    assert not (tmp_path / "x").exists()


def test_a_quiet_log_yields_a_sentence(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text('192.0.2.1 - - [09/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 Firefox"\n' * 3)
    done = run("suggest-rules", str(log), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "No rule to suggest" in done.stdout
