"""Real attackers on other people's real hosts: whole actors carried over, all else of their lines kept.

On a real host nearly all visitors are hostile, or nearly none. A model that learns from such hosts alone may learn the
hosts. So attackers of one are met again amid the traffic of another: at other times, from other addresses, where other
paths, agents and accounts are familiar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import polars as pl

from fail2ban_ai.addresses import actor_of, network_of
from fail2ban_ai.training.corpora import walked
from fail2ban_ai.training.hosts import Host, Truth

MOST_EVENTS = 150_000  # of a host that takes guests in
_GUESTS = 300  # attackers that one host lends
_FEWEST = 10
_PER_NETWORK = 250  # addresses of a /24 that are given out
_NETWORKS = 512  # /24s of 198.18.0.0/15, which no real log holds


@dataclass(frozen=True, slots=True)
class Traffic:
    """A real host: its events in order of time, and what is known of its actors."""

    name: str
    events: pl.DataFrame
    truth: dict[str, Truth]


def overlays(hosts: Sequence[Traffic], seed: int) -> list[Host]:
    """Hosts that are not too large with attackers of another one each, of those services that both have.

    Each lends once: what its attackers do must not outweigh all else.
    """
    made: list[Host] = []
    lent: set[str] = set()
    for place in hosts:
        rng = Random(f"{seed}/{place.name}")  # noqa: S311 - a choice among training data
        others = [host for host in hosts if host is not place and host.name not in lent]
        rng.shuffle(others)
        if 0 < place.events.height <= MOST_EVENTS:
            found = next(filter(None, (overlaid(lender, place, rng) for lender in others)), None)
            if found is not None:
                made.append(found)
                lent.add(found.made_of[0])
    return made


def overlaid(lender: Traffic, place: Traffic, rng: Random) -> Host | None:
    """`place` with attackers of `lender`, who are all that is labelled in it; None where there are too few of them."""
    services = set(place.events["service"].unique())
    hostile = {actor for actor, truth in lender.truth.items() if truth.hostile}
    events = _of_actors(lender.events.filter(pl.col("service").is_in(services)), hostile)
    names = sorted(events["actor"].unique())
    names = rng.sample(names, min(_GUESTS, len(names)))
    moved = _moved(events.filter(pl.col("actor").is_in(names)), place.events["time"])
    names = sorted(moved["actor"].unique())
    if len(names) < _FEWEST:
        return None
    addresses = _addresses(names, rng)
    guests = moved.with_columns(address=pl.col("actor").replace_strict(addresses)).drop("actor")
    host = walked(f"{lender.name} at {place.name}", pl.concat([place.events, guests]).sort("time", maintain_order=True))
    host.truth = {addresses[name]: lender.truth[name] for name in names}
    host.made_of = (lender.name, place.name)
    guest = set(addresses.values())
    host.tokens = host.tokens.at(np.flatnonzero([actor in guest for actor in host.tokens.actor]))
    return host


def _of_actors(events: pl.DataFrame, actors: set[str]) -> pl.DataFrame:
    """The events of these actors, with a column `actor`."""
    of_address = {address: actor_of(address) for address in events["address"].unique()}
    named = events.with_columns(actor=pl.col("address").replace_strict(of_address, return_dtype=pl.String()))
    return named.filter(pl.col("actor").is_in(actors))


def _moved(guests: pl.DataFrame, times: pl.Series) -> pl.DataFrame:
    """Each actor as a whole within the times of a host, in the order they began; who stayed for longer is left out."""
    begin, end = pl.lit(times[0]), pl.lit(times[-1])
    first, last = pl.col("time").min().over("actor"), pl.col("time").max().over("actor")
    stay, span = last - first, times[-1] - times[0]
    since = pl.lit(0).cast(pl.Duration("us")) if guests.is_empty() else first - guests["time"].min()
    wrapped = pl.duration(microseconds=since.dt.total_microseconds() % max(1, int(span.total_seconds() * 1e6)))
    start = pl.min_horizontal(begin + wrapped, end - stay)
    return guests.filter(stay <= span).with_columns(time=(pl.col("time") - first + start).cast(guests["time"].dtype))


def _addresses(actors: list[str], rng: Random) -> dict[str, str]:
    """Addresses of 198.18.0.0/15, those of one network in one network again."""
    networks = iter(rng.sample(range(_NETWORKS), _NETWORKS))
    taken: dict[str, tuple[int, int]] = {}  # network: the number of its new one, addresses given out there
    found = {}
    for actor in actors:
        network = network_of(actor) or actor
        number, count = taken.get(network, (-1, _PER_NETWORK))
        if count == _PER_NETWORK:
            number, count = next(networks), 0
        taken[network] = number, count + 1
        found[actor] = f"198.{18 + number // 256}.{number % 256}.{count + 1}"
    return found
