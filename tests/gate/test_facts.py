"""What the gate is told: the allow list, DNS, what fail2ban ignores, own addresses, SSH sessions."""

import os
import shutil
import socket
import subprocess
import time
from ipaddress import ip_network

import pytest

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.errors import ConfigError, Fail2banDown, TargetError
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.facts import dns as facts_dns
from fail2ban_ai.facts import fail2ban as facts_fail2ban
from fail2ban_ai.facts import host as facts_host
from fail2ban_ai.facts.dns import ChildResolver

NOW = 1_700_000_000.0


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    return tmp_path


class Fail2ban:
    """A server that answers as fail2ban-client prints (checked against a real one in test_bench.py)."""

    def __init__(self, ignoreip=(), command="", down=False):
        self.ignoreip, self.command, self.down = list(ignoreip), command, down

    def jails(self):
        if self.down:
            raise Fail2banDown("fail2ban does not answer: its server is not running.")
        return ["sshd"]

    def ask(self, questions):
        return [self.get(jail, what) for _, jail, what in questions]

    def get(self, jail, what):
        if what == "ignorecommand":
            return self.command
        if not self.ignoreip:
            return "No IP address/network is ignored"
        lines = [f"|- {entry}" for entry in self.ignoreip[:-1]] + [f"`- {self.ignoreip[-1]}"]
        return "\n".join(["These IP addresses/networks are ignored:", *lines])


class Dns:
    def reverse(self, address):
        return []

    def forward(self, name):
        return {"office.example.org": ["203.0.113.7", "2001:db8::7"], "slow.example.org": None}.get(name, [])


def spared(*entries, command=""):
    return facts_fail2ban.ask(Fail2ban(entries, command), Dns())


# -- what fail2ban ignores


