"""doctor on what is sent elsewhere: what keeps it from arriving and what leaves secrets open is named."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.doctor import delivery
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.fail2ban.client import Client

SECRET = "t0ken"
UNIT = "[Service]\nPrivateNetwork=yes\n"
Examine = Callable[..., list[str]]


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.config().parent.mkdir(parents=True)

    def found(mode: int = 0o640, **values: object) -> list[str]:
        paths.config().write_text(json.dumps(values))
        paths.config().chmod(mode)
        return [result.sentence for result in delivery.findings_can_be_sent(Host(client=Client(("false",))))]

    return found


def install_unit(drop_in: str = "") -> None:
    unit = paths.units() / "fail2ban-ai-watch.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(UNIT)
    if drop_in:
        folder = unit.with_name(f"{unit.name}.d")
        folder.mkdir()
        (folder / "override.conf").write_text(drop_in)


def test_nothing_set_and_all_in_order_are_silent(examine: Examine, tmp_path: Path) -> None:
    install_unit()
    assert examine() == []
    siem = {"ecs_file": str(tmp_path / "ecs.json"), "syslog": "unix:/dev/log"}
    assert examine(siem=siem) == []


def test_secrets_open_to_everybody_are_named_and_not_shown(examine: Examine, tmp_path: Path) -> None:
    notify = {"urls": [f"json://{SECRET}@192.0.2.1/"]}
    assert examine(0o640, notify=notify) == []
    (told,) = examine(0o644, notify=notify)
    assert "read by everybody" in told
    assert SECRET not in told
    file = tmp_path / "urls"
    assert "No such file" in examine(notify={"urls_file": str(file)})[0]
    file.write_text("json://192.0.2.1/\n")
    file.chmod(0o604)
    assert "read by everybody" in examine(notify={"urls_file": str(file)})[0]
    file.chmod(0o640)
    assert examine(notify={"urls_file": str(file)}) == []


def test_a_unit_without_a_network_is_named_until_a_drop_in_allows_it(examine: Examine) -> None:
    install_unit()
    for values in ({"siem": {"syslog": "udp://192.0.2.1:514"}}, {"notify": {"urls": ["json://192.0.2.1/"]}}):
        assert examine(**values) == [
            "fail2ban-ai-watch.service has no network, so it cannot send what the configuration asks for."
        ]
    install_unit("[Service]\nPrivateNetwork=no\n")
    assert examine(siem={"syslog": "udp://192.0.2.1:514"}) == []


def test_apprise_missing_and_a_folder_missing_are_told(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "Apprise is not installed" in examine(notify={"urls": ["json://192.0.2.1/"]})[0]
    assert "is not there" in examine(siem={"ecs_file": str(tmp_path / "none" / "ecs.json")})[0]
