"""Decisions carried out on a real server: banned, refused or kept; a crash loses and doubles nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import Decision
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.enforce.enforcer import RETRY_SECONDS, Enforcer
from fail2ban_ai.errors import Fail2banDown
from fail2ban_ai.facts import Facts, Protected
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.gate import GateSettings

pytestmark = pytest.mark.bench


@pytest.fixture
def running(server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PrivateServer:
    """A server without bans, and folders of our own for decisions and outcomes."""
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    return server


def enforcer(server: PrivateServer, *, banning: bool = True, facts: Facts | None = None) -> Enforcer:
    assert server.nft is not None
    given = facts or Facts()
    return Enforcer(server.client, server.nft, GateSettings(), lambda: given, banning)


def ask(target: str, *, ago: float = 0.0, action: str = "ban", reason: str = "") -> Decision:
    decision = decisions.make(target, at=time.time() - ago, action=action, reason=reason, matches=["GET /wp-admin"])
    decisions_log.append(paths.decisions(), decisions.to_line(decision))
    return decision


def results() -> dict[str, str]:
    return {each.id: each.result for each in outcomes()}


def outcomes() -> list[decisions_outcomes.Outcome]:
    return decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)


def banned(server: PrivateServer) -> set[str]:
    """What is really blocked; it must be what fail2ban lists."""
    assert server.nft is not None
    found: set[str] = set()
    for jail in jails.JAILS:
        blocked = server.nft.blocked(jail)
        assert blocked == set(server.client.banned(jail))
        found |= set(blocked or ())
    return found


def test_each_target_is_banned_in_its_jail_with_its_outcome(running: PrivateServer) -> None:
    targets = ["203.0.113.9", "198.51.100.0/24", "2001:db8:1:2::/64", "192.0.2.16/28"]
    asked = [ask(target) for target in targets]
    assert [each.result for each in enforcer(running).step()] == ["banned"] * 4
    assert banned(running) == set(targets)
    assert running.client.banned(jails.ADDRESSES) == ["203.0.113.9"]
    assert results() == {decision.id: "banned" for decision in asked}


def test_a_decision_is_carried_out_once_whoever_repeats_it(running: PrivateServer) -> None:
    decision = ask("203.0.113.9")
    one = enforcer(running)
    one.step()
    running.client.unban(jails.ADDRESSES, ["203.0.113.9"])  # an admin's wish
    decisions_log.append(paths.decisions(), decisions.to_line(decision))
    assert one.step() == []
    paths.position().unlink()
    assert enforcer(running).step() == [], "nor after a restart that reads everything again"
    assert banned(running) == set()


def test_observe_says_would_ban_and_touches_nothing(running: PrivateServer) -> None:
    decision = ask("203.0.113.9")
    enforcer(running, banning=False).step()
    assert results() == {decision.id: "would-ban"}
    assert banned(running) == set()


def test_what_the_gate_refuses_never_reaches_fail2ban(running: PrivateServer) -> None:
    facts = Facts(ignoreip=(Protected(IPv4Network("203.0.113.0/24"), "ignoreip of jail sshd"),))
    inside = ask("203.0.113.9")
    loopback = ask("127.0.0.1")
    around = ask("203.0.113.0/24")
    wide = ask("198.51.0.0/16")
    enforcer(running, facts=facts).step()
    assert results() == {each.id: "refused" for each in (inside, loopback, around, wide)}
    assert {each.reason.partition(":")[0] for each in outcomes()} >= {"ignoreip"}
    assert banned(running) == set()
    log = (running.folder / "fail2ban.log").read_text().split("Flush ticket(s)")[-1]
    assert "127.0.0.1" not in log
    assert "198.51.0.0" not in log


def crafted() -> Iterator[str]:
    """Lines of the decisions log that an enemy wrote, ids and all."""
    good = json.loads(decisions.to_line(decisions.make("203.0.113.9", at=time.time(), reason="")))
    for target in (
        "203.0.113.1 }; flush ruleset; add element inet f2b-fail2ban-ai addr4 { 203.0.113.2",
        "--help",
        "localhost",
        "203.0.113.0/33",
        "$(touch pwned)",
        "203.0.113.9\n203.0.113.10",
        "::ffff:203.0.113.9",
        "2001:db8::1%eth0",
    ):
        values = {**good, "target": target}
        # As the enemy would: a right hash over the wrong content.
        forged = Decision(**{**values, "matches": (), "members": (), "traffic": None})
        values["id"] = decisions._hash(forged)
        yield json.dumps(values, sort_keys=True, separators=(",", ":"))
    yield json.dumps({**good, "target": ["203.0.113.9"]})
    yield "unban --all"
    yield "{" * 5000
    yield "\x00\x1b[31m"


def test_crafted_lines_never_reach_fail2ban(running: PrivateServer) -> None:
    paths.decisions().parent.mkdir(parents=True)
    paths.decisions().write_text("\n".join(crafted()) + "\n")
    with paths.decisions().open("ab") as file:
        file.write(b"\xff\xfe\n" + b"x" * 100_000 + b"\n")
    last = ask("203.0.113.77")
    calls = (running.folder / "fail2ban.log").read_text().count("Attempt")
    worker = enforcer(running)
    worker.step()
    assert results() == {last.id: "banned"}
    assert worker.bad_lines == 14
    assert banned(running) == {"203.0.113.77"}
    assert (running.folder / "fail2ban.log").read_text().count("Attempt") == calls + 1


def test_a_withdrawal_in_the_log_lifts_nothing(running: PrivateServer) -> None:
    """Whoever may write decisions must not be able to unban."""
    ban, _ = ask("203.0.113.9"), ask("203.0.113.9", action="withdraw")
    enforcer(running).step()
    assert results() == {ban.id: "banned"}
    assert banned(running) == {"203.0.113.9"}


def test_old_decisions_expire_and_those_ahead_wait_for_the_clock(running: PrivateServer) -> None:
    old, future = ask("203.0.113.9", ago=90_000), ask("203.0.113.10", ago=-4000)
    never = ask("203.0.113.12", ago=-41 * 86400)
    fresh_for_addresses_only = ask("203.0.113.0/24", ago=30_000)  # the networks' bantime is 6 h
    still = ask("203.0.113.11", ago=30_000)
    worker = enforcer(running)
    worker.step()
    expected = {
        old.id: "expired",
        never.id: "expired",
        future.id: "failed",
        fresh_for_addresses_only.id: "expired",
        still.id: "banned",
    }
    assert results() == expected
    worker.clock = lambda: time.time() + 4000  # the clock was an hour behind, and is set right
    worker.step()
    assert results() == {**expected, future.id: "banned"}


def test_fail2ban_down_keeps_decisions_for_later(running: PrivateServer) -> None:
    one, two = ask("203.0.113.9"), ask("203.0.113.0/24")
    worker = enforcer(running)
    running.stop()
    try:
        with pytest.raises(Fail2banDown):
            worker.step()
        assert results() == {}
    finally:
        running.start()
    worker.step()
    assert results() == {one.id: "banned", two.id: "banned"}


def test_one_jail_missing_holds_up_the_other_in_nothing(running: PrivateServer) -> None:
    everyone = set(running.client.jails())
    running.client.run("stop", jails.NETWORKS)
    now = time.time()
    worker = enforcer(running)
    worker.clock = lambda: now
    try:
        network, address = ask("203.0.113.0/24"), ask("198.51.100.9")
        worker.step()
        assert results() == {network.id: "failed", address.id: "banned"}
        assert worker.step() == [], "a failure is not tried again at once, nor written twice"
    finally:
        running.client.run("reload", "--if-exists", jails.NETWORKS)
    now += RETRY_SECONDS
    worker.step()
    assert results()[network.id] == "banned"
    assert banned(running) == {"203.0.113.0/24", "198.51.100.9"}
    assert set(running.client.jails()) == everyone


def test_a_ban_that_blocks_nothing_is_a_failure(running: PrivateServer) -> None:
    assert running.namespace is not None
    ask("203.0.113.9")
    enforcer(running).step()
    time.sleep(0.5)
    running.namespace.run("nft", "flush", "ruleset")
    again = ask("203.0.113.9", reason="seen again")
    worker = enforcer(running)
    worker.step()
    assert results()[again.id] == "failed"
    assert "not-blocked" in outcomes()[-1].reason
    running.client.restart_jail(jails.ADDRESSES)
    running.client.restart_jail(jails.NETWORKS)
    time.sleep(0.3)
    later = time.time() + RETRY_SECONDS
    worker.clock = lambda: later
    worker.step()
    assert results()[again.id] == "already"


# Where the enforcer is killed: as the first of these calls begins, or as it has ended.
PLACES = [
    ("client.Client.attempt", "before"),
    ("client.Client.attempt", "after"),
    ("decisions_log.append", "before"),
    ("decisions_log.append", "after"),
    ("paths.replace", "after"),
]

VICTIM = """
import os, signal, sys
from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.enforce.enforcer import Enforcer
from fail2ban_ai.facts import Facts
from fail2ban_ai.fail2ban import client
from fail2ban_ai.fail2ban.effective import Nft
from fail2ban_ai.gate import GateSettings
place, when, nft, words = sys.argv[1], sys.argv[2], sys.argv[3].split(), sys.argv[4:]
owner = {"client.Client": client.Client, "decisions_log": decisions_log, "paths": paths}[place.rpartition(".")[0]]
name = place.rpartition(".")[2]
real = getattr(owner, name)
def die(*args, **kwargs):
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, die)
Enforcer(client.Client(words), Nft(nft), GateSettings(), Facts, True).step()
"""


@pytest.mark.parametrize(("place", "when"), PLACES)
def test_killed_anywhere_none_is_lost_and_none_doubled(running: PrivateServer, place: str, when: str) -> None:
    assert running.namespace is not None
    asked = [ask(target) for target in ("203.0.113.9", "203.0.113.0/24", "2001:db8::/64")]
    before = bans(running)
    words = [place, when, " ".join(running.namespace.command), *running.client._command]
    victim = subprocess.run([sys.executable, "-c", VICTIM, *words], capture_output=True, timeout=60, check=False)
    assert victim.returncode == -9, victim.stderr.decode()
    enforcer(running).step()
    assert banned(running) == {"203.0.113.9", "203.0.113.0/24", "2001:db8::/64"}
    assert bans(running) == before + 3, "one ban each"
    found = [each.id for each in outcomes()]
    assert sorted(found) == sorted(each.id for each in asked), "one outcome each"
    assert enforcer(running).step() == []
    time.sleep(0.6)  # what the killed one and the next both asked for is still in fail2ban's queue


def bans(server: PrivateServer) -> int:
    return (server.folder / "fail2ban.log").read_text().count("] Ban ")
