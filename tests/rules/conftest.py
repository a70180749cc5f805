"""A host for rules: a private fail2ban server that runs stock jails, its folder as the site, suggestions by hand."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fail2ban_ai import visitors
from fail2ban_ai.fail2ban.jails import JAILS as AI_JAILS
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.rules import install
from fail2ban_ai.rules.site import Site
from fail2ban_ai.visitors import Visitors

from . import a_rule

PROGRAM = Path(sys.executable).with_name("fail2ban-ai")
OTHERS = {"sshd", "dovecot", *AI_JAILS}  # jails that run beside the rules


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    return tmp_path


class Bench:
    """The server with its site, and what tests ask of both."""

    def __init__(self, server: PrivateServer) -> None:
        self.server = server
        self.client = server.client
        self.config = server.config
        self.log = server.logs["access.log"]
        self.site = Site(server.config, server.client, (str(self.log),), lambda: PROGRAM)

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.config.rglob("*") if path.is_file())
        return {str(path.relative_to(self.config)): path.read_bytes() for path in found}

    def attack(self, address: str, path: str = "/shell.php") -> None:
        stamp = f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S +0000}"
        with self.log.open("a") as file:
            file.writelines(a_rule.request(address, path, stamp) + "\n" for _ in range(2))

    def fail_at_ssh(self, address: str) -> None:
        stamp = f"{datetime.now():%b %d %H:%M:%S}"
        with self.server.logs["auth.log"].open("a") as file:
            file.writelines(
                f"{stamp} host sshd[{pid}]: Failed password for invalid user bob from {address} port 4711 ssh2\n"
                for pid in range(100, 106)
            )

    def banned(self, jail: str, address: str, seconds: float = 8.0) -> bool:
        """Whether the ban comes; a jail of ours also has to have it in its set."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if address in self.client.banned(jail):
                return True
            time.sleep(0.1)
        return False

    def blocked(self, jail: str, address: str, seconds: float = 3.0) -> bool:
        assert self.server.nft is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if address in (self.server.nft.blocked(jail) or ()):
                return True
            time.sleep(0.1)
        return False


@pytest.fixture
def bench(server: PrivateServer, root: Path) -> Iterator[Bench]:
    """The module's server; whatever a test installed is gone after it, and nothing else was touched."""
    found = Bench(server)
    visitors.keep(Visitors(time.time(), clients=100))
    found.log.write_bytes(b"")  # fail2ban reads what is younger than findtime when a jail starts
    before = found.files()
    yield found
    found.client.run("unban", "--all")  # else fail2ban repeats them when another test starts the jail
    for jail in set(found.client.jails()) - OTHERS:
        found.client.run("stop", jail)
    after = found.files()
    for name in after.keys() - before.keys():
        (found.config / name).unlink()
    assert {name: after.get(name) for name in before} == before, "no file that was there was changed"
    assert all(name.rpartition("/")[2].startswith("ai-") for name in after.keys() - before.keys())
    assert set(found.client.jails()) == OTHERS


@pytest.fixture
def installed_files() -> set[str]:
    return set(install.files_of(a_rule.NAME))
