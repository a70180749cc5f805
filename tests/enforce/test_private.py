"""The private server leaves nothing behind, however its owner ends; and it works where there is no namespace."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import STOCK_JAILS, PrivateServer

pytestmark = pytest.mark.bench

OWNER = """
import time
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer, ends_on_signal
with ends_on_signal(), Namespace() as namespace, PrivateServer(namespace) as server:
    print(server.folder, namespace.pid, server._server.pid, flush=True)
    time.sleep(60)
"""


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True  # ended; init has not collected it yet
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_owner_is_ended(bench_host: None, number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert owner.stdout is not None
        folder, *pids = owner.stdout.readline().split()
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        owner.send_signal(number)
        owner.wait(20)
        assert all(gone(int(pid)) for pid in pids)
        if number != signal.SIGKILL:  # nobody can tidy a folder after that; it holds no process and no rule
            assert not Path(folder).exists()
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
        if number == signal.SIGKILL:
            subprocess.run(["rm", "-rf", "--", folder], check=True)


def test_an_exception_inside_leaves_nothing(bench_host: None) -> None:
    with pytest.raises(ZeroDivisionError), PrivateServer(None) as server:
        pid = server._server.pid  # type: ignore[union-attr]
        raise ZeroDivisionError
    assert gone(pid)
    assert not server.folder.exists()


def test_the_stock_jails_run_beside_ours(bench_host: None) -> None:
    with PrivateServer(None) as server:
        assert set(server.client.jails()) == {*STOCK_JAILS, *jails.JAILS}


def test_without_a_namespace_bans_are_recorded_and_no_rule_is_made(bench_host: None) -> None:
    before = subprocess.run(["nft", "list", "ruleset"], capture_output=True, check=True).stdout
    with PrivateServer(None) as server:
        assert server.nft is None
        server.client.attempt(jails.ADDRESSES, "203.0.113.9")
        server.client.banip("sshd", ["203.0.113.10"])
        assert server.client.await_banned(jails.ADDRESSES, ["203.0.113.9"]) == set()
        time.sleep(0.3)
        assert set(server.recorded.read_text().splitlines()) == {"ban fail2ban-ai 203.0.113.9", "ban sshd 203.0.113.10"}
        assert subprocess.run(["nft", "list", "ruleset"], capture_output=True, check=True).stdout == before
