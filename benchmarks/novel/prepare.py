"""Hosts to train on and to judge, who shows which class of attack, all packed: what needs Polars and the logs."""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import quote

from benchmarks.novel.cases import CASES, FAMILIES, SEEDS, Actors, Prepared, played, roles
from fail2ban_ai.canonical import canonical, mask, unpadded
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import attacks
from fail2ban_ai.training import corpora, gather
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.payloads import load
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.simulator import probes, training_world

_ROLES = {"sqli": ("sqli",), **{name: names for name, (_, names) in FAMILIES.items()}}
"""Roles of the simulator that are the case's, whatever their requests look like."""

_TEXTS = 4096  # encoded at once
_LEAST = 5  # characters of a payload that tell it from an honest search


def prepare(folder: Path | None, out: Path, setting: Setting, seed: int, seeds: Iterable[int] = SEEDS) -> None:
    """Write what `run` needs; without a corpora folder on simulated hosts alone, and no labelled texts."""
    found = gather.hosts(folder, setting, seed, _tell)
    parts = {f"world{i}": training_world(seed * 1000 + i) for i in range(setting.worlds)}
    told = {(name, case): roles(world, names) for name, world in parts.items() for case, names in _ROLES.items()}
    seen = classes({text for host in found for text in host.tokens.request})
    left_out: dict[str, Actors] = {}
    for case, names in CASES.items():
        own = {host.name: showing(host, seen, names) | told.get((host.name, case), set()) for host in found}
        left_out[case] = {name: sorted(actors) for name, actors in own.items() if actors}
    judged, who = [], {case: Actors() for case in CASES}
    for i, at in enumerate(seeds):
        world, hostile = played(at)
        judged.append(corpora.simulated(world, f"judged{at}"))
        for case, actors in hostile.items():
            who[case][f"judged{at}"] = sorted(actors)
        _tell("hosts to judge", i + 1, 0)
    labelled = load(folder, seed) if folder else {}
    Prepared(found, judged, labelled, left_out, who).write(out)


def classes(texts: Collection[str]) -> dict[str, set[str]]:
    """Classes of attack that the shipped encoder sees in a text, and those of the simulator's lists that it is from."""
    runtime = OnnxRuntime()
    ordered = sorted(texts - {""})
    found: dict[str, set[str]] = {}
    for start in range(0, len(ordered), _TEXTS):
        part = ordered[start : start + _TEXTS]
        told = attacks(runtime.encode(part), runtime.sizes.embedding)
        for text, best, sure in zip(part, told.argmax(axis=1).tolist(), told.max(axis=1).tolist(), strict=True):
            if best and sure >= ATTACK_SEEN:
                found.setdefault(text, set()).add(ATTACKS[best])
    payloads, paths = _payloads(), _paths()
    for text in ordered:
        path = text.partition("?")[0]
        held = {name for name, payload in payloads if payload in text}
        held |= {name for name, ends in paths.items() if path.endswith(ends)}
        if held:
            found.setdefault(text, set()).update(held)
    return found


def showing(host: Host, seen: dict[str, set[str]], names: Collection[str]) -> set[str]:
    """The actors, benign ones aside, of whom one request or more is of one of these classes."""
    own = {text for text, its in seen.items() if its & set(names)}
    shown = {actor for actor, text in zip(host.tokens.actor, host.tokens.request, strict=True) if text in own}
    return {actor for actor in shown if actor not in host.truth or host.truth[actor].hostile}


def _payloads() -> list[tuple[str, str]]:
    """Class and payload, as requests are read, of the simulator's own lists."""
    made = [
        (name, _read(f"/?q={quote(payload)}").removeprefix("/?q="))
        for name, own in probes.INJECTIONS.items()
        for payload in own
    ]
    return [(name, payload) for name, payload in made if len(payload) >= _LEAST]


def _paths() -> dict[str, tuple[str, ...]]:
    """Ends of paths on the simulator's own lists, by class."""
    shells = (f"/{shell}" for shell in probes.SHELLS)
    return {"secret": tuple(map(_read, probes.SECRETS)), "webshell": tuple(map(_read, shells))}


def _read(target: str) -> str:
    return mask(unpadded(canonical(target).text))


def _tell(stage: str, i: int, n: int) -> None:
    print(f"{stage} {i}{f' of {n}' if n else ''}", file=sys.stderr)
