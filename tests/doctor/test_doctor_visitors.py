"""doctor names a site whose log shows a CDN's edges in place of its visitors."""

from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.doctor import surroundings
from fail2ban_ai.doctor.host import Host, JailConfig
from fail2ban_ai.doctor.result import Result


def examine(path: Path, agents: int) -> list[Result]:
    """The check on a log of 60 addresses of one network, 10 requests each, by `agents` user agents per address."""
    lines = [
        f'198.18.4.{number % 60} - - [02/Mar/2026:10:{number // 60:02}:00 +0000] "GET / HTTP/1.1" 200 5 "-"'
        f' "Browser/{number % 60 + number // 60 % agents}"'
        for number in range(600)
    ]
    path.write_text("\n".join(lines) + "\n")
    host = Host()
    host.jails = {"web": JailConfig("web", logpath=[str(path), str(path) + ".gone"])}
    return list(surroundings.visitors_come_themselves(host))


def test_a_log_of_edges_is_named(tmp_path: Path) -> None:
    (found,) = examine(tmp_path / "access.log", agents=6)
    assert (found.check, found.level) == ("visitors-come-themselves", "warning")
    assert "real" in str(found.advice)


def test_visitors_of_one_provider_are_none(tmp_path: Path) -> None:
    assert examine(tmp_path / "access.log", agents=1) == []


def test_a_log_of_another_service_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    examine(path, agents=6)
    path.write_text("Mar  2 10:00:00 web1 sshd[7]: Invalid user bob from 198.18.4.1\n" * 300)
    host = Host()
    host.jails = {"sshd": JailConfig("sshd", logpath=[str(path)])}
    assert list(surroundings.visitors_come_themselves(host)) == []


def test_a_log_that_only_we_read_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.log"
    examine(path, agents=6)
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    host = Host()
    host.jails = {}
    assert list(surroundings.visitors_come_themselves(host)) == []
    paths.config().parent.mkdir(parents=True)
    paths.config().write_text(f"also: [{path}, {path}.gone]\n")
    assert [found.file for found in surroundings.visitors_come_themselves(host)] == [str(path)]
    assert [found.sentence for found in surroundings.logs_are_readable(host)] == [f"{path}.gone is gone."]
    paths.config().write_text("also: 7\n")  # which another check says
    assert list(surroundings.logs_are_readable(host)) == []
