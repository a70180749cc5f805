"""Ten thousand random configurations: whoever asks for what, no protected address is ever banned or limited."""

import dataclasses
import ipaddress
import random
import time
from pathlib import Path

import pytest

from fail2ban_ai import decisions
from fail2ban_ai.addresses import Network
from fail2ban_ai.decisions import ACTIONS, Decision, target_of
from fail2ban_ai.enforce import notices
from fail2ban_ai.enforce.enforcer import Enforcer
from fail2ban_ai.enforce.jails import Jails
from fail2ban_ai.enforce.settings import EFFECTS
from fail2ban_ai.facts import AllowEntry, Facts, Protected
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.gate import GateSettings
from fail2ban_ai.gate.lists import OPT_IN
from tests.enforce.fakes import FakeFail2ban, FakeNft

CONFIGURATIONS = 10_000
NOW = time.time()
BASE = decisions.make("203.0.113.9", at=NOW, reason="a test")
NAT64, SIX_TO_FOUR, MAPPED = 0x64FF9B << 96, 0x2002 << 112, 0xFFFF << 32


def spans(network: Network) -> list[tuple[int, int, int]]:
    """(version, first, last) of the network, and of the IPv4 hosts that it stands for: written anew, by arithmetic."""
    first, last = int(network.network_address), int(network.broadcast_address)
    found = [(network.version, first, last)]
    if network.version == 6:
        for base, shift, length in ((NAT64, 0, 96), (MAPPED, 0, 96), (SIX_TO_FOUR, 80, 16)):
            if network.prefixlen >= length and first >> (128 - length) == base >> (128 - length):
                found.append((4, first >> shift & 0xFFFFFFFF, last >> shift & 0xFFFFFFFF))
    return found


def hit(one: Network, other: Network) -> bool:
    return any(a[0] == b[0] and a[1] <= b[2] and b[1] <= a[2] for a in spans(one) for b in spans(other))


def some_address(rng: random.Random) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if rng.random() < 0.6:
        base = rng.choice(("192.0.2.0", "198.51.100.0", "203.0.113.0", "198.18.7.0"))
        return ipaddress.IPv4Address(base) + rng.randrange(256)
    return ipaddress.IPv6Address("2001:db8::") + (rng.randrange(4) << 64) + rng.randrange(4)


def some_text(rng: random.Random, near: list[Network]) -> str:
    """A target: far from what is protected or near it, in one of the ways to write it."""
    address = some_address(rng)
    if near and rng.random() < 0.6:
        network = rng.choice(near)
        inside = int(network.network_address) + rng.randrange(min(network.num_addresses, 1 << 16))
        address = type(network.network_address)(inside)
    four = address.version == 4
    way = rng.randrange(8)
    if way == 0 and four:
        return f"::ffff:{address}"
    if way == 1 and four:
        return str(ipaddress.IPv6Address(NAT64 + int(address)))
    if way == 2 and four:
        return str(ipaddress.IPv6Address(SIX_TO_FOUR + (int(address) << 80)))
    if way in (3, 4):
        length = rng.choice((8, 16, 23, 24, 25, 26, 27, 28, 29, 31, 32) if four else (32, 47, 48, 56, 64, 96, 128))
        return str(ipaddress.ip_network((address, length), strict=False))
    if way == 5 and four:
        return str(ipaddress.IPv6Network((SIX_TO_FOUR + (int(address) << 80), rng.choice((40, 48, 64))), strict=False))
    return str(address)


def some_facts(rng: random.Random) -> tuple[Facts, list[Network]]:
    """What is protected, and by which list."""
    networks = []
    for _ in range(rng.randrange(5)):
        address = some_address(rng)
        length = rng.choice((address.max_prefixlen, rng.randrange(16, address.max_prefixlen + 1)))
        text = str(ipaddress.ip_network((address, length), strict=False))
        if address.version == 4 and rng.random() < 0.2:
            text = f"::ffff:{ipaddress.ip_network(text).network_address}/{length + 96}"
        found = target_of(text)
        assert found is not None
        networks.append(found)
    lists: dict[str, list[Protected]] = {"own": [], "peers": [], "ignoreip": [], "ranges": []}
    allow = []
    for network in networks:
        where = rng.choice(("allow", *lists))
        if where == "allow":
            expires = rng.choice((None, NOW + rng.random() * 1e6 + 1))
            allow.append(AllowEntry(network, NOW - 100, expires, ""))
        else:
            lists[where].append(Protected(network, "here"))
    return Facts(allow=tuple(allow), **{name: tuple(each) for name, each in lists.items()}), networks


def some_decision(rng: random.Random, near: list[Network]) -> Decision:
    text = some_text(rng, near)
    normal = target_of(text)
    spelled = decisions.spelled(normal) if normal is not None and rng.random() < 0.7 else text
    return dataclasses.replace(
        BASE,
        target=spelled,
        id=f"{rng.getrandbits(128):032x}",
        at=NOW - rng.choice((0.0, 100.0, 80_000.0)),
        severity=rng.choice(SEVERITIES),
        requested_by=rng.choice(("auto", "admin")),
        action=rng.choice(ACTIONS),
    )


def test_no_protected_address_is_ever_banned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    monkeypatch.setattr(notices, "say", lambda *_: None)
    monkeypatch.setattr(Enforcer, "tell", lambda *_, **__: None)
    fail2ban = FakeFail2ban()
    nft = FakeNft(fail2ban)
    asked = banned = spared = 0
    for seed in range(CONFIGURATIONS):
        rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
        facts, protected = some_facts(rng)
        gate = GateSettings(
            ban_special=frozenset(rng.sample(OPT_IN, rng.randrange(len(OPT_IN)))),
            per_hour=rng.choice((1, 200)),
            login_days=rng.choice((0, 2)),
            client_share=rng.random(),
        )
        severity = {name: rng.choice(EFFECTS) for name in rng.sample(SEVERITIES, rng.randrange(5))}
        fail2ban.attempts.clear()
        fail2ban.bans = {jail: [] for jail in fail2ban.running}
        enforcer = Enforcer(fail2ban, nft, gate, lambda: facts, True, lambda: NOW, severity)  # noqa: B023 - not called
        batch = {one.target: one for one in (some_decision(rng, protected) for _ in range(3))}
        list(enforcer._carry_out(list(batch.values()), facts, Jails(fail2ban, nft, False)))
        asked += len(batch)
        banned += len(fail2ban.attempts)
        for _, target in fail2ban.attempts:
            reached = ipaddress.ip_network(target)
            assert not any(hit(reached, one) for one in protected), (seed, target, protected)
        spared += sum(1 for target in batch if (made := target_of(target)) and any(hit(made, one) for one in protected))
    assert banned > asked / 20, "most of what is far from everything is banned, or this shows nothing"
    assert spared > asked / 4
