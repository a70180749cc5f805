"""doctor on what setup made: what is wrong is named with what mends it; a host as setup left it is in order."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.doctor import services
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.setup import account, host
from fail2ban_ai.setup.look import Look
from tests.setup import private_host


class NoJails:
    def install(self) -> bool:
        return False


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if os.geteuid() != 0:
        pytest.skip("setup needs root")
    folder = tmp_path / "root"
    private_host.make(folder, tmp_path)
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(folder))
    host.install(NoJails(), Look(), run="watch", start=False)  # type: ignore[arg-type]
    return folder


def examine() -> dict[str, Result]:
    quiet = Host(client=Client(("false",)))
    return {found.check: found for check in services.CHECKS for found in check(quiet)}


def test_a_host_as_setup_left_it_is_in_order(root: Path) -> None:
    assert examine() == {}


def test_a_host_never_set_up_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    found = examine()
    assert found.keys() == {"user-is-there"}
    assert found["user-is-there"].level == "info"
    assert "fail2ban-ai setup" in found["user-is-there"].advice


def test_wrong_settings_are_an_error_with_file_and_key(root: Path) -> None:
    paths.config().write_text("sensitivity: certain\n")
    found = examine()["settings-are-right"]
    assert found.level == "error"
    assert "sensitivity" in found.sentence
    paths.config().unlink()
    paths.settings().write_text('{"mode": "ban everything"}')
    assert examine()["settings-are-right"].file == str(paths.settings())


def test_a_user_that_is_gone_or_out_of_its_group_is_named(root: Path) -> None:
    group = root / "etc/group"
    group.write_text(group.read_text().replace(f"adm:x:4:{account.NAME}", "adm:x:4:"))
    assert "group adm" in examine()["user-is-there"].sentence
    account.remove()
    assert examine()["user-is-there"].level == "error"


def test_folders_with_wrong_owners_are_named(root: Path) -> None:
    os.chown(paths.decisions().parent, 0, 0)
    assert "does not belong" in examine()["folders-are-right"].sentence
    host.install(NoJails(), Look(), run=None, start=False)  # type: ignore[arg-type]
    assert examine() == {}, "setup mends it, as the advice says"
    paths.outcomes().parent.chmod(0o777)
    assert "written by others" in examine()["folders-are-right"].sentence
    shutil.rmtree(paths.outcomes().parent)
    assert "is gone" in examine()["folders-are-right"].sentence


def test_what_awaits_an_admin_is_named(root: Path) -> None:
    paths.trial().write_text(json.dumps({"began": time.time() - 3600}))
    found = examine()["enforcing-is-settled"]
    assert (found.level, "23 hours" in found.sentence) == ("warning", True)
    paths.trial().write_text(json.dumps({"began": 1.0, "lapsed": 2.0}))
    assert examine()["enforcing-is-settled"].level == "info"
    paths.trial().write_text(json.dumps({"began": 1.0, "confirmed": 2.0}))
    assert examine() == {}
    paths.breaker().write_text(json.dumps({"at": 1.0, "why": "400 bans were asked for"}))
    found = examine()["enforcing-is-settled"]
    assert found.level == "error"
    assert "400 bans" in found.sentence


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"at": time.time() - 600}, "last heard of 6"),
        ({"lag_seconds": 300.0}, "300 s behind"),
        ({"degraded": True}, "cheaper score"),
        ({"pid": "x"}, "is no heartbeat"),
    ],
)
def test_a_watcher_that_fell_silent_or_behind_is_named(root: Path, values: dict[str, object], said: str) -> None:
    paths.heartbeat().write_text(json.dumps({"at": time.time() + 60, "pid": 1, **values}))
    assert said in examine()["watcher-keeps-up"].sentence
    paths.heartbeat().write_text(json.dumps({"at": time.time(), "pid": 1, "lag_seconds": 0.5}))
    assert examine() == {}