@pytest.mark.parametrize(
    ("entry", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("127.0.0.1/8", "127.0.0.0/8"),  # fail2ban's own default, with host bits
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9/120", "203.0.113.0/24"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_ignoreip_entries(entry, network):
    found = spared(entry)
    assert [one.network for one in found.ignoreip] == [ip_network(network)]
    assert found.ignoreip[0].source == "ignoreip of jail sshd"
    assert not found.missing
    assert not found.problems


def test_ignoreip_host_names():
    found = spared("office.example.org", "192.0.2.1")
    assert [str(one.network) for one in found.ignoreip] == ["203.0.113.7/32", "2001:db8::7/128", "192.0.2.1/32"]


@pytest.mark.parametrize("entry", ["203.0.113.0/33", "garbage", "::ffff:203.0.113.9/90", "\x1b[31m"])
def test_ignoreip_garbage_is_reported(entry):
    found = spared(entry)
    assert not found.ignoreip
    assert len(found.problems) == 1
    assert found.problems[0].isprintable()


@pytest.mark.parametrize("entry", ["slow.example.org", "file:/etc/fail2ban/ignored"])
def test_what_cannot_be_learnt_is_missing(entry):
    assert len(spared(entry).missing) == 1


def test_nothing_ignored():
    found = spared()
    assert (found.ignoreip, found.commands, found.missing, found.problems) == ([], {}, [], [])


def test_ignorecommand_is_asked_without_a_shell(tmp_path):
    script = tmp_path / "ignore"
    script.write_text('#!/bin/sh\ntest "$2" = 203.0.113.9\n')
    script.chmod(0o755)
    found = spared(command=f"{script} --ip <ip>")
    assert facts_fail2ban.spared_by_command(found.commands, "203.0.113.9") == "sshd"
    assert facts_fail2ban.spared_by_command(found.commands, "203.0.113.8") is None


@pytest.mark.parametrize(
    "command", ["grep -q <ip> /a; true", "a | b <ip>", "x $(<ip>)", "always", "'torn <ip>", "x <F-USER> <ip>"]
)
def test_an_ignorecommand_that_needs_a_shell_is_missing(command):
    found = spared(command=command)
    assert found.commands == {}
    assert len(found.missing) == 1


# -- all together


def test_fail2ban_down_is_missing_and_not_an_error(host):
    facts = facts_host.gather(Fail2ban(down=True), Dns(), NOW)
    assert any("fail2ban does not answer" in one for one in facts.missing)


def test_everything_together(host):
    facts_allow.add("198.51.100.0/24", NOW, note="monitoring")
    ranges = paths.ranges()
    ranges.mkdir(parents=True)
    (ranges / "edge.txt").write_text("# an edge\n203.0.113.0/24  # east\n\nwest\n2001:db8::/32\n")
    decisions_log.append(
        paths.outcomes(),
        *(
            decisions_outcomes.to_line(Outcome("i", at, target, result, ""))
            for at, target, result in [
                (NOW - 10, "192.0.2.1", "banned"),
                (NOW - 9, "192.0.2.0/24", "banned"),
                (NOW - 8, "2001:db8::/64", "banned"),
                (NOW - 7, "192.0.2.2", "refused"),
                (NOW - 90_000, "192.0.2.3", "banned"),
            ]
        ),
    )
    facts = facts_host.gather(Fail2ban(["192.0.2.77"]), Dns(), NOW)
    assert [str(one.network) for one in facts.ranges] == ["203.0.113.0/24", "2001:db8::/32"]
    assert facts.ranges[0].source == "edge.txt"
    assert [problem for problem in facts.problems if "line 4" in problem]
    assert [entry.note for entry in facts.allow] == ["monitoring"]
    assert [(ban.at, ban.network) for ban in facts.bans] == [(NOW - 10, False), (NOW - 9, True), (NOW - 8, False)]
    assert [str(one.network) for one in facts.ignoreip] == ["192.0.2.77/32"]


def test_own_addresses_hold_the_loopback():
    if shutil.which("ip") is None:
        pytest.skip("no iproute2")
    assert ip_network("127.0.0.1/32") in [one.network for one in facts_host.own_addresses()]


def test_without_iproute2_nothing_is_banned(host, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    facts = facts_host.gather(Fail2ban(), Dns(), NOW)
    assert any("own addresses" in one for one in facts.missing)


# -- the allow list


def test_allow_list_adds_replaces_and_removes(host):
    facts_allow.add("203.0.113.9", NOW)
    facts_allow.add("2001:DB8::/64", NOW, NOW + 60, "lab")
    facts_allow.add("::ffff:203.0.113.9", NOW + 1, None, "the same again")
    assert [(str(e.network), e.expires, e.note) for e in facts_allow.load()] == [
        ("2001:db8::/64", NOW + 60, "lab"),
        ("203.0.113.9/32", None, "the same again"),
    ]
    assert facts_allow.remove("203.0.113.9")
    assert not facts_allow.remove("203.0.113.9")
    assert len(facts_allow.load()) == 1


def test_allow_list_refuses_what_is_no_address(host):
    with pytest.raises(TargetError):
        facts_allow.add("everybody", NOW)
    assert facts_allow.load() == []


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("12h", 43200), ("30d", 2592000), ("2w", 1209600)])
def test_durations(text, seconds):
    assert facts_allow.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "30D", "\u0661d", "30d\n", "9999999d"])
def test_wrong_durations(text):
    with pytest.raises(ValueError, match="expected"):
        facts_allow.duration(text)


def test_a_spoilt_allow_list_names_its_line_and_stops_every_ban(host):
    facts_allow.add("203.0.113.9", NOW)
    with paths.allow().open("a") as file:
        file.write("203.0.113.10\n")
    with pytest.raises(ConfigError, match=r"allow\.jsonl, line 2"):
        facts_allow.load()
    assert any("allow list" in one for one in facts_host.gather(Fail2ban(), Dns(), NOW).missing)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_an_allow_list_that_others_may_write_is_not_trusted(host, mode):
    facts_allow.add("203.0.113.9", NOW)
    paths.allow().chmod(mode)
    with pytest.raises(ConfigError, match="writable"):
        facts_allow.load()


def test_a_folder_that_others_may_write_is_not_trusted(host):
    facts_allow.add("203.0.113.9", NOW)
    paths.allow().parent.chmod(0o777)
    with pytest.raises(ConfigError, match="writable"):
        facts_allow.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_trusts_only_roots_files(host):
    facts_allow.add("203.0.113.9", NOW)
    os.chown(paths.allow(), 12345, 12345)
    with pytest.raises(ConfigError, match="expected root"):
        facts_allow.load()


