"""Addresses for actors, from the ranges kept for documentation and benchmarks only (RFC 2544, 5737, 3849).

192.0.2.0/24 is left to the simulated servers, 203.0.113.0/24 and 198.51.100.0/24 to whoever needs a network of its own;
everyone else lives in the 512 networks of 198.18.0.0/15 and in 2001:db8::/32.
"""

from random import Random

PLACES = {"home": (0.0, 0.55), "mobile": (0.55, 0.65), "hosting": (0.65, 1.0)}


class AddressBook:
    """Hands out addresses, none twice. Which /24 is a home, a mobile or a hosting network is drawn per world."""

    def __init__(self, rng: Random) -> None:
        self._networks = [f"198.{18 + i // 256}.{i % 256}" for i in range(512)]
        rng.shuffle(self._networks)
        self._v6 = [f"2001:db8:{rng.randrange(0x100, 0xFFFF):x}" for _ in range(300)]
        self._taken: set[str] = set()
        self.server = f"192.0.2.{rng.randrange(5, 250)}"

    def networks(self, place: str) -> list[str]:
        """The first three octets of the networks of one of PLACES."""
        low, high = PLACES[place]
        return self._networks[int(low * 512) : int(high * 512)]

    def one(self, rng: Random, place: str = "home", v6: float = 0.0, network: str | None = None) -> str:
        """A fresh address in `network` (three octets) or anywhere in `place`; IPv6 with probability `v6`."""
        while True:
            if network is None and rng.random() < v6:
                address = self._six(rng, place)
            else:
                net = network or rng.choice(self.networks(place))
                address = f"{net}.{rng.randrange(1, 255)}"
            if address not in self._taken:
                self._taken.add(address)
                return address

    def many(self, rng: Random, n: int, place: str = "hosting") -> list[str]:
        """`n` fresh IPv4 addresses, each in a network of its own (n at most the number of networks of the place)."""
        nets = self.networks(place)
        return [self.one(rng, network=net) for net in rng.sample(nets, min(n, len(nets)))]

    def _six(self, rng: Random, place: str) -> str:
        low, high = PLACES[place]
        prefix = rng.choice(self._v6[int(low * 300) : int(high * 300)])
        host = f"{rng.randrange(1, 0xFFFF):x}:{rng.randrange(1, 0xFFFF):x}:{rng.randrange(1, 0xFFFF):x}"
        if place == "hosting" and rng.random() < 0.6:
            return f"{prefix}:{rng.randrange(1, 0xFFFF):x}::{rng.randrange(1, 0xFF):x}"
        return f"{prefix}:{rng.randrange(1, 0xFFFF):x}:{rng.randrange(0x1000, 0xFFFF):x}:{host}"
