"""The AI jails: their names, which targets go where, their nftables sets, and the files we ship for them.

Standard library only: the root process imports this.
"""

import functools
import ipaddress
import sysconfig
from pathlib import Path

from fail2ban_ai import addresses
from fail2ban_ai.errors import TargetError
from fail2ban_ai.gate.lists import PREFIXES  # action.d/fail2ban-ai-net.conf has one set for each

ADDRESSES = "fail2ban-ai"
NETWORKS = "fail2ban-ai-net"
LIMITS = "fail2ban-ai-limit"  # addresses and networks that are slowed down, not blocked
JAILS = (ADDRESSES, NETWORKS, LIMITS)
BANTIMES = {ADDRESSES: 86400.0, NETWORKS: 21600.0, LIMITS: 21600.0}  # seconds, as jail.d/fail2ban-ai.conf ships them


def normalise(target: str) -> addresses.Network:
    """The target as a network; a single address is a /32 or /128.

    Raises TargetError for anything that none of the jails can hold.
    """
    network = addresses.parse_network(target)
    if network is None:
        raise TargetError(f"{target!r} is neither an address nor a network.")
    if network.prefixlen not in (network.max_prefixlen, *PREFIXES[network.version]):
        allowed = ", ".join(f"/{prefix}" for prefix in PREFIXES[network.version])
        raise TargetError(f"{network} cannot be banned: IPv{network.version} networks are {allowed}.")
    return network


def text_of(network: addresses.Network) -> str:
    """The target as fail2ban lists it: a single address has no prefix length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def jail_of(network: addresses.Network) -> str:
    """The jail in which a target is blocked."""
    return ADDRESSES if network.prefixlen == network.max_prefixlen else NETWORKS


@functools.lru_cache(maxsize=8192)  # asked for every member at every tick
def bantime_of(target: str) -> float:
    """Seconds that the first ban of a target lasts, unless an admin changed it. Raises TargetError as `normalise`."""
    return BANTIMES[jail_of(normalise(target))]


def table_of(jail: str) -> str:
    """The jail's nftables table, in the family inet."""
    return f"f2b-{jail}"


def set_of(network: addresses.Network) -> str:
    """The set of that table which holds the target's network address."""
    if network.prefixlen == network.max_prefixlen:
        return f"addr{network.version}"
    return f"net{network.version}_{network.prefixlen}"


def target_in(set_name: str, element: str) -> str:
    """The target that an element of one of our sets stands for."""
    prefix = set_name.partition("_")[2]
    return str(ipaddress.ip_network(f"{element}/{prefix}")) if prefix else str(ipaddress.ip_address(element))


def shipped() -> dict[str, Path]:
    """The files to install: path below fail2ban's folder -> our file.

    They lie beside the package in a checkout, and in share/fail2ban-ai when it is installed.
    """
    checkout = Path(__file__).resolve().parents[2]
    root = checkout if (checkout / "action.d").is_dir() else Path(sysconfig.get_path("data")) / "share" / "fail2ban-ai"
    return {
        "filter.d/fail2ban-ai.conf": root / "filters.d" / "fail2ban-ai.conf",
        "action.d/fail2ban-ai-nft.conf": root / "action.d" / "fail2ban-ai-nft.conf",
        "action.d/fail2ban-ai-net.conf": root / "action.d" / "fail2ban-ai-net.conf",
        "action.d/fail2ban-ai.conf": root / "action.d" / "fail2ban-ai.conf",
        "action.d/fail2ban-ai-limit.conf": root / "action.d" / "fail2ban-ai-limit.conf",
        "action.d/fail2ban-ai-record.conf": root / "action.d" / "fail2ban-ai-record.conf",
        "jail.d/fail2ban-ai.conf": root / "jail.d" / "fail2ban-ai.conf",
    }
