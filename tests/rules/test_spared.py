"""Whom the gate protects, no rule bans: on a real fail2ban server, with a real DNS answer and a real SSH session."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2ban_ai import paths, visitors
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.facts import fail2ban as facts_fail2ban
from fail2ban_ai.fail2ban import ignorecommand
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.rules import decide, install, store
from fail2ban_ai.visitors import User, Visitors

from . import a_rule
from .conftest import Bench

pytestmark = pytest.mark.bench

ATTACKER = "203.0.113.200"
CRAWLER, LIAR, UNANSWERED = "203.0.113.66", "203.0.113.67", "203.0.113.68"
HOSTS = f"""\
127.0.0.1 localhost {socket.gethostname()}
{CRAWLER} crawl-66.googlebot.com
{LIAR} crawl-67.googlebot.example
"""
# A process of the name and title that OpenSSH's has for a session that somebody is logged in to.
SESSION = """
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"sshd", 0, 0, 0)
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname(), source_address=(sys.argv[1], 0))
server, _ = listener.accept()
print(flush=True)
sys.stdin.read()
"""


class Known(Namespace):
    """A namespace whose name service knows our hosts, from a file."""

    def __init__(self, hosts: Path) -> None:
        super().__init__()
        self._hosts = hosts

    @property
    def command(self) -> tuple[str, ...]:
        mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return (*super().command, "unshare", "--mount", "sh", "-c", mount, str(self._hosts))


@pytest.fixture(scope="module")
def server_of_module(bench_host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    hosts = tmp_path_factory.mktemp("names") / "hosts"
    hosts.write_text(HOSTS)
    with Known(hosts) as inside, PrivateServer(inside, stock=("sshd", "dovecot")) as running:
        yield running


@pytest.fixture
def live(bench: Bench) -> Bench:
    a_rule.write(bench.log)
    with store.locked():
        decide.approve(bench.site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)
    return bench


def spared(bench: Bench, *addresses: str) -> bool:
    """Whether none of them is banned for what has an attacker banned that comes after them."""
    for address in (*addresses, ATTACKER):
        bench.attack(address)
    assert bench.blocked(a_rule.NAME, ATTACKER, 20.0)
    return not set(addresses) & set(bench.client.banned(a_rule.NAME))


def said(bench: Bench, address: str) -> bool:
    log = (bench.server.folder / "fail2ban.log").read_text()
    return f"[{a_rule.NAME}] Ignore {address} by command" in log and f"[{a_rule.NAME}] Ban {address}" not in log


def test_a_known_user_is_spared_and_a_newcomer_is_not(bench: Bench) -> None:
    visitors.keep(Visitors(time.time(), 100, {"203.0.113.10": User(3, time.time() - 86_400)}))
    visitors.keep(Visitors(time.time(), 100, {"203.0.113.11": User(1, time.time() - 86_400)}))
    a_rule.write(bench.log)
    decide.approve(bench.site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)
    assert spared(bench, "203.0.113.10")
    assert said(bench, "203.0.113.10")
    bench.attack("203.0.113.11")  # one day of log-ins is what an attacker who got in has, too
    assert bench.banned(a_rule.NAME, "203.0.113.11")


def test_edges_and_busy_proxies_are_spared(bench: Bench) -> None:
    seen = Visitors(time.time(), 100, {}, {"198.18.0.0/16": 0.8}, {"203.0.113.20": (0.7, 40), "203.0.113.21": (0.7, 2)})
    visitors.keep(seen)
    a_rule.write(bench.log)
    decide.approve(bench.site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)
    assert spared(bench, "198.18.7.7", "203.0.113.20")
    bench.attack("203.0.113.21")  # busy, and with one agent: nobody's proxy
    assert bench.banned(a_rule.NAME, "203.0.113.21")


def crawls(bench: Bench, address: str) -> None:
    """What the rule matches, in the name of a search engine."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    line = a_rule.request(address, "/shell.php", stamp).replace("curl/8.0", "Mozilla/5.0 (compatible; Googlebot/2.1)")
    with bench.log.open("a") as file:
        file.write(f"{line}\n" * 2)


def test_a_crawler_is_spared_and_one_that_only_says_so_is_not(live: Bench) -> None:
    crawls(live, CRAWLER)
    crawls(live, UNANSWERED)  # it may be the real one
    assert spared(live, CRAWLER, UNANSWERED)
    assert said(live, CRAWLER)
    for _ in range(3):  # a busy machine gets no answer within the second that DNS is given
        crawls(live, LIAR)
        if live.banned(a_rule.NAME, LIAR, 3.0):
            return
        install.forget_answers(live.client)
    pytest.fail("its name leads nowhere near a search engine")


