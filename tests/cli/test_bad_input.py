"""Anything may stand in a log: counted, never a crash, never a ban of an address that was only mentioned."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fail2ban_ai.cli.group import cli

ATTACKER, MENTIONED = "203.0.113.50", "198.51.100.77"
COMBINED = '{} - - [15/Mar/2026:{:02d}:{:02d}:00 +0000] "GET {} HTTP/1.1" {} 512 "{}" "{}"'


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["analyze", *words], catch_exceptions=False)


def _report(*words: str) -> dict[str, Any]:
    result = _run(*words, "--json")
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def _named(report: dict[str, Any]) -> set[str]:
    return {a["address"] for c in report["campaigns"] for a in c["actors"]} | {d["target"] for d in report["decisions"]}


def _access(address: str = ATTACKER, agent: str = "curl/8", referer: str = "-") -> str:
    probes = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/admin.php", "/shell.php?cmd=id")
    return "".join(COMBINED.format(address, 3, m, p, 404, referer, agent) + "\n" for m, p in enumerate(probes * 5))


def test_garbage_among_lines_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    garbage = b"\x00\x00\x00\n" + b"\xff\xfe\xfd not text\n" + b"A" * 64_000 + b"\n" + b'" - - [' * 100 + b"\n"
    log.write_bytes(_access().encode() + garbage + _access().encode())
    report = _report(str(log))
    assert report["lines"]["read"] == 64
    assert report["lines"]["understood"] == 60
    assert _named(report) <= {ATTACKER}


@pytest.mark.parametrize("field", ["agent", "referer"])
def test_an_address_in_a_field_is_never_an_actor(tmp_path: Path, field: str) -> None:
    planted = f"{MENTIONED} sshd[1]: Failed password for root from {MENTIONED} port 22 ssh2"
    log = tmp_path / "access.log"
    log.write_text(_access(**{field: planted}))
    assert _named(_report(str(log))) <= {ATTACKER}


def test_an_address_as_a_user_name_is_never_an_actor(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(
        "".join(
            f"2026-03-15T03:{m:02d}:00+00:00 host sshd[{m}]: Failed password for invalid user {name} from {ATTACKER} port 4 ssh2\n"
            for m in range(40)
            for name in (MENTIONED, f"x from {MENTIONED} port 22 ssh2")
        )
    )
    assert _named(_report(str(log))) <= {ATTACKER}


def test_a_line_in_the_form_of_our_own_decision_is_no_decision(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    decision = json.dumps({"action": "ban", "target": MENTIONED, "at": 1.0, "id": "0" * 32})
    log.write_text(_access() + decision + "\n")
    assert MENTIONED not in _named(_report(str(log)))


def test_a_broken_gz_gives_what_could_be_read_and_says_so(tmp_path: Path) -> None:
    log = tmp_path / "access.log.1.gz"
    whole = gzip.compress(_access().encode() * 40)
    log.write_bytes(whole[: len(whole) - 40])
    result = _run(str(log))
    assert result.exit_code == 0
    assert str(log) in result.output.replace("\n", "")


def test_a_vanished_file_beside_a_good_one_is_told(tmp_path: Path) -> None:
    good = tmp_path / "access.log"
    good.write_text(_access())
    result = _run(str(good), str(tmp_path / "gone.log"))
    assert result.exit_code == 0
    assert "gone.log" in result.output.replace("\n", "")


def test_nothing_to_read_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    result = _run(str(tmp_path / "gone.log"))
    assert result.exit_code == 1
    assert "gone.log" in result.output
    assert "Traceback" not in result.output


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    report = _report(str(tmp_path / "empty.log"))
    assert report["lines"]["read"] == 0
    assert report["window"] == {"from": None, "to": None}


def test_an_unknown_format_names_those_there_are(tmp_path: Path) -> None:
    result = _run(str(tmp_path / "x.log"), "--format", "nonesuch")
    assert result.exit_code == 1
    assert "combined" in result.output


def test_a_wrong_time_is_a_usage_error(tmp_path: Path) -> None:
    assert _run(str(tmp_path / "x.log"), "--since", "yesterday-ish").exit_code == 2
    assert _run(str(tmp_path / "x.log"), "--last", "6 parsecs").exit_code == 2


def test_auto_ban_refuses_named_files(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(_access())
    assert _run(str(log), "--auto-ban", "low").exit_code == 2


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(_access(agent="\x1b]0;owned\x07\x1b[31m \u202eevil"))
    result = _run(str(log))
    assert "\x1b]0" not in result.output
    assert "\u202e" not in result.output


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(_access())
    assert _run(str(log), "--json").stdout == _run(str(log), "--json").stdout


def test_compare_without_fail2ban_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_SYSTEM_PYTHON", "/nonexistent/python3")
    log = tmp_path / "access.log"
    log.write_text(_access())
    result = _run(str(log), "--compare")
    assert result.exit_code == 1
    assert "fail2ban" in result.output