def test_links_and_pipes_are_not_followed(host):
    facts_allow.add("203.0.113.9", NOW)
    moved = paths.allow().with_name("elsewhere")
    paths.allow().rename(moved)
    paths.allow().symlink_to(moved)
    with pytest.raises(ConfigError, match="regular file"):
        facts_allow.load()
    paths.allow().unlink()
    os.mkfifo(paths.allow())
    with pytest.raises(ConfigError, match="regular file"):
        facts_allow.load()


# -- DNS in a child


def test_the_child_answers_from_the_hosts_file():
    resolver = ChildResolver(seconds=10)
    assert resolver.forward("localhost")
    assert "localhost" in (resolver.reverse("127.0.0.1") or [])


def test_dns_takes_no_longer_than_its_limit(monkeypatch):
    monkeypatch.setattr(facts_dns, "_CHILD", "import time; time.sleep(60)")
    began = time.monotonic()
    assert ChildResolver(seconds=0.3).reverse("203.0.113.9") is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("said", ["", "{", '{"a": 1}', "null", "nonsense"])
def test_a_child_that_says_something_else_is_no_answer(monkeypatch, said):
    monkeypatch.setattr(facts_dns, "_CHILD", f"print({said!r})")
    assert ChildResolver(seconds=10).forward("www.example.org") is None


def test_hostile_names_from_dns_are_left_out(monkeypatch):
    names = ["crawl.googlebot.com", "x\x1b[2J.googlebot.com", "a b", "-" * 300, ""]
    monkeypatch.setattr(facts_dns, "_CHILD", f"import json; print(json.dumps({names!r}))")
    assert ChildResolver(seconds=10).reverse("203.0.113.9") == ["crawl.googlebot.com"]
    assert ChildResolver(seconds=10).forward("crawl.googlebot.com") == []


def test_what_is_no_name_is_never_asked(monkeypatch):
    monkeypatch.setattr(facts_dns, "_CHILD", "raise SystemExit(1)")
    assert ChildResolver(seconds=10).forward("; reboot") == []
    assert ChildResolver(seconds=10).reverse("not-an-ip") == []


# -- SSH sessions, with a real sshd


@pytest.fixture
def sshd(tmp_path):
    """An sshd on a free port of 127.0.0.1 that takes one key; yields the words that log in."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if os.geteuid() != 0 or not program or not shutil.which("ssh") or not shutil.which("ss"):
        pytest.skip("needs root, sshd, ssh and ss")
    made_folder = not os.path.isdir("/run/sshd")  # noqa: PTH112 - as sshd itself names it
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # noqa: PTH103
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/user.pub\n"
        f"StrictModes no\nPidFile none\nPermitRootLogin yes\nUsePAM no\nPasswordAuthentication no\n"
    )
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(tmp_path / "config")], stderr=log)
    for _ in range(100):
        if b"listening" in (tmp_path / "log").read_bytes():
            break
        time.sleep(0.05)
    options = ["-F", "none", "-i", str(tmp_path / "user"), "-p", str(port), "-o", "StrictHostKeyChecking=no"]
    yield port, ["ssh", *options, "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "root@127.0.0.1"]
    server.terminate()
    server.wait(10)
    if made_folder:
        os.rmdir("/run/sshd")  # noqa: PTH106


def peers(expected: bool) -> bool:
    for _ in range(60):
        found = any(str(one.network) == "127.0.0.1/32" for one in facts_host.ssh_peers())
        if found == expected:
            break
        time.sleep(0.05)
    return found


@pytest.mark.bench
def test_a_session_is_a_peer_and_a_guess_is_not(sshd, monkeypatch):
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    port, words = sshd
    with socket.create_connection(("127.0.0.1", port)) as guess:
        guess.sendall(b"SSH-2.0-guess\r\n")
        time.sleep(0.5)
        assert list(facts_host.ssh_peers()) == []  # connected, not logged in
    for extra in (["sleep", "60"], ["-N"]):  # a command; nothing but forwarded ports
        how = [*words, *extra] if extra != ["-N"] else [words[0], "-N", *words[1:]]
        with subprocess.Popen(how, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as session:
            assert peers(True)
            session.terminate()
        assert not peers(False)
