"""Networks: the smallest prefix over the hostile actors, and never one that anybody else was seen in."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.campaigns.networks import proposals


def cidrs(hostile: list[str], ordinary: list[str] | None = None) -> list[str]:
    return [n.cidr for n in proposals(hostile, ordinary or [])]


def v4(*hosts: int) -> list[str]:
    return [f"192.0.2.{h}" for h in hosts]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (range(1, 200, 20), ["192.0.2.0/24"]),  # ten, far apart
        (range(64, 128, 8), ["192.0.2.64/26"]),  # eight of one quarter
        (range(16, 20), ["192.0.2.16/28"]),  # four of sixteen are a quarter
        (range(16, 19), []),  # three are no network
        (range(1, 200, 50), []),  # four of a whole /24 neither
    ],
)
def test_several_or_dense_ones_are_proposed(hosts: range, expected: list[str]) -> None:
    assert cidrs(v4(*hosts)) == expected


def test_a_resident_leaves_only_the_parts_without_it() -> None:
    assert cidrs(v4(*range(1, 13), *range(129, 141)), v4(200)) == ["192.0.2.0/28", "192.0.2.128/28"]
    assert cidrs(v4(*range(1, 13)), v4(14)) == []


def test_ipv6_actors_make_a_56_or_a_48() -> None:
    assert cidrs([f"2001:db8:7:{i:x}::/64" for i in range(4)]) == ["2001:db8:7::/56"]
    assert cidrs([f"2001:db8:7:{i:x}00::/64" for i in range(8)]) == ["2001:db8:7::/48"]
    assert cidrs([f"2001:db8:7:{i:x}00::/64" for i in range(4)]) == []


@given(st.sets(st.integers(0, 255), max_size=40), st.sets(st.integers(0, 255), max_size=6))
def test_no_proposal_ever_holds_an_ordinary_actor(bad: set[int], good: set[int]) -> None:
    hostile, ordinary = v4(*sorted(bad - good)), v4(*sorted(good))
    found = proposals(hostile, ordinary)
    for network in found:
        cover = ipaddress.ip_network(network.cidr)
        assert 24 <= cover.prefixlen <= 28
        assert not any(ipaddress.ip_address(a) in cover for a in ordinary)
        assert network.hostile_seen == sum(ipaddress.ip_address(a) in cover for a in hostile) >= 4
