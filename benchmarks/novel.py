"""Recall on attacks that training never met: a family of attacks is left out of everything, and then met.

    python benchmarks/novel.py CORPORA > novel.md

Left out are the family's classes of the labelled requests, the simulator's roles that play it, and every actor of a real
host in whose requests the shipped encoder sees such a class. Then simulated hosts of other seeds are judged, thresholds
taken from their benign actors. Beside it stands what the shipped weights, which know the family, find on the same hosts.
Two trainings: fifteen minutes on a core.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fail2ban_ai.actors import Tokens
from fail2ban_ai.model import weights
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.training import calibrate, corpora, payloads, train
from fail2ban_ai.training.settings import setting
from fail2ban_ai.training.simulator import World, training_world

FAMILIES = {
    "injections": (("sqli", "xss", "traversal", "rce", "other"), ("sqli", "injection", "distributed_injection")),
    "probes for files and known holes": (
        ("secret", "webshell", "rce", "traversal", "scan"),
        ("exploit", "slow_scan", "fast_scan", "distributed_scan", "scripted", "scripted_faked", "cross_service"),
    ),
}
SEEDS = range(7000, 7040)


def roles(world: World, names: tuple[str, ...]) -> set[str]:
    """Actors of a simulated host that play one of these roles."""
    return {one.address for one in world.truth if one.role in names}


def shows(tokens: Tokens, classes: tuple[str, ...]) -> set[str]:
    """Actors in whose requests the shipped encoder sees one of these classes."""
    attack = Scorer().score(tokens).attack
    seen = np.isin(attack.argmax(axis=1), [ATTACKS.index(name) for name in classes]) & (
        attack.max(axis=1) >= ATTACK_SEEN
    )
    return {tokens.actor[i] for i in np.flatnonzero(seen)}


def recall(made: train.Learned, judged: list[corpora.Host], who: list[set[str]]) -> tuple[float, int, int]:
    """Share of the actors `who` that cross the normal threshold, how many they are, and benign ones that cross."""
    left = train.judged(made, judged)
    calibration = calibrate.platt(left)
    limits = calibrate.thresholds(left, calibration)
    singles = calibrate.singles(left, calibration, limits)
    table = np.array([calibration[group] for group in limits])
    names = list(limits)
    actors = {(host.name, actor) for host, own in zip(judged, who, strict=True) for actor in own}
    hits, wrong = [], 0
    for one in left:
        group = names[one.group]
        over = calibrate.peak(one, table) >= limits[group]["normal"]
        over |= calibrate.peak(one, table, one.single) >= singles[group]
        if (one.host, one.actor) in actors and one.hostile:
            hits.append(over)
        wrong += over and not one.hostile
    return float(np.mean(hits)), len(hits), wrong


def without(host: corpora.Host, actors: set[str]) -> corpora.Host:
    """A host of whose hostile actors these are not labelled."""
    return replace(host, truth={a: t for a, t in host.truth.items() if not (t.hostile and a in actors)})


def main() -> None:
    """Print the table."""
    folder, chosen = Path(sys.argv[1]), setting("small")
    labelled = payloads.load(folder, 1)
    worlds = [training_world(1000 + i) for i in range(chosen.worlds)]
    played = [corpora.simulated(world, f"world{i}") for i, world in enumerate(worlds)]
    real = [corpora.real(folder, name) for name in corpora.names(folder) if name not in corpora.VALIDATION]
    new = [training_world(seed) for seed in SEEDS]
    judged = [corpora.simulated(world, f"judged{i}") for i, world in enumerate(new)]

    def learned(hosts: list[corpora.Host], texts: dict[str, str]) -> train.Learned:
        return train.learn(hosts, texts, chosen, 1, lambda *_: None)

    whole, _ = train.read(weights.SHIPPED)
    print("| family | left out | known | benign actors over the threshold |\n| --- | --- | --- | --- |")
    for family, (classes, names) in FAMILIES.items():
        hosts = [without(host, roles(world, names)) for host, world in zip(played, worlds, strict=True)]
        hosts += [without(host, shows(host.tokens, classes)) for host in real]
        partial = learned(hosts, {text: attack for text, attack in labelled.items() if attack not in classes})
        who = [roles(world, names) for world in new]
        (out, count, wrong), (share, _, usual) = (recall(made, judged, who) for made in (partial, whole))
        print(f"| {family} | {out:.3f} of {count} | {share:.3f} | {wrong}, {usual} |", flush=True)


if __name__ == "__main__":
    main()
