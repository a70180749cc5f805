"""Addresses, normalised once before anything uses them. Standard library only: the root process imports this."""

import functools
import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses in these prefixes stand for IPv4 hosts all over the world, so their /64 is nobody's network.
_TRANSLATED = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # local NAT64, RFC 8215
    ipaddress.IPv6Network("2002::/16"),  # 6to4, RFC 3056
)


def parse(text: str) -> Address | None:
    """The address that `text` is, or None. Scope ids are refused; IPv4-mapped IPv6 becomes IPv4."""
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@functools.lru_cache(maxsize=8192)
def normal(text: str) -> str | None:
    """The normal form of an address text, or None where `parse` finds none."""
    address = parse(text)
    return None if address is None else str(address)


def parse_network(text: str) -> Network | None:
    """The network that `text` is (host bits must be zero; a bare address is a /32 or /128), or None.

    An IPv4-mapped network of /96 or longer becomes the IPv4 network, as fail2ban would ban it.
    """
    if "%" in text:
        return None
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def is_translated(address: Address) -> bool:
    """Whether an IPv6 address stands for some IPv4 host (NAT64, 6to4); such addresses are never grouped."""
    return isinstance(address, ipaddress.IPv6Address) and any(address in net for net in _TRANSLATED)


@functools.lru_cache(maxsize=8192)
def actor_of(text: str) -> str | None:
    """The actor an address text belongs to: "192.0.2.1" or "2001:db8:1:2::/64"; None when it is no address.

    A translated IPv6 address (NAT64, 6to4) is an actor by itself, as a /128.
    """
    address = parse(text)
    if address is None:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    prefix = 128 if is_translated(address) else 64
    return str(ipaddress.IPv6Network((address, prefix), strict=False))


def network_of(actor: str) -> str | None:
    """The network that links neighbours: the /24 of an IPv4 actor, the /48 of an IPv6 /64; None if translated."""
    if ":" not in actor:
        return f"{actor.rpartition('.')[0]}.0/24"
    network = ipaddress.IPv6Network(actor)
    if network.prefixlen > 64:
        return None
    return str(network.supernet(new_prefix=48))


def within(actor: str, network: str) -> bool:
    """Whether two texts of actors or networks share an address; both must be in normal form."""
    one, other = ipaddress.ip_network(actor), ipaddress.ip_network(network)
    return one.version == other.version and one.overlaps(other)
