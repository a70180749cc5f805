"""Attackers of one host amid the traffic of another: their lines are the same, their addresses and times are not."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import polars as pl
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from fail2ban_ai.addresses import actor_of, network_of
from fail2ban_ai.sources import LogReader
from fail2ban_ai.training import corpora, train
from fail2ban_ai.training.hosts import Truth
from fail2ban_ai.training.overlays import Traffic, overlaid, overlays
from fail2ban_ai.training.simulator import training_world

pytestmark = pytest.mark.torch
KEPT = ("service", "kind", "account", "method", "target", "status", "referer", "agent", "message")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> list[Traffic]:
    found = []
    for seed in range(40, 46):
        world = training_world(seed)
        folder = tmp_path_factory.mktemp("world")
        events = pl.concat(list(LogReader(world.write(folder)))).sort("time", maintain_order=True)
        truth = {str(actor_of(one.address)): Truth(one.label == "hostile") for one in world.truth}
        found.append(Traffic(f"host{seed}", events, truth))
    return found


def test_every_actor_is_carried_over_whole(hosts: list[Traffic]) -> None:
    made = overlays(hosts, 1)
    assert len(made) >= 3
    for host in made:
        lender = next(one for one in hosts if one.name == host.made_of[0])
        place = next(one for one in hosts if one.name == host.made_of[1])
        own = host.events.filter(pl.col("actor").is_in(list(host.truth)))
        counts = sorted(own.group_by("actor").len()["len"].to_list())
        services = set(place.events["service"])
        lent = lender.events.filter(pl.col("service").is_in(services), ~pl.col("kind").is_in(("ban", "unban")))
        before = lent.group_by(pl.col("address").map_elements(actor_of, return_dtype=pl.String())).len()
        remaining = sorted(before["len"].to_list())
        for count in counts:
            remaining.remove(count)  # raises ValueError for a timeline that nobody had
        assert place.events["time"].min().timestamp() <= own["time"].min() + 1e-6
        assert own["time"].max() <= place.events["time"].max().timestamp() + 1e-6
        assert set(host.tokens.actor) <= set(host.truth)
        assert all(truth.hostile for truth in host.truth.values())


def test_lines_stay_and_gaps_within_an_actor_do(hosts: list[Traffic]) -> None:
    place = hosts[0]
    actor = next(a for h in hosts[1:] for a, t in h.truth.items() if t.hostile and _gaps(h.events, a)[2:])
    lender = next(h for h in hosts[1:] if actor in h.truth)
    alone = Traffic(lender.name, lender.events, {actor: Truth(hostile=True)})
    many = pl.concat(
        [
            alone.events.filter(pl.col("address") == actor).with_columns(address=pl.lit(f"198.51.100.{n}"))
            for n in range(12)
        ]
    ).sort("time", maintain_order=True)
    copies = Traffic(lender.name, many, {f"198.51.100.{n}": Truth(hostile=True) for n in range(12)})
    both = Traffic(place.name, pl.concat([place.events, alone.events.head(1)]).sort("time"), {})
    host = overlaid(copies, both, Random(1))  # noqa: S311 - nothing secret
    assert host is not None
    for guest in host.truth:
        assert _gaps(host.events.rename({"actor": "address"}), guest) == pytest.approx(
            _gaps(alone.events, actor), abs=1e-3
        )
    assert len({network_of(guest) for guest in host.truth}) == 1, "neighbours stay neighbours"


def _gaps(events: pl.DataFrame, address: str) -> list[float]:
    times = events.filter(pl.col("address") == address).sort("time")["time"].to_list()
    gaps = [b - a for a, b in pairwise(times)]
    return [gap.total_seconds() if isinstance(gap, timedelta) else gap for gap in gaps]


def test_a_host_left_out_is_left_out_of_every_overlay(hosts: list[Traffic]) -> None:
    made = overlays(hosts, 1)
    alone = [corpora.walked(h.name, h.events) for h in hosts]
    for fold in range(3):
        inside, outside = train.without(fold, 3, alone + made)
        names = {host.name for host in outside}
        assert len(outside) == 2
        assert not any(names & set(host.made_of) for host in inside)
        assert any(host.made_of for host in inside) or fold
