"""Tells a site that stands behind a CDN by its log alone, and which addresses are the edges: they must not be banned.

A CDN reaches a site from few networks, with many addresses in each and many visitors behind each address, so that an
address changes its user agent with nearly every request. Visitors who come themselves lie scattered over networks and
mostly keep one agent. Of 15 hosts that log their visitors, none had over 65 % of its addresses in crowded networks; one
behind a CDN has 80 % from its first hundred requests on.

Attackers can rotate agents and rent networks, too, but their addresses look hostile from the start, and an edge's
visitors are mostly harmless: where most addresses of the crowded networks began hostile, they are a botnet and no CDN.
"""

import ipaddress
from dataclasses import dataclass, field

CROWD = 4  # addresses, and user agents among them, that make a network crowded
ENOUGH = 10  # requests that show what an address carries
SEVERAL = 3  # agents that show several visitors behind one address
COUNTED = 20  # addresses seen before anything is said about the host
EARLY = 8  # requests in which a bot has shown itself; sooner or later an attacker comes through every edge
JUDGED = 20  # addresses with ENOUGH requests from which they must show several visitors …
MOST_SEVERAL = 0.4  # … in this share
KEPT = 20_000  # addresses remembered; later ones change nothing
MOST_HOSTILE = 0.67  # share of the addresses in crowded networks above which they are a botnet


@dataclass(slots=True)
class _Network:
    addresses: int = 0
    hostile: int = 0
    agents: set[int] = field(default_factory=set)  # at most CROWD
    crowded: bool = False


@dataclass(slots=True)
class _Address:
    network: _Network
    hostile: bool = False
    judged: bool = False
    several: bool = False


class Edges:
    """Counts the addresses of web logs. Feed every request that is looked at, in order of time."""

    def __init__(self) -> None:
        self._addresses: dict[str, _Address] = {}
        self._networks: dict[str, _Network] = {}
        self._crowded = self._hostile = 0  # addresses in crowded networks, and those of them that look hostile
        self._judged = self._several = 0

    def note(self, actor: str, agent: str | None, *, requests: int, agents: int, hostile: bool) -> None:
        """Where an address (IPv6: a /64) stands after a request: requests, agents so far, whether it looks hostile."""
        address = self._addresses.get(actor)
        if address is None:
            if len(self._addresses) >= KEPT:
                return  # so many have told what the host is
            network = self._networks.setdefault(_wide(actor), _Network())
            address = self._addresses[actor] = _Address(network)
            network.addresses += 1
            self._crowded += network.crowded
        network = address.network
        if hostile and requests <= EARLY and not address.hostile:
            address.hostile = True
            network.hostile += 1
            self._hostile += network.crowded
        if agent and len(network.agents) < CROWD:
            network.agents.add(hash(agent))
        if not network.crowded and network.addresses >= CROWD and len(network.agents) >= CROWD:
            network.crowded = True
            self._crowded += network.addresses
            self._hostile += network.hostile
        judged = requests >= ENOUGH
        several = judged and agents >= SEVERAL
        self._judged += judged and not address.judged
        self._several += several and not address.several
        address.judged, address.several = address.judged or judged, address.several or several

    def networks(self) -> dict[str, float]:
        """The networks whose addresses may be edges, each with the share that `share` gives for an address in it."""
        found = {name: self._share(network) for name, network in self._networks.items() if network.crowded}
        return {name: share for name, share in found.items() if share}

    def share(self, actor: str) -> float:
        """Part of the log's addresses that lie in crowded networks, if this one does and they may be edges; else 0."""
        return self._share(self._networks.get(_wide(actor)))  # by network: an address beyond KEPT may be an edge, too

    def _share(self, network: _Network | None) -> float:
        if network is None or not network.crowded or len(self._addresses) < COUNTED:
            return 0.0
        if self._hostile > self._crowded * MOST_HOSTILE:
            return 0.0
        if self._judged >= JUDGED and self._several < self._judged * MOST_SEVERAL:
            return 0.0
        return self._crowded / len(self._addresses)


def _wide(actor: str) -> str:
    """The network an operator might hold: a /16, of IPv6 a /32."""
    if ":" not in actor:
        first, second, _ = actor.split(".", 2)
        return f"{first}.{second}.0.0/16"
    address = ipaddress.ip_network(actor).network_address
    return str(ipaddress.ip_network((address, 32), strict=False))
