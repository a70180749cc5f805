"""doctor beside a running server: bans that block nothing, garbage, a server that is down; and each one's twin."""

import os
import time
from pathlib import Path

import pytest

from fail2ban_ai.doctor import ai_jails, firewall, surroundings
from fail2ban_ai.doctor import server as server_checks
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.private import PrivateServer

pytestmark = pytest.mark.bench


@pytest.fixture
def running(server: PrivateServer) -> PrivateServer:
    return server


def host(running: PrivateServer) -> Host:
    assert running.nft is not None
    return Host(running.config, running.client, running.nft)


def test_bans_flushed_from_outside(running: PrivateServer) -> None:
    assert running.namespace is not None
    assert running.nft is not None
    running.client.banip(jails.ADDRESSES, ["203.0.113.9"])
    running.client.banip(jails.NETWORKS, ["198.51.100.0/24"])
    assert list(firewall.bans_are_blocked(host(running))) == []
    time.sleep(0.5)  # the database's row, from which a restart of the jails restores them
    running.namespace.run("nft", "flush", "ruleset")
    found = list(firewall.bans_are_blocked(host(running)))
    assert [result.level for result in found] == ["error", "error"]
    assert "203.0.113.9" in found[0].sentence
    for jail in jails.JAILS:
        running.client.restart_jail(jail)


def test_elements_that_nobody_banned(running: PrivateServer) -> None:
    assert running.namespace is not None
    running.namespace.run("nft", "add element inet f2b-fail2ban-ai addr4 { 203.0.113.77 }")
    found = list(firewall.bans_are_blocked(host(running)))
    running.namespace.run("nft", "delete element inet f2b-fail2ban-ai addr4 { 203.0.113.77 }")
    assert [result.level for result in found] == ["error"]
    assert "203.0.113.77" in found[0].sentence


def test_a_network_in_a_stock_jail_is_listed_and_not_blocked(running: PrivateServer) -> None:
    # The fact: fail2ban 1.0.2 says that it banned it.
    running.client.banip("sshd", ["203.0.113.9"])
    assert list(firewall.networks_in_stock_jails(host(running))) == []
    assert running.client.banip("sshd", ["198.51.100.0/24"]) == 1
    found = list(firewall.networks_in_stock_jails(host(running)))
    assert [result.level for result in found] == ["error"]
    assert "198.51.100.0/24" in found[0].sentence


def test_garbage_bans(running: PrivateServer) -> None:
    running.client.banip("sshd", ["203.0.113.9", "2001:db8::9"])
    running.client.banip(jails.NETWORKS, ["198.51.100.0/24"])
    assert list(server_checks.garbage_bans(host(running))) == []
    running.client.run("set", "sshd", "banip", "not-an-ip")
    found = list(server_checks.garbage_bans(host(running)))
    assert [result.level for result in found] == ["error"]
    assert "'not-an-ip'" in found[0].sentence


def test_an_action_that_a_reload_dropped(running: PrivateServer) -> None:
    # The fact: a reload with an action that is new leaves the jail without it, a restart does not.
    assert list(server_checks.actions_run(host(running))) == []
    own = running.config / "jail.d/zz-feed.local"
    own.write_text("[sshd]\naction = %(action_)s\n         fail2ban-ai\n")
    try:
        running.client.run("reload", "--if-exists", "sshd")
        found = list(server_checks.actions_run(host(running)))
        assert [result.level for result in found] == ["warning"]
        assert "Jail sshd runs without fail2ban-ai" in found[0].sentence
        running.client.restart_jail("sshd")
        assert list(server_checks.actions_run(host(running))) == []
    finally:
        own.unlink()
        running.client.restart_jail("sshd")


def test_ai_jails_stopped(running: PrivateServer) -> None:
    assert list(ai_jails.ai_jails_run(host(running))) == []
    running.client.run("stop", jails.NETWORKS)
    found = list(ai_jails.ai_jails_run(host(running)))
    running.client.run("reload", "--if-exists", jails.NETWORKS)
    assert [result.level for result in found] == ["error"]
    assert "does not run" in found[0].sentence


def test_a_server_that_answers_and_one_that_does_not(running: PrivateServer, tmp_path: Path) -> None:
    assert list(server_checks.server_answers(host(running))) == []
    nobody = Client(("fail2ban-client", "-c", str(running.config), "-s", str(tmp_path / "none")))
    found = list(server_checks.server_answers(Host(running.config, nobody)))
    assert [result.level for result in found] == ["error"]
    assert "not running" in found[0].sentence
    absent = list(server_checks.server_answers(Host(running.config, Client(("/nonexistent/fail2ban-client",)))))
    assert "apt-get install fail2ban" in absent[0].advice


def test_a_log_from_the_future(running: PrivateServer) -> None:
    assert list(surroundings.clock_is_right(host(running))) == []
    log = running.logs["auth.log"]
    os.utime(log, (time.time() + 4000,) * 2)
    found = list(surroundings.clock_is_right(host(running)))
    os.utime(log)
    assert [(result.level, result.file) for result in found] == [("warning", str(log))]


def test_a_log_that_is_gone(running: PrivateServer) -> None:
    looked = host(running)
    assert list(surroundings.logs_are_readable(looked)) == []
    log = running.logs["mail.log"]
    log.rename(log.with_suffix(".away"))  # after the configuration was read, as at run time
    found = list(surroundings.logs_are_readable(looked))
    log.with_suffix(".away").rename(log)
    assert [(result.level, result.file) for result in found] == [("warning", str(log))]
