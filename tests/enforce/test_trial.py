"""The trial on a real server: ten minutes in fail2ban itself, until an admin confirms; a day, then observe again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.enforce import notices, trial
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import ConfigError, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import PrivateServer


@pytest.fixture
def running(server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateServer]:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    yield server
    for left in (trial.DROP_IN, "jail.d/fail2ban-ai.local", "jail.d/zzzz.local"):
        (server.config / left).unlink(missing_ok=True)
    for jail in jails.JAILS:
        server.client.run("reload", "--if-exists", jail)


def remaining(server: PrivateServer, jail: str) -> float:
    """Seconds until the jail's only ban ends, as fail2ban itself says."""
    line = server.client.run("get", jail, "banip", "--with-time")
    end = time.mktime(time.strptime(line.partition("=")[2].strip(), "%Y-%m-%d %H:%M:%S"))
    return end - time.time()


@pytest.mark.bench
def test_bans_last_ten_minutes_until_confirmed(running: PrivateServer) -> None:
    client = running.client
    # An admin's own bantime does not shorten the caution.
    (running.config / "jail.d/fail2ban-ai.local").write_text("[fail2ban-ai]\nbantime = 2d\n")
    began = trial.begin(running.config, client)
    assert began.open
    assert [client.get(jail, "bantime") for jail in jails.JAILS] == ["600"] * len(jails.JAILS)
    assert "True" not in client.get(jails.ADDRESSES, "bantime.increment")
    client.attempt(jails.ADDRESSES, "203.0.113.9", ["a line"])
    assert client.await_banned(jails.ADDRESSES, ["203.0.113.9"]) == set()
    assert 500 < remaining(running, jails.ADDRESSES) <= 601
    assert trial.begin(running.config, client) == began, "a second set-up does not start the day anew"

    assert trial.confirm(running.config, client).confirmed is not None
    assert client.get(jails.ADDRESSES, "bantime") == "172800"
    assert client.get(jails.NETWORKS, "bantime") == "21600"
    assert "True" in client.get(jails.NETWORKS, "bantime.increment")
    assert client.banned(jails.ADDRESSES) == ["203.0.113.9"]
    assert remaining(running, jails.ADDRESSES) > 100_000, "what is banned now stays as long as the jail says"
    with pytest.raises(ConfigError, match="confirmed already"):
        trial.confirm(running.config, client)
    assert trial.begin(running.config, client).confirmed is not None, "confirmed once is enough"
    assert not (running.config / trial.DROP_IN).exists()


@pytest.mark.bench
def test_a_jail_that_does_not_take_the_bantime_is_no_trial(running: PrivateServer) -> None:
    (running.config / "jail.d/zzzz.local").write_text("[fail2ban-ai-net]\nbantime = 3h\n")
    with pytest.raises(Fail2banError, match="10800 s"):
        trial.begin(running.config, running.client)
    assert trial.state() is None
    assert running.client.get(jails.ADDRESSES, "bantime") == "86400"
    assert not (running.config / trial.DROP_IN).exists()


def test_a_day_without_an_answer_and_it_observes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.replace(paths.settings(), '{"mode": "enforce", "gate": {"per_hour": 7}}')
    assert not trial.lapse(1e9), "without a trial there is none to end"
    paths.replace(paths.trial(), '{"began": 1000.0}')
    assert not trial.lapse(1000.0 + trial.LASTS - 1)
    assert enforcer_settings.load().mode == "enforce"
    assert trial.lapse(1000.0 + trial.LASTS)
    assert not trial.lapse(1000.0 + trial.LASTS + 1), "once"
    settings = enforcer_settings.load()
    assert (settings.mode, settings.gate.per_hour) == ("observe", 7)
    assert [notice.kind for notice in notices.newest()] == ["trial"]


@pytest.mark.parametrize("text", ["", "[]", '{"began": "soon"}', '{"began": true}', '{"began": 1, "x": 2}', "\x00"])
def test_a_file_that_is_not_ours_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.replace(paths.trial(), text)
    with pytest.raises(ConfigError, match=r"trial\.json"):
        trial.state()
