"""Which classes of attack each case leaves out, which hosts it is judged on, and who attacks there."""

import json
import lzma
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fail2ban_ai.addresses import actor_of
from fail2ban_ai.training import packed
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.simulator import Part, Scenario, World, simulate, training_scenario

SINGLE = ("sqli", "xss", "traversal", "rce", "secret", "webshell", "scan")
FAMILIES = {
    "injections": (("sqli", "xss", "traversal", "rce", "other"), ("sqli", "injection", "distributed_injection")),
    "probes": (
        ("secret", "webshell", "rce", "traversal", "scan"),
        ("exploit", "slow_scan", "fast_scan", "distributed_scan", "scripted", "scripted_faked", "cross_service"),
    ),
}
"""Classes that are left out together, and the simulator's roles that play them."""

KNOWN = "known"
CASES: dict[str, tuple[str, ...]] = {
    KNOWN: (),
    **{name: (name,) for name in SINGLE},
    **{name: classes for name, (classes, _) in FAMILIES.items()},
}
SEEDS = range(7000, 7040)  # of the hosts that are judged; no training draws them
DAY = 86400.0

Actors = dict[str, list[str]]  # by host


@dataclass
class Prepared:
    """All that a run needs, as `prepare` leaves it."""

    hosts: list[Host]
    judged: list[Host]
    labelled: dict[str, str]  # class by request text
    left_out: dict[str, Actors]  # by case: who shows a class of it, in training
    who: dict[str, Actors]  # by case: whom to find on the hosts that are judged

    def write(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        packed.pack(self.hosts, out / "training.xz")
        packed.pack(self.judged, out / "judged.xz")
        rest = {"labelled": self.labelled, "left_out": self.left_out, "who": self.who}
        (out / "rest.json.xz").write_bytes(lzma.compress(json.dumps(rest).encode()))

    @classmethod
    def read(cls, out: Path) -> "Prepared":
        rest = json.loads(lzma.decompress((out / "rest.json.xz").read_bytes()))
        return cls(packed.unpack(out / "training.xz"), packed.unpack(out / "judged.xz"), **rest)

    def without(self, case: str) -> tuple[list[Host], dict[str, str]]:
        """The training hosts and the labelled texts of a case."""
        hosts = [bare(host, set(self.left_out[case].get(host.name, ()))) for host in self.hosts]
        return hosts, {text: attack for text, attack in self.labelled.items() if attack not in CASES[case]}


def bare(host: Host, actors: Collection[str]) -> Host:
    """A host on which these actors came, as the numbers of the others still tell, but of whom nothing is read."""
    kept = np.flatnonzero([actor not in actors for actor in host.tokens.actor])
    truth = {actor: told for actor, told in host.truth.items() if actor not in actors}
    return replace(host, tokens=host.tokens.at(kept), truth=truth)


def roles(world: World, names: Collection[str]) -> set[str]:
    """Actors of a simulated host that play one of these roles."""
    return {actor for one in world.truth if one.role in names and (actor := actor_of(one.address))}


def played(seed: int) -> tuple[World, dict[str, set[str]]]:
    """A host to judge, and the actors that each case is about.

    Of each class two attackers come that do nothing else: a quick one and a slow one, injections of the slow one
    answered as the page is. Those of families are the ones that such a host has anyway.
    """
    scenario = training_scenario(seed)
    world = simulate(seed, scenario)
    who = {name: roles(world, names) for name, (_, names) in FAMILIES.items()}
    if not any(part.role == "visitors" for part in scenario.cast):
        return world, who  # it has no site
    for name in SINGLE:
        before = {one.address for one in world.truth}
        scenario = replace(scenario, cast=(*scenario.cast, *_attackers(name, scenario)))
        world = simulate(seed, scenario)  # the lines of all others stay the same
        new = {one.address for one in world.truth} - before
        who[name] = {actor for address in new if (actor := actor_of(address))}
    return world, who


def _attackers(name: str, scenario: Scenario) -> tuple[Part, Part]:
    window = scenario.start + DAY, scenario.start + scenario.days * DAY
    words = {"secret": "secrets", "webshell": "shells", "scan": "admin"}.get(name)
    if words is not None:
        slow = {"wordlist": words, "low": 600.0, "high": 7200.0}
        return Part("slow_scan", window, slow), Part("fast_scan", window, {"wordlist": words})
    quick = Part("sqli", window) if name == "sqli" else Part("injections", window, {"family": name})
    return Part("distributed_injection", window, {"n": 1, "family": name}), quick
