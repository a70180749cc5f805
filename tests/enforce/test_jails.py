"""The AI jails on a real fail2ban server with real nftables: what is banned is blocked, exactly, and nothing else."""

import contextlib
import sqlite3
import time

import pytest

from fail2ban_ai.errors import Fail2banDown, Fail2banError, JailMissing
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import await_effective, effective, repair
from fail2ban_ai.fail2ban.private import PrivateServer

pytestmark = pytest.mark.bench

NETWORKS = {"203.0.113.0/24", "198.51.100.128/25", "192.0.2.16/28", "2001:db8:7::/48", "2001:db8:8:100::/56"}


def ban(server: PrivateServer, *targets: str) -> None:
    for target in targets:
        server.client.attempt(jails.jail_of(jails.normalise(target)), target, ["a line"])
    assert server.nft is not None
    for jail in jails.JAILS:
        mine = {target for target in targets if jails.jail_of(jails.normalise(target)) == jail}
        assert server.client.await_banned(jail, mine) == set()
        effect = await_effective(server.client, server.nft, jail)
        assert effect is not None
        assert mine <= effect.listed - effect.unblocked


def blocked(server: PrivateServer, jail: str) -> set[str]:
    assert server.nft is not None
    found = server.nft.blocked(jail)
    assert found is not None
    return set(found)


def whole(server: PrivateServer, jail: str) -> bool:
    assert server.nft is not None
    effect = effective(server.client, server.nft, jail)
    assert effect is not None
    return effect.whole


def test_their_bantimes_are_those_that_verdicts_go_by(server: PrivateServer) -> None:
    shipped = {jail: float(server.client.get(jail, "bantime")) for jail in jails.JAILS}
    assert shipped == jails.BANTIMES


def test_the_ai_jails_read_no_log(server: PrivateServer) -> None:
    for jail in jails.JAILS:
        assert server.client.get(jail, "logpath").startswith("No file is currently monitored")
        assert server.client.get(jail, "maxretry") == "1"


def test_a_ban_is_in_the_set_and_its_evidence_in_the_database(server: PrivateServer) -> None:
    line = "GET /`touch pwned` $(id) 'x' \"y\" <ip> %s"
    server.client.attempt(jails.ADDRESSES, "203.0.113.9", [line, "--help"])
    assert server.client.await_banned(jails.ADDRESSES, ["203.0.113.9"]) == set()
    data = ""
    for _ in range(20):  # fail2ban's observer writes the row a moment later
        with contextlib.closing(sqlite3.connect(f"file:{server.folder / 'db.sqlite3'}?mode=ro", uri=True)) as database:
            data = str(database.execute("select data from bans").fetchall())
        if "touch pwned" in data:
            break
        time.sleep(0.1)
    assert "touch pwned" in data
    assert "--help" in data


def test_networks_are_banned_exactly_and_unbanned_exactly(server: PrivateServer) -> None:
    neighbours = {"2001:db8:8:200::/56", "203.0.112.0/24", "2001:db8:1:2::/64", "2001:db8:1:3::/64"}
    ban(server, *NETWORKS, *neighbours)
    assert blocked(server, jails.NETWORKS) == NETWORKS | neighbours
    assert server.client.unban(jails.NETWORKS, sorted(neighbours)) == len(neighbours)
    assert blocked(server, jails.NETWORKS) == NETWORKS
    assert server.client.unban(jails.NETWORKS, sorted(NETWORKS)) == len(NETWORKS)
    assert blocked(server, jails.NETWORKS) == set()


def test_bans_survive_a_restart_and_lifted_ones_stay_lifted(server: PrivateServer) -> None:
    ban(server, "203.0.113.9", "64:ff9b::1", "198.51.100.0/24", *NETWORKS)
    server.client.unban(jails.NETWORKS, ["198.51.100.0/24"])
    time.sleep(0.5)  # the observer's write
    server.stop()
    assert blocked(server, jails.ADDRESSES) == set()
    server.start()
    assert server.client.await_banned(jails.NETWORKS, NETWORKS) == set()
    assert server.client.await_banned(jails.ADDRESSES, ["203.0.113.9", "64:ff9b::1"]) == set()
    time.sleep(0.5)  # listed just before it is blocked
    assert blocked(server, jails.NETWORKS) == NETWORKS
    assert blocked(server, jails.ADDRESSES) == {"203.0.113.9", "64:ff9b::1"}


def test_what_a_crash_left_in_the_sets_goes_at_the_next_start(server: PrivateServer) -> None:
    ban(server, "203.0.113.9", "203.0.113.0/24")
    server.kill()
    assert blocked(server, jails.ADDRESSES) == {"203.0.113.9"}, "a crash of fail2ban lifts no ban"
    with contextlib.closing(sqlite3.connect(server.folder / "db.sqlite3")) as database, database:
        database.execute("delete from bans")
        database.execute("delete from bips")
    server.start()
    for _ in range(20):  # a jail is listed a moment before it starts
        if not blocked(server, jails.NETWORKS) | blocked(server, jails.ADDRESSES):
            break
        time.sleep(0.1)
    assert blocked(server, jails.ADDRESSES) == set()
    assert blocked(server, jails.NETWORKS) == set()


