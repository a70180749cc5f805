"""`fail2ban-ai enforce` as the root process it is: what it loads, and a run from the decisions log to the nft set."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2ban_ai import decisions, decisions_log, decisions_outcomes, paths
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import PrivateServer

RUN = "import sys; from fail2ban_ai.cli import main; sys.argv[0] = 'fail2ban-ai'; main()"


def test_the_root_process_loads_the_standard_library_only() -> None:
    code = (
        "import sys, fail2ban_ai.cli.enforce\n"
        "names = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(*sorted(name for name in names if not name.startswith('_')))"
    )
    # -S: no site-packages hooks of this interpreter; only the package's own folder is added.
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["fail2ban_ai"]


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--once", "--repair"], ["extra"]])
def test_usage_errors_exit_2(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", RUN, "enforce", *arguments], capture_output=True, check=False)
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ('{"mode": "ban everything"}', "mode: expected one of observe, enforce"),
        ('{"mod": "enforce"}', "expected an object with the keys mode, gate, severity, breaker and repair"),
        ('{"severity": {"high": "ban"}}', "severity.high: expected one of alert, limit, block"),
        ('{"severity": {"worst": "block"}}', "severity.worst is none; expected one of low"),
        ('{"breaker": {"asked_per_hour": 0}}', "breaker.asked_per_hour: expected a whole number"),
        ('{"breaker": {"bans": 3}}', "breaker.bans is no setting"),
        ('{"repair": "yes"}', "repair: expected true or false"),
        ('{"gate": []}', "gate: expected an object"),
        ('{"gate": {"per_hour": "many"}}', "gate.per_hour"),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    done = command(tmp_path, text, "--once")
    assert done.returncode == 1
    assert said in done.stderr
    assert "enforce.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_others_may_write_are_refused(tmp_path: Path) -> None:
    write_settings(tmp_path, "{}")
    (tmp_path / "etc/fail2ban-ai/enforce.json").chmod(0o666)
    done = command(tmp_path, None, "--once")
    assert done.returncode == 1
    assert "writable by group or others" in done.stderr


def write_settings(root: Path, text: str) -> None:
    folder = root / "etc/fail2ban-ai"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "enforce.json").write_text(text)
    (folder / "enforce.json").chmod(0o644)


def environment(root: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "FAIL2BAN_AI_ROOT": str(root), **more}


def command(root: Path, settings: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    if settings is not None:
        write_settings(root, settings)
    return subprocess.run(
        [sys.executable, "-c", RUN, "enforce", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(root),
    )


@pytest.fixture
def inside(server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """How to start the command inside the server's namespace, with a fail2ban-client that finds the server."""
    assert server.namespace is not None
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    programs = tmp_path / "bin"
    programs.mkdir()
    real = subprocess.run(["which", "fail2ban-client"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = programs / "fail2ban-client"
    wrapper.write_text(f'#!/bin/sh\nexec {real} {" ".join(server.client._command[1:])} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    write_settings(tmp_path, json.dumps({"mode": "enforce"}))
    yield [*server.namespace.command, sys.executable, "-c", RUN, "enforce"]


def ask(target: str) -> None:
    decision = decisions.make(target, at=time.time(), reason="test", matches=["a line"])
    decisions_log.append(paths.decisions(), decisions.to_line(decision))


def results() -> dict[str, str]:
    found = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    return {outcome.target: outcome.result for outcome in found}


@pytest.mark.bench
def test_once_bans_what_the_gate_lets_pass(
    server: PrivateServer, inside: list[str], request: pytest.FixtureRequest
) -> None:
    server.client.run("set", "sshd", "addignoreip", "198.51.100.0/24")
    request.addfinalizer(lambda: server.client.run("set", "sshd", "delignoreip", "198.51.100.0/24"))
    for target in ("203.0.113.9", "198.51.100.7", "127.0.0.1", "2001:db8:5::/64"):
        ask(target)
    done = subprocess.run([*inside, "--once"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert results() == {
        "203.0.113.9": "banned",
        "2001:db8:5::/64": "banned",
        "198.51.100.7": "refused",
        "127.0.0.1": "refused",
    }
    assert server.nft is not None
    assert server.nft.blocked(jails.ADDRESSES) == {"203.0.113.9"}
    assert server.nft.blocked(jails.NETWORKS) == {"2001:db8:5::/64"}
    assert "banned 203.0.113.9" in done.stdout


@pytest.mark.bench
def test_repair_blocks_again_what_a_flush_let_through(server: PrivateServer, inside: list[str]) -> None:
    assert server.namespace is not None
    ask("203.0.113.9")
    subprocess.run([*inside, "--once"], capture_output=True, timeout=60, check=True)
    time.sleep(0.5)
    server.namespace.run("nft", "flush", "ruleset")
    done = subprocess.run([*inside, "--repair"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert server.nft is not None
    assert server.nft.blocked(jails.ADDRESSES) == {"203.0.113.9"}


@pytest.mark.bench
def test_fail2ban_down_is_a_sentence_and_the_decisions_stay(server: PrivateServer, inside: list[str]) -> None:
    ask("203.0.113.9")
    server.stop()
    done = subprocess.run([*inside, "--once"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "fail2ban does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert results() == {}
    server.start()
    assert subprocess.run([*inside, "--once"], capture_output=True, timeout=60, check=False).returncode == 0
    assert results() == {"203.0.113.9": "banned"}


@pytest.mark.bench
def test_the_loop_follows_the_log_alone_and_ends_when_told(server: PrivateServer, inside: list[str]) -> None:
    running = subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        second = subprocess.run([*inside, "--once"], capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert "another" in second.stderr
        ask("203.0.113.9")
        for _ in range(80):
            if results():
                break
            time.sleep(0.1)
        assert results() == {"203.0.113.9": "banned"}
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    finally:
        running.kill()
        running.communicate()
