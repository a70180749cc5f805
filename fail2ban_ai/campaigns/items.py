"""What an actor touched, and how rare that is: the edges between actors.

Two actors belong together when they share what hardly anyone else touches. Rarity is measured against all traffic,
ordinary visitors included: natural logarithm of (actors seen + 1) / (actors that touched it + 1), the inverse document
frequency of Sparck Jones (1972), https://doi.org/10.1108/eb026526.
"""

import math
from typing import Protocol

from fail2ban_ai.findings import Sighting

Item = tuple[str, str]  # kind and value

LOGIN_KINDS = frozenset({"login_failed", "invalid_user"})
GUESSING = frozenset({"credential_stuffing", "brute_force"})

RARE_SHARE = 0.005  # an item that more than this share of all actors touched links nobody
RARE_LOW, RARE_HIGH = 4, 32  # and at least, at most, so many actors may have touched it
RARE_WEIGHT = 7.0  # nats that the shared items of two actors must add up to (e**7: a chance of 1 in 1,100)
STRONG_DF, STRONG_WEIGHT = 3, 3.0  # an item so rare that it suffices inside one /24
WALK = 3  # length of the stretch of a wordlist that counts as one item


class Rarity(Protocol):
    """Counts over all traffic so far, as of the moment it is asked."""

    def df(self, kind: str, value: str) -> int:
        """How many distinct actors touched this item (kind: account, path, agent or network)."""
        ...

    def actors(self) -> int:
        """How many distinct actors were seen."""
        ...


def touched(sighting: Sighting) -> list[Item]:
    """The items of one sighting whose rarity all traffic can tell."""
    items: list[Item] = []
    if sighting.account:
        items.append(("account", sighting.account.casefold()))
    if sighting.path:
        items.append(("path", sighting.path))
    if sighting.agent:
        items.append(("agent", sighting.agent))
    return items


def step(sighting: Sighting) -> str | None:
    """The word of a wordlist that this sighting tries: an account, or a path that was not simply served."""
    if sighting.kind in LOGIN_KINDS:
        return sighting.account
    if sighting.path and (sighting.status is None or sighting.status >= 400):
        return sighting.path
    return None


def rare_limit(actors: int) -> int:
    """How many actors may have touched an item that still links."""
    return max(RARE_LOW, min(RARE_HIGH, int(actors * RARE_SHARE)))


def weight(df: int, actors: int) -> float:
    """Weight of an item in nats, never negative."""
    return max(0.0, math.log((actors + 1) / (df + 1)))
