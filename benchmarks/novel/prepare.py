"""Hosts to train on and to judge, who shows which class of attack, all packed: what needs Polars and the logs."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from fail2ban_ai.training.simulator import World, probes, training_world

_ROLES = {"sqli": ("sqli",), **{name: names for name, (_, names) in FAMILIES.items()}}
"""Roles of the simulator that are the case's, whatever their requests look like."""

_TEXTS = 4096  # encoded at once
_LEAST = 5  # characters of a payload that tell it from an honest search


def prepare(folder: Path | None, out: Path, setting: Setting, seed: int, seeds: Iterable[int] = SEEDS) -> None:
    """Write what `run` needs; without a corpora folder on simulated hosts alone, and no labelled texts."""
    found = gather.hosts(folder, setting, seed, _tell)
    worlds = {f"world{i}": training_world(seed * 1000 + i) for i in range(setting.worlds)}
    judged, who = [], {case: Actors() for case in CASES}
    for i, at in enumerate(seeds):
        world, hostile = played(at)
        judged.append(corpora.simulated(world, f"judged{at}"))
        for case, actors in hostile.items():
            who[case][f"judged{at}"] = sorted(actors)
        _tell("hosts to judge", i + 1, 0)
    labelled = load(folder, seed) if folder else {}
    Prepared(found, judged, labelled, left_out(found, worlds), who).write(out)


def left_out(hosts: Sequence[Host], worlds: Mapping[str, World]) -> dict[str, Actors]:
    """Who is left out, by case; `worlds`: those that hosts were made of, by the host's name."""
    told = {(name, case): roles(world, names) for name, world in worlds.items() for case, names in _ROLES.items()}
    seen = classes(hosts)
    out: dict[str, Actors] = {}
    for case, names in CASES.items():
        own = {host.name: showing(host, seen, names) | told.get((host.name, case), set()) for host in hosts}
        out[case] = {name: sorted(actors) for name, actors in own.items() if actors}
    return out


def classes(hosts: Sequence[Host]) -> dict[str, set[str]]:
    """Classes of attack of each text: what the shipped encoder sees in a request, and whose list holds it.

    Agents are looked up in the lists alone: the encoder's classes are those of requests.
    """
    runtime = OnnxRuntime()
    ordered = sorted({text for host in hosts for text in host.tokens.request} - {""})
    found: dict[str, set[str]] = {}
    for start in range(0, len(ordered), _TEXTS):
        part = ordered[start : start + _TEXTS]
        told = attacks(runtime.encode(part), runtime.sizes.embedding)
        for text, best, sure in zip(part, told.argmax(axis=1).tolist(), told.max(axis=1).tolist(), strict=True):
            if best and sure >= ATTACK_SEEN:
                found.setdefault(text, set()).add(ATTACKS[best])
    payloads, paths = _payloads(), _paths()
    for text in {*ordered, *(text for host in hosts for text in host.tokens.second)}:
        path = text.partition("?")[0]
        held = {name for name, payload in payloads if payload in text}
        held |= {name for name, ends in paths.items() if path.endswith(ends)}
        if held:
            found.setdefault(text, set()).update(held)
    return found


def showing(host: Host, seen: dict[str, set[str]], names: Collection[str]) -> set[str]:
    """The actors, benign ones aside, that sent a request or an agent of one of these classes."""
    own = {text for text, its in seen.items() if its & set(names)}
    events = zip(host.tokens.actor, host.tokens.request, host.tokens.second, strict=True)
    shown = {actor for actor, *texts in events if not own.isdisjoint(texts)}
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