def test_private_ranges_and_the_hosts_own_addresses_are_spared(live: Bench) -> None:
    assert live.server.namespace is not None
    live.server.namespace.run("ip", "addr", "add", "203.0.113.30/32", "dev", "lo")
    try:
        assert spared(live, "10.1.2.3", "192.168.3.4", "127.0.0.2", "203.0.113.30")
    finally:
        live.server.namespace.run("ip", "addr", "del", "203.0.113.30/32", "dev", "lo")


def test_who_is_logged_in_by_ssh_is_spared(live: Bench) -> None:
    assert live.server.namespace is not None
    live.server.namespace.run("ip", "addr", "add", "203.0.113.40/32", "dev", "lo")
    words = [*live.server.namespace.command, "bash", "-c", 'exec -a "sshd: root@pts/0" "$@"', "-"]
    session = subprocess.Popen(
        [*words, os.path.realpath(sys.executable), "-I", "-S", "-c", SESSION, "203.0.113.40"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert session.stdout is not None
        assert session.stdout.readline()
        live.server.namespace.run("ip", "addr", "del", "203.0.113.40/32", "dev", "lo")  # not as an own address
        assert spared(live, "203.0.113.40")
    finally:
        session.kill()
        session.communicate()


def test_an_allow_entry_holds_at_once_and_no_longer_than_it_says(live: Bench) -> None:
    now = time.time()
    facts_allow.add("203.0.113.48/28", now - 10, now - 1, "has run out")
    facts_allow.add("203.0.113.32/28", now, now + 3600, "office")
    assert spared(live, "203.0.113.33")
    live.attack("203.0.113.50")
    assert live.banned(a_rule.NAME, "203.0.113.50")
    live.client.unban(a_rule.NAME, ["203.0.113.50"])
    facts_allow.add("203.0.113.50", now)
    install.forget_answers(live.client)  # as `allow add` does
    live.attack("203.0.113.50")
    time.sleep(2)
    assert "203.0.113.50" not in live.client.banned(a_rule.NAME)


def test_published_ranges_and_what_another_jail_ignores_are_spared(live: Bench) -> None:
    paths.make_folder(paths.ranges())
    (paths.ranges() / "edge.txt").write_text("203.0.113.96/28\n")
    live.client.run("set", "dovecot", "addignoreip", "203.0.113.112/28")
    try:
        assert spared(live, "203.0.113.97", "203.0.113.113")
    finally:
        live.client.run("set", "dovecot", "delignoreip", "203.0.113.112/28")


def test_more_than_a_budget_waits(live: Bench) -> None:
    paths.make_folder(paths.settings().parent)
    paths.settings().write_text(json.dumps({"gate": {"per_hour": 1}}))
    live.attack("203.0.113.120")
    assert live.banned(a_rule.NAME, "203.0.113.120")
    live.attack("203.0.113.121")
    time.sleep(2)
    assert "203.0.113.121" not in live.client.banned(a_rule.NAME)


@pytest.mark.parametrize("broken", ["settings", "visitors", "allow"])
def test_where_the_gate_cannot_be_asked_nobody_is_banned(live: Bench, broken: str) -> None:
    path = {"settings": paths.settings(), "visitors": paths.visitors(), "allow": paths.allow()}[broken]
    paths.make_folder(path.parent)
    path.write_text("{")
    live.attack("203.0.113.130")
    time.sleep(3)
    assert live.client.banned(a_rule.NAME) == []
    path.unlink()
    visitors.keep(Visitors(time.time(), 100))
    install.forget_answers(live.client)
    live.attack("203.0.113.131")
    assert live.banned(a_rule.NAME, "203.0.113.131")


def test_a_program_that_is_gone_or_hangs_spares_everybody(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignorecommand, "SECONDS", 4)
    program = tmp_path / "fail2ban-ai"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    site = install.Site(bench.config, bench.client, (str(bench.log),), lambda: program)
    a_rule.write(bench.log)
    decide.approve(site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)
    bench.attack("203.0.113.140")
    bench.fail_at_ssh("203.0.113.141")
    assert bench.banned("sshd", "203.0.113.141", 15.0), "the other jails wait for it, and not for ever"
    assert bench.client.banned(a_rule.NAME) == []
    program.unlink()
    bench.attack("203.0.113.142")
    time.sleep(2)
    assert bench.client.banned(a_rule.NAME) == []


def test_without_knowledge_of_who_logs_in_no_rule_is_installed(bench: Bench) -> None:
    paths.visitors().unlink()
    a_rule.write(bench.log)
    with pytest.raises(ConfigError, match="nobody has looked yet"):
        decide.approve(bench.site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)


def test_the_gate_of_decisions_does_not_ask_itself(live: Bench) -> None:
    found = facts_fail2ban.ask(live.client, None)
    assert (found.commands, found.missing) == ({}, [])
