"""Who lives in a network, and the smallest prefixes that cover its hostile actors and nobody else."""

import functools
import ipaddress
from collections.abc import Container

from fail2ban_ai.addresses import Network
from fail2ban_ai.findings import ProposedNetwork

SEVERAL = 8  # hostile actors that make a network of any size
DENSE_LEAST, DENSE_SHARE = 4, 0.25  # fewer do in a small network, when they are this share of its addresses
V6_PARTS = 2  # a /48 is proposed when so many of its /56s are hostile
MAX_EACH = 4096  # actors remembered of one IPv6 /48 (a /24 has 256); further ones are not told apart


class Neighbourhood:
    """Every actor seen in all traffic, by network (the /24 of an IPv4 actor, the /48 of an IPv6 one)."""

    def __init__(self, most: int) -> None:
        """`most`: actors held, and as many that logged in; the longest unseen networks are forgotten first."""
        self._most = most
        self._held = 0
        self._seen: dict[str, dict[str, float]] = {}
        self._trusted: dict[str, float] = {}  # actors that logged in, and when last

    def saw(self, actor: str, network: str | None, time: float) -> None:
        """An event of the actor."""
        if network is None:
            return
        actors = self._seen.pop(network, {})
        self._seen[network] = actors  # popped and put back: the order is that of the last event
        before = len(actors)
        if actors.pop(actor, None) is not None or len(actors) < MAX_EACH:
            actors[actor] = time
        self._held += len(actors) - before
        while self._held > self._most and len(self._seen) > 1:
            self._held -= len(self._seen.pop(next(iter(self._seen))))

    def trust(self, actor: str, network: str | None, time: float) -> None:
        """The actor logged in: whatever it failed at before, somebody lives there."""
        self.saw(actor, network, time)
        self._trusted.pop(actor, None)
        self._trusted[actor] = time
        if len(self._trusted) > self._most:
            del self._trusted[next(iter(self._trusted))]

    def ordinary(self, network: str, suspects: Container[str]) -> list[str]:
        """Actors seen in the network that were never sighted, or that logged in."""
        return [a for a in self._seen.get(network, {}) if a not in suspects or a in self._trusted]

    def forget(self, before: float) -> None:
        """Drop what was last seen before `before`."""
        for actors in self._seen.values():
            while actors and actors[oldest := next(iter(actors))] < before:
                del actors[oldest]
                self._held -= 1
        for network in [network for network, actors in self._seen.items() if not actors]:
            del self._seen[network]
        self._trusted = {a: t for a, t in self._trusted.items() if t >= before}


def proposals(hostile: list[str], ordinary: list[str]) -> list[ProposedNetwork]:
    """The networks worth a ban among the hostile actors of one /24 or /48, given the ordinary ones seen there.

    The smallest prefix that covers the hostile ones is taken when they are several or dense and no ordinary actor was
    seen in it; else its parts are tried. IPv4 /24 to /28; IPv6 /56 and /48 (a /64 is an actor by itself).
    """
    bad = sorted(_network(a) for a in hostile)
    good = [_network(a) for a in ordinary]
    return _cover(bad, good) if bad else []


def _cover(bad: list[Network], good: list[Network]) -> list[ProposedNetwork]:
    cover = _smallest(bad)
    alone = not any(_holds(cover, g) for g in good)
    if alone and _is_worth(cover, bad):
        return [ProposedNetwork(str(cover), len(bad), 0)]
    if cover.prefixlen >= (28 if cover.version == 4 else 56):
        return []
    parts: list[Network] = list(cover.subnets(prefixlen_diff=1 if cover.version == 4 else 8))
    return [proposal for part in parts for proposal in _part(part, bad, good)]


def _part(part: Network, bad: list[Network], good: list[Network]) -> list[ProposedNetwork]:
    within = [b for b in bad if _holds(part, b)]
    return _cover(within, [g for g in good if _holds(part, g)]) if within else []


def _smallest(bad: list[Network]) -> Network:
    """The longest prefix on offer that covers all of them."""
    lengths = (28, 27, 26, 25, 24) if bad[0].version == 4 else (56, 48)
    for length in lengths:
        cover = bad[0].supernet(new_prefix=length)
        if _holds(cover, bad[-1]):
            return cover
    return bad[0].supernet(new_prefix=lengths[-1])


def _is_worth(cover: Network, bad: list[Network]) -> bool:
    if cover.version == 4:
        return len(bad) >= SEVERAL or (len(bad) >= DENSE_LEAST and len(bad) >= DENSE_SHARE * cover.num_addresses)
    if cover.prefixlen == 48:
        return len(bad) >= SEVERAL and len({b.supernet(new_prefix=56) for b in bad}) >= V6_PARTS
    return len(bad) >= DENSE_LEAST


def _holds(outer: Network, inner: Network) -> bool:
    return inner.prefixlen >= outer.prefixlen and inner.network_address in outer


@functools.lru_cache(maxsize=65536)
def _network(actor: str) -> Network:
    return ipaddress.ip_network(actor)
