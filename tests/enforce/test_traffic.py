"""What a ban does to packets: between two namespaces, with an echo server on the banning side."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.effective import await_effective
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer

pytestmark = pytest.mark.bench

HERE = ["203.0.113.1/24", "198.51.100.1/24", "2001:db8:1::1/47"]
THERE = ["203.0.113.9/24", "198.51.100.9/24", "2001:db8:1:2::9/47", "2001:db8:1:3::9/47"]
TO = {"203.0.113.9": "203.0.113.1", "198.51.100.9": "198.51.100.1"}

ECHO = """
import socket, threading
def tcp():
    listener = socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
def answer(one):
    while data := one.recv(100):
        one.sendall(data)
threading.Thread(target=tcp, daemon=True).start()
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(("::", 7))
print("ready", flush=True)
while True:
    udp.sendto(*udp.recvfrom(100))
"""

# For each line "kind source": udp asks once, tcp asks on the one connection that this source keeps open.
CLIENT = """
import socket, sys
kept = {}
for line in sys.stdin:
    kind, source, target, patience = line.split()
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    one = kept.get(source) if kind == "tcp" else None
    try:
        if one is None:
            one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
            one.bind((source, 0))
            one.settimeout(float(patience))
            one.connect((target, 7))
            if kind == "tcp":
                kept[source] = one
        one.settimeout(float(patience))
        one.send(b"x")
        print("through" if one.recv(100) else "closed", flush=True)
    except OSError:
        print("nothing", flush=True)
"""


class Wire:
    def __init__(self, client: "subprocess.Popen[str]") -> None:
        self._client = client

    def ask(self, kind: str, source: str, patience: float = 1.0) -> str:
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        target = TO.get(source, "2001:db8:1::1")
        self._client.stdin.write(f"{kind} {source} {target} {patience}\n")
        self._client.stdin.flush()
        return self._client.stdout.readline().strip()

    def settle(self, source: str, patience: float = 30) -> None:
        """Ask until an answer comes: two kernels that still look for each other's link addresses lose first packets."""
        deadline = time.monotonic() + patience
        while self.ask("udp", source, 1) != "through":
            assert time.monotonic() < deadline, f"nothing came through from {source}"
            time.sleep(0.2)


@pytest.fixture
def wire(server: PrivateServer) -> Iterator[Wire]:
    inside = server.namespace
    assert inside is not None
    with Namespace() as outside:
        inside.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(outside.pid))
        # No link-local addresses: checking them for duplicates would hold up the first packets.
        for namespace, link, addresses in ((inside, "v0", HERE), (outside, "v1", THERE)):
            namespace.run("ip", "link", "set", link, "addrgenmode", "none")
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                namespace.run("ip", "address", "add", address, "dev", link, *nodad)
            namespace.run("ip", "link", "set", link, "up")
        echo = subprocess.Popen([*inside.command, sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
        client = subprocess.Popen(
            [*outside.command, sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert echo.stdout is not None
            assert echo.stdout.readline() == "ready\n"
            yield Wire(client)
        finally:
            for child in (echo, client):
                child.kill()
                child.communicate()
            inside.run("ip", "link", "delete", "v0")


def test_a_ban_stops_every_protocol_and_cuts_what_is_open(server: PrivateServer, wire: Wire) -> None:
    assert server.nft is not None
    sources = ["203.0.113.9", "198.51.100.9", "2001:db8:1:2::9", "2001:db8:1:3::9"]
    for source in sources:
        wire.settle(source)
    assert [wire.ask("tcp", source, 8) for source in sources] == ["through"] * 4
    assert [wire.ask("udp", source, 8) for source in sources] == ["through"] * 4
    server.client.banip(jails.ADDRESSES, ["203.0.113.9"])
    server.client.banip(jails.NETWORKS, ["2001:db8:1:2::/64"])
    for jail in jails.JAILS:
        effect = await_effective(server.client, server.nft, jail)
        assert effect is not None
        assert effect.whole
    expected = ["nothing", "through", "nothing", "through"]
    assert [wire.ask("udp", source) for source in sources] == expected
    assert [wire.ask("tcp", source) for source in sources] == expected, "the connections were open before the ban"
    server.client.unban(jails.NETWORKS, ["2001:db8:1:2::/64"])
    server.client.banip(jails.NETWORKS, ["198.51.100.0/24"])
    assert [wire.ask("udp", source) for source in sources[1:]] == ["nothing", "through", "through"]


def test_a_limited_source_is_slowed_down_and_its_neighbour_is_not(server: PrivateServer, wire: Wire) -> None:
    sources = ["203.0.113.9", "198.51.100.9", "2001:db8:1:2::9", "2001:db8:1:3::9"]
    for source in sources:
        wire.settle(source)
    server.client.banip(jails.LIMITS, ["203.0.113.9", "2001:db8:1:2::/64"])
    assert server.nft is not None
    effect = await_effective(server.client, server.nft, jails.LIMITS)
    assert effect is not None
    assert effect.whole
    for source in sources:
        since = time.monotonic()
        through = [wire.ask("udp", source, 0.02) for _ in range(200)].count("through")
        # 100 packets at once, and 10 a second after them.
        allowed = 105 + 10 * (time.monotonic() - since)
        if source in ("203.0.113.9", "2001:db8:1:2::9"):
            assert 50 <= through <= allowed
        else:
            assert through > 180