def test_a_flush_from_outside_is_noticed_and_repaired(server: PrivateServer) -> None:
    assert server.namespace is not None
    assert server.nft is not None
    running = set(server.client.jails())
    ban(server, "203.0.113.9", *NETWORKS)
    assert whole(server, jails.ADDRESSES)
    time.sleep(0.5)
    server.namespace.run("nft", "flush", "ruleset")
    assert server.client.banned(jails.ADDRESSES) == ["203.0.113.9"], "fail2ban itself does not notice"
    found = effective(server.client, server.nft, jails.NETWORKS)
    assert found is not None
    assert found.unblocked == NETWORKS
    for jail in jails.JAILS:
        repaired = repair(server.client, server.nft, jail)
        assert repaired is not None
        assert repaired.whole
        assert bool(repaired.listed) == (jail != jails.LIMITS)
    assert set(server.client.jails()) == running


def test_rules_gone_with_the_sets_still_there_count_as_unblocked(server: PrivateServer) -> None:
    assert server.namespace is not None
    ban(server, "203.0.113.9")
    server.namespace.run("nft", "flush", "chain", "inet", "f2b-fail2ban-ai", "input")
    assert not whole(server, jails.ADDRESSES)
    ban(server, "203.0.113.10")  # the next ban brings the rules back and keeps the elements
    assert blocked(server, jails.ADDRESSES) == {"203.0.113.9", "203.0.113.10"}


@pytest.mark.parametrize(
    "garbage",
    [
        "203.0.113.1 }; flush ruleset; add element inet f2b-fail2ban-ai addr4 { 203.0.113.2",
        "$(touch /tmp/f2b-pwned)",
        "localhost",
        "--help",
    ],
)
def test_garbage_past_our_client_stops_at_the_action(server: PrivateServer, garbage: str) -> None:
    # fail2ban itself takes any text for an address (rc 0); the shipped actions are the second barrier.
    ban(server, "203.0.113.9")
    for jail in jails.JAILS:
        with contextlib.suppress(Fail2banError):  # it stumbles over some, those with a slash
            server.client.run("set", jail, "banip", garbage)
    assert blocked(server, jails.ADDRESSES) == {"203.0.113.9"}
    assert blocked(server, jails.NETWORKS) == set()


def test_neither_way_of_banning_honours_ignoreip(server: PrivateServer) -> None:
    # The fact our gate rests on: fail2ban takes these, so the check has to be ours.
    server.client.run("set", jails.ADDRESSES, "addignoreip", "203.0.113.0/24")
    ban(server, "203.0.113.9")
    assert server.client.banip(jails.ADDRESSES, ["203.0.113.10", "203.0.113.9"]) == 1
    server.client.run("set", jails.ADDRESSES, "delignoreip", "203.0.113.0/24")
    assert blocked(server, jails.ADDRESSES) == {"203.0.113.9", "203.0.113.10"}


def test_errors_say_what_is_wrong(server: PrivateServer) -> None:
    with pytest.raises(JailMissing, match="no jail named 'nope'"):
        server.client.banned("nope")
    server.kill()
    with pytest.raises(Fail2banDown, match="not running"):  # the stale socket of a crash
        server.client.status()
    (server.folder / "sock").unlink(missing_ok=True)
    with pytest.raises(Fail2banDown, match="not running"):
        server.client.status()
    assert not server.client.ping()


def test_the_server_frozen_is_a_server_down(server: PrivateServer) -> None:
    slow = Client((*server.client._command,), timeout=0.01)
    with pytest.raises(Fail2banDown, match="did not answer"):
        slow.status()


def test_the_limiting_jail_holds_addresses_and_networks(server: PrivateServer) -> None:
    targets = {"203.0.113.9", "2001:db8::9", "64:ff9b::1", *NETWORKS}
    for target in sorted(targets):
        server.client.attempt(jails.LIMITS, target, ["a line"])
    assert server.client.await_banned(jails.LIMITS, targets) == set()
    assert server.nft is not None
    effect = await_effective(server.client, server.nft, jails.LIMITS)
    assert effect is not None
    assert effect.whole
    assert blocked(server, jails.LIMITS) == targets
    assert blocked(server, jails.ADDRESSES) | blocked(server, jails.NETWORKS) == set()
    server.client.unban(jails.LIMITS, sorted(NETWORKS))
    assert blocked(server, jails.LIMITS) == targets - NETWORKS
    server.client.run("unban", "--all")
    assert blocked(server, jails.LIMITS) == set()
