"""Who lives in a network, and the smallest prefixes that cover its hostile actors and nobody else."""

import ipaddress
import itertools
import socket
from collections.abc import Container
from dataclasses import dataclass

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
    if not hostile:
        return []
    offer = _V6 if ":" in hostile[0] else _V4
    return _cover(sorted(map(_number, hostile)), list(map(_number, ordinary)), offer)


@dataclass(frozen=True, slots=True)
class _Offer:
    """The prefix lengths on offer, longest first; `step` from one to the next."""

    bits: int
    lengths: tuple[int, ...]
    step: int


_V4, _V6 = _Offer(32, (28, 27, 26, 25, 24), 1), _Offer(128, (56, 48), 8)


def _cover(bad: list[int], good: list[int], offer: _Offer) -> list[ProposedNetwork]:
    """As `proposals`; addresses are numbers, which are many and compared often, `bad` in order."""
    spread = (bad[0] ^ bad[-1]).bit_length()
    length = next((each for each in offer.lengths if spread <= offer.bits - each), offer.lengths[-1])
    shift = offer.bits - length
    alone = all(number >> shift != bad[0] >> shift for number in good)
    if alone and _is_worth(length, bad, offer):
        return [ProposedNetwork(_text(bad[0] >> shift << shift, length, offer), len(bad), 0)]
    if length == offer.lengths[0]:
        return []
    found = []
    for prefix, within in itertools.groupby(bad, key=lambda number: number >> shift - offer.step):
        found += _cover(list(within), [each for each in good if each >> shift - offer.step == prefix], offer)
    return found


def _is_worth(length: int, bad: list[int], offer: _Offer) -> bool:
    if offer is _V4:
        return len(bad) >= SEVERAL or (len(bad) >= DENSE_LEAST and len(bad) >= DENSE_SHARE * 2 ** (32 - length))
    if length == 48:
        return len(bad) >= SEVERAL and len({number >> 128 - 56 for number in bad}) >= V6_PARTS
    return len(bad) >= DENSE_LEAST


def _number(actor: str) -> int:
    family = socket.AF_INET6 if ":" in actor else socket.AF_INET
    return int.from_bytes(socket.inet_pton(family, actor.partition("/")[0]), "big")


def _text(number: int, length: int, offer: _Offer) -> str:
    kind = ipaddress.IPv6Network if offer is _V6 else ipaddress.IPv4Network
    return str(kind((number, length)))
