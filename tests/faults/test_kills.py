"""kill -9 of enforce and of fail2ban-server at random moments: nothing is lost, doubled, or done to the wrong one."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce.enforcer import BATCH
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer

pytestmark = pytest.mark.bench

RUN = (
    "import sys; import fail2ban_ai.cli.enforce as e; import fail2ban_ai.enforce.enforcer as f; "
    "e.EVERY = 2.0; e.DOWN_SECONDS = 0.3; f.RETRY_SECONDS = 1.0; sys.exit(e.main([]))"
)
FAILED = "{} host sshd[7]: Failed password for invalid user admin from 192.0.2.250 port 22 ssh2\n"


class Host:
    """A private server in a namespace, the enforcer beside it, and what was asked for."""

    def __init__(self, server: PrivateServer, root: Path) -> None:
        self.server = server
        self.asked: dict[str, str] = {}  # id: target
        self._root = root
        self._enforcer: subprocess.Popen[bytes] | None = None
        programs = root / "bin"
        programs.mkdir()
        real = subprocess.run(["which", "fail2ban-client"], capture_output=True, text=True, check=True).stdout.strip()
        (programs / "fail2ban-client").write_text(
            f'#!/bin/sh\nexec {real} {" ".join(server.client._command[1:])} "$@"\n'
        )
        (programs / "fail2ban-client").chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def start(self) -> None:
        assert self.server.namespace is not None
        with (self._root / "enforce.txt").open("ab") as said:
            words = [*self.server.namespace.command, sys.executable, "-c", RUN]
            self._enforcer = subprocess.Popen(words, stdout=said, stderr=said, env=self._environment)

    def kill(self) -> None:
        if self._enforcer is not None:
            self._enforcer.kill()
            self._enforcer.wait()
            self._enforcer = None

    def ask(self, target: str) -> None:
        decision = decisions.make(target, at=time.time(), reason="test", matches=["a line"])
        decisions_log.append(paths.decisions(), decisions.to_line(decision))
        self.asked[decision.id] = target

    def said(self) -> str:
        return (self._root / "enforce.txt").read_text()[-3000:]


@pytest.fixture
def host(bench_host: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.replace(paths.settings(), json.dumps({"mode": "enforce"}))
    facts_allow.add("198.51.100.0/24", time.time(), note="the office")
    with Namespace() as inside, PrivateServer(inside, stock=("sshd",)) as server:
        made = Host(server, tmp_path)
        try:
            yield made
        finally:
            made.kill()


def outcomes() -> list[Outcome]:
    return decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)


def final() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for outcome in outcomes():
        if outcome.result != "failed":
            found.setdefault(outcome.id, []).append(outcome.result)
    return found


def until(found: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.1)
    return found()


def killed(host: Host, times: int, seed: int) -> None:
    """Ask for bans of all sorts while one or the other is killed `times` times, at random moments."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    host.start()
    for number in range(1, times + 1):
        host.ask(f"203.0.113.{number}")
        host.ask(f"2001:db8:{number:x}::/64")
        host.ask(f"198.51.100.{number}")  # allowed: never
        time.sleep(rng.random() * 1.5)
        if rng.random() < 0.5:
            host.kill()
            time.sleep(rng.random() * 0.3)
            host.start()
        else:
            host.server.kill()
            time.sleep(rng.random() * 0.3)
            host.server.start()
    assert until(lambda: set(host.asked) <= set(final())), (len(host.asked), len(final()), host.said())


def check(host: Host) -> None:
    server = host.server
    assert server.nft is not None
    assert all(len(results) == 1 for results in final().values()), "one outcome for each decision"
    results = {host.asked[id_]: found[0] for id_, found in final().items()}
    wrong = {target for target in results if target.startswith("198.51.100.")}
    right = set(results) - wrong
    assert {results[target] for target in wrong} == {"refused"}
    assert {results[target] for target in right} <= {"banned", "already"}
    for jail in jails.JAILS:
        mine = {target for target in right if jails.jail_of(jails.normalise(target)) == jail}
        # A ban that fail2ban lost when it was killed comes back with the next comparison.
        listed = until(lambda: set(server.client.banned(jail)) == mine)  # noqa: B023
        assert listed, "every ban is listed, and nothing else"
        assert until(lambda: server.nft.blocked(jail) == mine, 10), "and blocked"  # type: ignore[union-attr] # noqa: B023
    log = (server.folder / "fail2ban.log").read_text()
    assert "198.51.100." not in log, "nobody allowed was ever as much as asked for"
    for life in log.split("Starting Fail2ban")[1:]:
        made = Counter(line.rpartition("] ")[2] for line in life.splitlines() if "] Ban " in line)
        assert all(count == 1 for count in made.values()), "no ban is made twice"
    for _ in range(6):
        with server.logs["auth.log"].open("a") as file:
            file.write(FAILED.format(time.strftime("%b %d %H:%M:%S")))
    assert server.client.await_banned("sshd", ["192.0.2.250"], seconds=15) == set(), "other jails ban as ever"


def test_killed_eight_times(host: Host) -> None:
    killed(host, 8, seed=1)
    check(host)


@pytest.mark.faults
def test_killed_fifty_times(host: Host) -> None:
    killed(host, 50, seed=2)
    check(host)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False)
    if done.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        folder.chmod(0o755)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_and_room_again(host: Host) -> None:
    with small_disk(paths.outcomes().parent):
        facts_allow.add("198.51.100.0/24", time.time())
        host.start()
        host.ask("203.0.113.1")
        assert until(lambda: len(final()) == 1)
        filling = paths.outcomes().with_name("filling")
        with suppress(OSError), filling.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        for number in range(2, 80):
            host.ask(f"203.0.113.{number}")
        host.ask("198.51.100.7")
        time.sleep(5)
        recorded = len(final())  # the last page of a file may still have room
        listed = len(host.server.client.banned(jails.ADDRESSES))
        assert listed <= recorded + BATCH, "no more than one batch is ahead of what could be written"
        filling.unlink()
        assert until(lambda: set(host.asked) <= set(final())), host.said()
        check(host)
        host.kill()
