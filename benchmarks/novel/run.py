"""One training without a case's attacks, and how many of them each actor's own events then betray."""

import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.novel.cases import CASES, KNOWN, Prepared
from fail2ban_ai.training import brought, calibrate, fit_company, train
from fail2ban_ai.training.calibrate import Left
from fail2ban_ai.training.settings import Setting


def run(out: Path, case: str, variant: str, setting: Setting, *, seed: int, encoder: Path | None = None) -> None:
    """Train, print a line for each kind of attack that is judged, and write the weights below `out`."""
    torch.set_num_threads(train.THREADS)
    prepared = Prepared.read(out)
    hosts, texts = prepared.without(case)
    base = brought.read(encoder) if encoder is not None else None
    made = train.learn(hosts, texts, setting, seed, lambda *_: None, base=base)
    seen = train.read_by(made, prepared.judged)
    left = train.judged(made, seen)
    about = judged_after(case)
    for name in about:
        line = {"case": case, "judged": name, "variant": variant} | recall(left, actors(prepared, name))
        print(json.dumps(line), flush=True)
    every = set().union(*(actors(prepared, name) for name in about))
    together = [fit_company.pairs(made.behaviour, seen)]
    card = train.card_of(hosts, texts, setting, seed, left=others(left, every), together=together)
    train.write(folder(out, case, variant), made, card)


def folder(out: Path, case: str, variant: str) -> Path:
    """Where the weights of a run are."""
    return out / "weights" / f"{case}-{variant}"


def judged_after(case: str) -> list[str]:
    """The cases whose attackers are looked for after the training of one."""
    return [name for name in CASES if name != KNOWN] if case == KNOWN else [case]


def actors(prepared: Prepared, case: str) -> set[tuple[str, str]]:
    """Host and name of those whom a case is about."""
    return {(host, actor) for host, own in prepared.who[case].items() for actor in own}


def others(left: list[Left], about: set[tuple[str, str]]) -> list[Left]:
    """What calibration and thresholds come from: not from attackers that nobody is to have met."""
    return [one for one in left if (one.host, one.actor) not in about]


def recall(left: list[Left], about: set[tuple[str, str]]) -> dict[str, float]:
    """Share of the hostile actors in `about` that cross the normal threshold, and benign actors that do."""
    told = others(left, about)
    calibration = calibrate.platt(told)
    limits = calibrate.thresholds(told, calibration)
    singles = calibrate.singles(told, calibration, limits)
    table = np.array([calibration[group] for group in limits])
    names = list(limits)
    hits: dict[bool, list[bool]] = {True: [], False: []}  # by whether they are hostile
    for one in left:
        if one.hostile and (one.host, one.actor) not in about:
            continue
        group = names[one.group]
        over = calibrate.peak(one, table) >= limits[group]["normal"]
        hits[one.hostile].append(over or calibrate.peak(one, table, one.single) >= singles[group])
    return {
        "recall": round(sum(hits[True]) / max(1, len(about)), 4),  # of whom no event is worth a look, nobody finds
        "count": len(about),
        "benign_over": sum(hits[False]),
        "benign": len(hits[False]),
    }
