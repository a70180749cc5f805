"""Which logs fail2ban uses, from its configuration and from a running server."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.errors import Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import code, logs
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.private import PrivateServer

Make = Callable[..., str]
DOWN = Client(("fail2ban-client", "-s", "/nonexistent/fail2ban.sock"))


@pytest.mark.bench
def test_jails_of_the_configuration_when_no_server_answers(config: Make, tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).touch()
    local = f"""[DEFAULT]
ignoreip = 192.0.2.0/24 2001:db8::1
[sshd]
enabled = true
backend = systemd
[nginx-botsearch]
enabled = true
backend = polling
logpath = {tmp_path}/*.log
findtime = 1d 12h
maxretry = 2
[gitlab]
enabled = true
logpath = /nonexistent/gitlab.log
"""
    gitlab, web, sshd = logs.discover(DOWN, config=config(local))
    assert (web.jail, web.service, web.findtime, web.maxretry) == ("nginx-botsearch", "web", 36 * 3600, 2)
    assert set(web.paths) == {f"{tmp_path}/a.log", f"{tmp_path}/b.log"}
    assert web.ignoreip == ("192.0.2.0/24", "2001:db8::1")
    assert (sshd.service, sshd.paths) == ("sshd", ())
    assert "_SYSTEMD_UNIT=ssh" in sshd.journalmatch[0]  # sshd.service; Debian 13 has ssh.service
    assert web.journalmatch == ()  # the filter has none to use: the backend reads files
    assert (gitlab.service, gitlab.paths) == (None, ())
    assert all(source.failregex for source in (gitlab, web, sshd))


@pytest.mark.bench
def test_a_running_server_is_asked(stock: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("fail2ban-server needs root")
    with PrivateServer(None) as server:
        found = {source.jail: source for source in logs.discover(server.client)}
        expected = str(server.logs["mail.log"])
        assert "fail2ban-ai" not in found
        assert found["dovecot"].paths == (expected,)
        assert found["dovecot"].journalmatch == ()
        assert (found["dovecot"].findtime, found["dovecot"].maxretry) == (600, 5)
        assert found["dovecot"].failregex
        assert found["sshd"].ignorecommand == ""


@pytest.mark.bench
def test_a_broken_configuration_is_a_sentence(config: Make) -> None:
    with pytest.raises(Fail2banError):
        logs.discover(DOWN, config=config("[sshd\nenabled = %(nothing)s\n"))


def test_no_fail2ban_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(code.PYTHON_VARIABLE, "/nonexistent/python3")
    with pytest.raises(Fail2banAbsent, match="not installed"):
        logs.from_configuration()
    with pytest.raises(Fail2banAbsent, match="not installed"):
        logs.discover(Client(("/nonexistent/fail2ban-client",)))


def test_a_journal_match_counts_only_for_the_systemd_backend() -> None:
    def commands(backend: str) -> list[list[object]]:
        return [
            ["add", "sshd", backend],
            ["set", "sshd", "addjournalmatch", "_SYSTEMD_UNIT=sshd.service", "+", "_COMM=sshd"],
            ["set", "sshd", "addlogpath", "/var/log/auth.log", "head"],
            ["start", "sshd"],
        ]

    (polling,) = logs.from_commands(commands("polling"))
    (systemd,) = logs.from_commands(commands("systemd[journalflags=1]"))
    assert (polling.paths, polling.journalmatch) == (("/var/log/auth.log",), ())
    assert (systemd.paths, systemd.journalmatch) == ((), ("_SYSTEMD_UNIT=sshd.service + _COMM=sshd",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("600", 600), ("10m", 600), ("1d 12h", 129600), ("1d12h", 129600), ("2 weeks", 1209600), ("1mo", 2629800)],
)
def test_times_as_fail2ban_writes_them(text: str, expected: int) -> None:
    assert logs.seconds(text) == expected


@given(st.text())
def test_a_time_is_a_number_or_an_error(text: str) -> None:
    with contextlib.suppress(Fail2banError):
        assert logs.seconds(text) >= 0
