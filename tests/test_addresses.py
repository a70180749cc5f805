"""Addresses are normalised once, before anything uses them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.addresses import actor_of, is_translated, network_of, parse, parse_network


@pytest.mark.parametrize(
    "text", ["", "not-an-ip", "localhost", "--help", "203.0.113.0/33", "2001:db8::1%eth0", "203.0.113.256", "1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert parse(text) is None
    assert actor_of(text) is None


def test_mapped_addresses_become_ipv4() -> None:
    assert str(parse("::ffff:203.0.113.9")) == "203.0.113.9"
    assert str(parse_network("::ffff:203.0.113.0/120")) == "203.0.113.0/24"


def test_ipv6_actors_are_their_64_unless_translated() -> None:
    assert actor_of("2001:db8:1:2:3::9") == "2001:db8:1:2::/64"
    assert actor_of("64:ff9b::c000:201") == "64:ff9b::c000:201/128"
    translated = parse("2002:c000:201::1")
    assert translated is not None
    assert is_translated(translated)
    assert network_of("64:ff9b::c000:201/128") is None


def test_networks_of_neighbours() -> None:
    assert network_of("198.51.100.77") == "198.51.100.0/24"
    assert network_of("2001:db8:1:2::/64") == "2001:db8:1::/48"


@given(st.text(max_size=60))
def test_no_text_passes_unless_it_is_an_address(text: str) -> None:
    parsed = parse(text)
    if parsed is not None:
        assert "%" not in text
        assert parse(str(parsed)) == parsed
        ipaddress.ip_address(text)
