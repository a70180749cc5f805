"""`fail2ban-ai enforce` as the root process it is: what it loads, and a run from the decisions log to the nft set."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.cli import enforce
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.enforce import notices, trial
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import PrivateServer

RUN = "import sys; from fail2ban_ai.cli import main; sys.argv[0] = 'fail2ban-ai'; main()"
# Looks at the firewall each second instead of every 30.
FAST = f"import fail2ban_ai.cli.enforce as e; e.EVERY = 1.0; e.DOWN_SECONDS = 0.5; {RUN}"


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


@contextmanager
def loop(inside: list[str], run: str = FAST) -> Iterator["subprocess.Popen[str]"]:
    """The command as a service, that looks more often."""
    words = [run if word == RUN else word for word in inside]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def until(found: Callable[[], bool], seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.05)
    return found()


def kinds() -> list[str]:
    return [notice.kind for notice in notices.newest(100)]


@pytest.mark.bench
def test_the_loop_mends_what_a_flush_did_and_makes_no_lifted_ban_again(
    server: PrivateServer, inside: list[str]
) -> None:
    assert server.namespace is not None
    assert server.nft is not None
    nft = server.nft
    server.client.banip("sshd", ["198.51.100.200"])
    with loop(inside):
        for target in ("203.0.113.9", "203.0.113.10", "203.0.113.0/24"):
            ask(target)
        assert until(lambda: len(results()) == 3)
        server.client.run("set", jails.ADDRESSES, "unbanip", "203.0.113.10")  # an admin's, past us
        time.sleep(0.5)
        server.namespace.run("nft", "delete", "table", "inet", "f2b-fail2ban-ai")
        server.namespace.run("nft", "delete", "table", "inet", "f2b-fail2ban-ai-net")
        assert until(lambda: nft.blocked(jails.ADDRESSES) == {"203.0.113.9"})
        assert until(lambda: nft.blocked(jails.NETWORKS) == {"203.0.113.0/24"})
        assert until(lambda: kinds().count("repaired") == 2)
        time.sleep(1.5)
        assert nft.blocked(jails.ADDRESSES) == {"203.0.113.9"}
    assert "198.51.100.200" in (nft.ruleset() or ""), "another jail's ban is as it was"


@pytest.mark.bench
def test_unless_the_settings_say_that_it_is_only_told(server: PrivateServer, inside: list[str], tmp_path: Path) -> None:
    assert server.namespace is not None
    assert server.nft is not None
    write_settings(tmp_path, json.dumps({"mode": "enforce", "repair": False}))
    with loop(inside):
        ask("203.0.113.9")
        assert until(lambda: results() == {"203.0.113.9": "banned"})
        time.sleep(0.5)
        server.namespace.run("nft", "flush", "ruleset")
        assert until(lambda: "not-blocked" in kinds())
    assert server.nft.blocked(jails.ADDRESSES) == set()
    server.client.restart_jail("sshd")  # others' rules, which the flush took as well


@pytest.mark.bench
def test_settings_take_effect_at_once_and_wrong_ones_stop_bans(
    server: PrivateServer, inside: list[str], tmp_path: Path
) -> None:
    with loop(inside):
        ask("203.0.113.9")
        assert until(lambda: results().get("203.0.113.9") == "banned")
        write_settings(tmp_path, json.dumps({"mode": "observe"}))
        ask("203.0.113.10")
        assert until(lambda: results().get("203.0.113.10") == "would-ban")
        write_settings(tmp_path, "{")
        ask("203.0.113.11")
        assert until(lambda: "waiting" in kinds())
        time.sleep(1)
        assert "203.0.113.11" not in results()
        write_settings(tmp_path, json.dumps({"mode": "enforce", "severity": {"medium": "limit"}}))
        assert until(lambda: results().get("203.0.113.11") == "limited")
    assert server.client.banned(jails.ADDRESSES) == ["203.0.113.9"]


@pytest.mark.bench
def test_a_trial_that_nobody_confirms_ends_in_observe(server: PrivateServer, inside: list[str], tmp_path: Path) -> None:
    with loop(inside):
        server.client.run("set", jails.ADDRESSES, "bantime", "600")
        try:
            paths.replace(paths.trial(), json.dumps({"began": time.time() - trial.LASTS + 5}))
            ask("203.0.113.9")
            assert until(lambda: results().get("203.0.113.9") == "banned")
            assert until(lambda: enforcer_settings.load().mode == "observe")
            ask("203.0.113.10")
            assert until(lambda: results().get("203.0.113.10") == "would-ban")
        finally:
            server.client.run("set", jails.ADDRESSES, "bantime", "86400")
    assert kinds() == ["trial"]
    found = trial.state()
    assert found is not None
    assert found.lapsed


@pytest.mark.bench
def test_a_jail_that_stops_and_comes_back(server: PrivateServer, inside: list[str]) -> None:
    with loop(inside):
        server.client.run("stop", jails.NETWORKS)
        assert until(lambda: "waiting" in kinds())
        ask("203.0.113.9")
        assert until(lambda: results().get("203.0.113.9") == "banned")
        server.client.run("reload", "--if-exists", jails.NETWORKS)
        ask("203.0.113.0/24")
        assert until(lambda: results().get("203.0.113.0/24") == "banned")


@pytest.mark.bench
def test_from_a_decision_to_the_firewall_within_seconds(server: PrivateServer, inside: list[str]) -> None:
    assert server.nft is not None
    nft = server.nft
    took = []
    with loop(inside, RUN):
        time.sleep(2)
        for number in range(1, 6):
            target = f"203.0.113.{number}"
            since = time.monotonic()
            ask(target)
            assert until(lambda: target in (nft.blocked(jails.ADDRESSES) or ()))  # noqa: B023 - called at once
            took.append(time.monotonic() - since)
            assert until(lambda: target in results())  # noqa: B023
    assert sorted(took)[2] < 5.0, took  # under load; see docs/enforcement.md for the figure of an idle machine


def test_the_breaker_is_reset_and_the_trial_confirmed_on_the_command_line(tmp_path: Path) -> None:
    done = command(tmp_path, None, "--reset")
    assert (done.returncode, "not open" in done.stderr) == (1, True)
    paths_of = tmp_path / "var/lib/fail2ban-ai-root"
    paths_of.mkdir(parents=True, exist_ok=True)
    (paths_of / "breaker.json").write_text('{"at": 1.0, "why": "too many"}')
    done = command(tmp_path, None, "--reset")
    assert done.returncode == 0
    assert "too many" in done.stdout
    assert not (paths_of / "breaker.json").exists()
    done = command(tmp_path, None, "--confirm")
    assert done.returncode == 1
    assert "nothing to confirm" in done.stderr


@pytest.mark.bench
def test_confirm_gives_the_jails_their_bantime_back(
    server: PrivateServer, inside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforce, "CONFIG", server.config)
    trial.begin(server.config, server.client)
    assert enforce.main(["--confirm"]) == 0
    assert server.client.get(jails.ADDRESSES, "bantime") == "86400"
