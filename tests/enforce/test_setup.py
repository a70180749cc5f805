"""Installing the AI jails beside stock jails that run: all or nothing, and nobody else notices."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2ban_ai.enforce import trial
from fail2ban_ai.errors import ConfigError, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import STOCK_JAILS, PrivateServer
from fail2ban_ai.installer import ENABLING, OVERRIDES, Installer

pytestmark = pytest.mark.bench

OURS = {*jails.shipped(), ENABLING}


@pytest.fixture(scope="module")
def shared(bench_host: None) -> Iterator[PrivateServer]:
    with Namespace() as namespace, PrivateServer(namespace, ai_jails=False) as server:
        yield server


@pytest.fixture
def stock(shared: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateServer]:
    """A server with the stock jails only, one of them with a ban that must live through everything."""
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    shared.client.banip("sshd", ["203.0.113.200"])
    before = files(shared)
    yield shared
    assert set(STOCK_JAILS) <= set(shared.client.jails())
    assert shared.client.banned("sshd") == ["203.0.113.200"]
    for jail in set(shared.client.jails()) & set(jails.JAILS):
        shared.client.run("stop", jail)
    for name in files(shared).keys() - before.keys():
        (shared.config / name).unlink()
    assert files(shared) == before, "no existing file was changed"


def files(server: PrivateServer) -> dict[str, bytes]:
    found = (path for path in server.config.rglob("*") if path.is_file())
    return {str(path.relative_to(server.config)): path.read_bytes() for path in found}


def installer(server: PrivateServer) -> Installer:
    return Installer(server.config, server.client)


def test_installed_they_run_and_ban_and_removed_they_are_gone(stock: PrivateServer) -> None:
    before = files(stock)
    assert installer(stock).install()
    assert set(stock.client.jails()) == {*STOCK_JAILS, *jails.JAILS}
    assert files(stock).keys() - before.keys() == OURS
    assert installer(stock).install(), "again is no harm"
    stock.client.attempt(jails.ADDRESSES, "203.0.113.9", ["a line"])
    assert stock.client.await_banned(jails.ADDRESSES, ["203.0.113.9"]) == set()
    time.sleep(0.3)
    assert stock.nft is not None
    assert stock.nft.blocked(jails.ADDRESSES) == {"203.0.113.9"}
    trial.begin(stock.config, stock.client)
    assert installer(stock).install(), "nor is it during the trial, which goes on"
    assert stock.client.get(jails.ADDRESSES, "bantime") == "600"
    assert installer(stock).remove() == []
    assert trial.state() is None
    assert set(stock.client.jails()) == set(STOCK_JAILS)
    assert files(stock) == before
    assert stock.nft.blocked(jails.ADDRESSES) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("filter.d/broken.conf", "[Definition]\nfailregex = ^a( <ADDR>\n"),
        ("filter.d/broken.conf", "[Definition]\nfailregex = ^no host$\n"),
    ],
)
def test_a_broken_neighbour_does_not_matter_and_is_not_woken(stock: PrivateServer, name: str, text: str) -> None:
    (stock.config / name).write_text(text)
    log = stock.logs["auth.log"]
    jail = f"[broken]\nenabled = true\nfilter = broken\nbackend = polling\nlogpath = {log}\n"
    (stock.config / "jail.d" / "broken.local").write_text(jail)
    assert installer(stock).install()
    assert set(stock.client.jails()) == {*STOCK_JAILS, *jails.JAILS}


def test_a_configuration_that_cannot_be_read_is_left_alone(stock: PrivateServer) -> None:
    (stock.config / "jail.d" / "broken.local").write_text("[DEFAULT]\naction = %(known/action)s\n")
    before = files(stock)
    with pytest.raises(ConfigError, match="even without us"):
        installer(stock).install()
    assert files(stock) == before


@pytest.mark.parametrize("name", ["filter.d/fail2ban-ai.conf", ENABLING])
def test_a_file_that_is_not_ours_is_never_written(stock: PrivateServer, name: str) -> None:
    (stock.config / name).write_text("# an admin's\n")
    before = files(stock)
    with pytest.raises(ConfigError, match="not as we installed it"):
        installer(stock).install()
    assert files(stock) == before


def test_an_override_that_breaks_our_jail_is_found_before_anything_is_written(stock: PrivateServer) -> None:
    (stock.config / OVERRIDES).write_text("[fail2ban-ai]\nfailregex = ^a( <ADDR>\n")
    before = files(stock)
    with pytest.raises(ConfigError, match="does not compile"):
        installer(stock).install()
    assert files(stock) == before
    assert set(stock.client.jails()) == set(STOCK_JAILS)


def test_what_fails_after_writing_is_undone(stock: PrivateServer) -> None:
    before = files(stock)
    # Passes every check, yet cannot start: the server itself refuses the value.
    (stock.config / OVERRIDES).write_text("[fail2ban-ai-net]\nbackend = polling\nlogencoding = no-such-encoding\n")
    mine = files(stock)
    with pytest.raises(Fail2banError, match="taken out again"):
        installer(stock).install()
    assert files(stock) == mine
    assert mine.keys() - before.keys() == {OVERRIDES}
    assert set(stock.client.jails()) == set(STOCK_JAILS)


def test_files_changed_by_hand_are_kept_at_removal(stock: PrivateServer) -> None:
    installer(stock).install()
    action = stock.config / "action.d" / "fail2ban-ai-nft.conf"
    action.write_text(action.read_text() + "# mine\n")
    assert installer(stock).remove() == [str(action)]
    assert action.exists()
    assert not (stock.config / ENABLING).exists()


def test_removal_waits_for_the_admins_own_file(stock: PrivateServer) -> None:
    installer(stock).install()
    (stock.config / OVERRIDES).write_text("[fail2ban-ai]\nbantime = 2d\n")
    with pytest.raises(ConfigError, match="delete it first"):
        installer(stock).remove()
    assert set(jails.JAILS) <= set(stock.client.jails())


def test_removal_waits_for_jails_that_use_the_action(stock: PrivateServer) -> None:
    installer(stock).install()
    fed = stock.config / "jail.d" / "fed.local"
    fed.write_text("[sshd]\naction = %(action_)s\n         fail2ban-ai\n")
    with pytest.raises(ConfigError, match="sshd use the action fail2ban-ai"):
        installer(stock).remove()
    assert set(jails.JAILS) <= set(stock.client.jails())
    fed.unlink()
    assert installer(stock).remove() == []


def test_with_fail2ban_down_the_files_wait_for_its_start(stock: PrivateServer) -> None:
    stock.stop()
    try:
        assert not installer(stock).install()
    finally:
        stock.start()
    assert set(stock.client.jails()) == {*STOCK_JAILS, *jails.JAILS}
