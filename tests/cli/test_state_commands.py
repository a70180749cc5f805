"""Findings on configured sources are kept, listed and explained; asked bans land in the decisions log."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fail2ban_ai import config, decisions, paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.fail2ban.logs import JailSource
from fail2ban_ai.training.simulator import attack

SEED = 11


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose configuration names the logs of one attacked site."""
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    logs = [str(path) for path in attack("stuffing_net", SEED).write(tmp_path / "logs")]
    paths.config().parent.mkdir(parents=True)
    paths.config().write_text(json.dumps({"sources": logs, "zones": {"*": "UTC"}}))
    paths.decisions().parent.mkdir(parents=True)
    return tmp_path


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


def test_before_the_first_run_nothing_is_known(host: Path) -> None:
    assert _run("campaigns").exit_code == 1
    assert _run("explain", "203.0.113.9").exit_code == 1
    assert json.loads(_run("status", "--json").stdout)["last_run"] == "never"


def test_a_run_is_kept_listed_explained_and_its_bans_asked_for(host: Path) -> None:
    assert _run("analyze", "--auto-ban", "low").exit_code == 0
    listed = json.loads(_run("campaigns", "--json").stdout)
    stuffing = next(c for c in listed if c["kind"] == "credential_stuffing")
    told = _run("explain", stuffing["actors"][0]["address"])
    assert told.exit_code == 0
    assert stuffing["id"] in told.output
    assert _run("explain", stuffing["id"]).exit_code == 0
    asked = decisions_log.read_all(paths.decisions(), decisions.from_line)
    wanted = {a["address"] for c in listed for a in c["actors"] if a["decision"] == "ban"}
    wanted |= {n["cidr"] for c in listed for n in c["networks"] if n["decision"] == "ban"}
    assert {one.target for one in asked} == wanted
    assert all(one.matches and one.reason for one in asked)
    status = json.loads(_run("status", "--json").stdout)
    assert status["decisions"]["ban"] == len(wanted)


def test_plain_files_leave_no_trace(host: Path) -> None:
    log = next((host / "logs").rglob("*.log"))
    assert _run("analyze", str(log)).exit_code == 0
    assert not (paths.decisions().with_name("state.sqlite")).exists()
    assert not paths.decisions().exists()


def test_a_damaged_state_is_told(host: Path) -> None:
    paths.decisions().with_name("state.sqlite").write_bytes(b"not a database" * 100)
    result = _run("campaigns")
    assert result.exit_code == 1
    assert "state.sqlite" in result.output


def test_without_sources_the_logs_and_units_of_fail2ban_are_read(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.config().unlink()
    log = next((host / "logs").rglob("*.log"))
    jails = [
        JailSource("nginx-botsearch", "web", paths=(str(log),)),
        JailSource("sshd", "sshd", journalmatch=("_SYSTEMD_UNIT=ssh.service + _COMM=sshd",)),
    ]
    monkeypatch.setattr("fail2ban_ai.fail2ban.logs.discover", lambda: jails)
    report = json.loads(_run("analyze", "--json").stdout)
    assert {source["source"] for source in report["lines"]["by_source"]} == {str(log), "journal:ssh.service"}


def test_the_jail_of_an_installed_rule_hides_nothing_of_its_log(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(_run("analyze", "--json").stdout)["lines"]
    log = config.load().sources
    paths.config().write_text(json.dumps({"also": log}))
    jails = [JailSource("ai-web-env", None, paths=tuple(log), failregex=("^<ADDR> .*$",))]
    monkeypatch.setattr("fail2ban_ai.fail2ban.logs.discover", lambda: jails)
    assert json.loads(_run("analyze", "--json").stdout)["lines"] == before


def test_what_fail2ban_bans_counts_as_fail2bans_and_is_not_asked_for_again(host: Path) -> None:
    first = json.loads(_run("analyze", "--json").stdout)
    assert (first["fail2ban"]["how"], first["fail2ban"]["banned"]) == ("none", [])
    banned = [a for c in first["campaigns"] for a in c["actors"] if a["decision"] == "ban" and ":" not in a["address"]]
    actor = banned[0]
    at = datetime.fromisoformat(actor["first_seen"]).timestamp()
    paths.feed().parent.mkdir(parents=True)
    paths.feed().write_text(f"ban {at} sshd {actor['address']} 5 -1 1 -\n")
    report = json.loads(_run("analyze", "--json", "--auto-ban", "low").stdout)
    assert report["fail2ban"]["how"] == "history"
    assert [(ban["address"], ban["jail"]) for ban in report["fail2ban"]["banned"]] == [(actor["address"], "sshd")]
    found = {a["address"]: a for c in report["campaigns"] for a in c["actors"]}
    assert found[actor["address"]]["missed_by_fail2ban"] is False
    assert found[actor["address"]]["decision"] == "watch"
    assert found[actor["address"]]["reason"] == "fail2ban has it (jail sshd)"
    assert all(found[other["address"]]["missed_by_fail2ban"] for other in banned[1:])
    asked = {one.target for one in decisions_log.read_all(paths.decisions(), decisions.from_line)}
    assert actor["address"] not in asked
    assert {other["address"] for other in banned[1:]} <= asked
    assert [label.address for label in labels.load()] == [actor["address"]]
    log = next((host / "logs").rglob("*.log"))
    assert json.loads(_run("analyze", "--json", str(log)).stdout)["fail2ban"]["how"] == "none", "not for named files"
