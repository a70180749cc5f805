"""What a real fail2ban prints is what we read."""

import pytest

from fail2ban_ai.decisions.lift import lift
from fail2ban_ai.facts import fail2ban as facts_fail2ban
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer


class Dns:
    def reverse(self, address):
        return []

    def forward(self, name):
        return ["127.0.0.1"] if name == "localhost" else []


@pytest.mark.bench
def test_ignoreip_ignorecommand_and_lifting(bench_host, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    with Namespace() as namespace, PrivateServer(namespace) as server:
        for entry in ("127.0.0.1/8", "::1", "192.0.2.0/24", "localhost", "garbage"):
            server.client.run("set", "sshd", "addignoreip", entry)
        server.client.run("set", "sshd", "ignorecommand", "/bin/test <ip> = 203.0.113.9")
        found = facts_fail2ban.ask(server.client, Dns())
        sshd = {str(one.network) for one in found.ignoreip if "sshd" in one.source}
        assert sshd >= {"127.0.0.0/8", "::1/128", "192.0.2.0/24"}
        assert any("garbage" in problem for problem in found.problems)
        assert found.missing == []
        assert list(found.commands) == ["sshd"]
        assert facts_fail2ban.spared_by_command(found.commands, "203.0.113.9") == "sshd"
        assert facts_fail2ban.spared_by_command(found.commands, "203.0.113.8") is None
        server.client.banip("fail2ban-ai", ["203.0.113.9", "198.51.100.1"])
        server.client.banip("fail2ban-ai-net", ["203.0.113.0/28"])
        assert lift(server.client, "203.0.113.9", "test") == ["203.0.113.9", "203.0.113.0/28"]
        assert server.client.banned("fail2ban-ai") == ["198.51.100.1"]
        assert server.client.banned("fail2ban-ai-net") == []
