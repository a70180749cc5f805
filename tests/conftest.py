"""Fixtures of the bench: a network namespace with real nftables, and a private fail2ban server in it."""

import shutil
from collections.abc import Iterator

import pytest

from fail2ban_ai.fail2ban import namespace as namespaces
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer

STOCK = ("sshd", "dovecot")  # every jail more costs each question to fail2ban its time


@pytest.fixture(scope="session")
def bench_host() -> None:
    reason = namespaces.why_not()
    if reason is None and shutil.which("fail2ban-server") is None:
        reason = "fail2ban is not installed"
    if reason:
        pytest.skip(f"no bench: {reason}")


@pytest.fixture(scope="module")
def server_of_module(bench_host: None) -> Iterator[PrivateServer]:
    with Namespace() as inside, PrivateServer(inside, stock=STOCK) as running:
        yield running


@pytest.fixture
def server(server_of_module: PrivateServer) -> Iterator[PrivateServer]:
    """The module's server without any ban; started again where a test ended it."""
    server_of_module.client.run("unban", "--all")
    yield server_of_module
    if not server_of_module.client.ping():
        server_of_module.stop()
        server_of_module.start()
