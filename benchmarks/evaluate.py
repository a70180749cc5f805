"""The figures of docs/evaluation.md: `analyze` on the validation hosts, which the model never saw, beside the controls.

    python benchmarks/evaluate.py CORPORA > figures.md

CORPORA is a folder of real logs with labels, as docs/evaluation.md describes it. Takes about ten minutes on two cores.
"""

import csv
import gzip
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import members
import polars as pl

from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.model import weights
from fail2ban_ai.training import controls, corpora, gather, payloads
from fail2ban_ai.training.evaluate import actor_days
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.settings import Setting

HOSTS = ("sevimkilinc", "heritagetitle", "kolik_auth", "dolpari")
SLOW = 5  # events in its busiest hour that a slow actor never passes
BOOTSTRAPS = 1000


@dataclass
class Truth:
    """One labelled actor."""

    hostile: bool
    slow: bool
    by_pattern: bool


def labels(folder: Path, host: str) -> dict[str, Truth]:
    """What the label file says; hostile wins where two addresses are one actor."""
    found: dict[str, Truth] = {}
    for path in sorted((folder / "labels").glob(f"{host}.*")):
        with gzip.open(path, "rt") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                actor = actor_of(row["ip"])
                if actor is None or row["label"] not in ("malicious", "benign"):
                    continue
                slow = int(row.get("max_req_1h") or row.get("max_per_hour") or 0) <= SLOW
                hostile = row["label"] == "malicious"
                if actor not in found or hostile:
                    found[actor] = Truth(hostile, slow, row.get("evidence", "").startswith("probe"))
    return found


def analysed(folder: Path, host: str) -> tuple[dict[str, Any], float]:
    """The report of `analyze --compare --json` on every log of the host, error logs too, and its seconds."""
    files = sorted(str(path) for path in (folder / "logs" / host / "raw").iterdir())
    start = time.monotonic()
    command = [str(Path(sys.executable).with_name("fail2ban-ai")), "analyze", *files, "--compare", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, env=os.environ | {"TZ": "UTC"})
    return json.loads(done.stdout), time.monotonic() - start


def banned(report: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Actors banned, as the report has them, and networks."""
    actors = {a["address"]: a for c in report["campaigns"] for a in c["actors"] if a["decision"] == "ban"}
    networks = [n["cidr"] for c in report["campaigns"] for n in c["networks"] if n["decision"] == "ban"]
    return actors, networks


def early(host: Host, missed: list[str], actors: dict[str, dict[str, Any]]) -> str:
    """Share of the actors `missed` by a threshold, of those with three events or more, banned before the last one."""
    own = host.events.filter(pl.col("actor").is_in(missed)).group_by("actor").agg(pl.len(), pl.col("time").max())
    before = [
        actor in actors and datetime.fromisoformat(actors[actor]["decided_at"]).timestamp() < int(last)
        for actor, count, last in own.iter_rows()
        if count >= 3
    ]
    return f"{interval(before)} of {len(before)}"


def trained_on(folder: Path, hosts: list[Host]) -> set[str]:
    """Every text that training read, as the model reads them: decoded, digits masked."""
    card = weights.load().card
    played = gather.hosts(None, Setting(**card["setting"]), card["seed"], lambda *_: None)
    read = {
        text for host in [*hosts, *played] for column in (host.tokens.request, host.tokens.second) for text in column
    }
    return read | set(payloads.load(folder, card["seed"]))


def unknown(host: Host, actors: list[str], known: set[str]) -> list[str]:
    """The actors whose requests, names or messages are all new to the model; the front page aside, that all ask for."""
    texts: dict[str, set[str]] = {}
    for actor, *own in zip(host.tokens.actor, host.tokens.request, host.tokens.second, strict=True):
        # A browser's name or a message of sshd's is no attack: what counts is the request, or the account that was tried.
        texts.setdefault(actor, set()).add(own[1] if own[1].startswith("user ") else own[0])
    return [actor for actor in actors if (said := texts.get(actor, set()) - {"/", ""}) and not said & known]


def interval(hits: list[bool]) -> str:
    """Share with its 95 % bootstrap interval."""
    if not hits:
        return "-"
    rng = random.Random(1)  # noqa: S311 - resampling
    shares = sorted(sum(rng.choices(hits, k=len(hits))) / len(hits) for _ in range(BOOTSTRAPS))
    low, high = shares[int(0.025 * BOOTSTRAPS)], shares[int(0.975 * BOOTSTRAPS)]
    return f"{sum(hits) / len(hits):.3f} ({low:.3f}-{high:.3f})"


def upper(false: int, days: int) -> str:
    """Upper 95 % bound of false bans per 10,000 actor-days (Poisson; 3/n where none was seen)."""
    bound = 3.0 if false == 0 else false + 1.96 * math.sqrt(false) + 1.92
    return f"{bound / max(days, 1) * 10_000:.1f}"


def main() -> None:
    folder = Path(sys.argv[1])
    unseen = {host: corpora.real(folder, host) for host in HOSTS}
    print(
        "| host | recall | slow actors | hard labels | false bans | benign | per 10,000 actor-days (95 % bound) | events |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    against = ["| host | missed by 5 failures in 10 minutes | banned | before the last of 3 events or more |"]
    against += ["| --- | --- | --- | --- |"]
    training = [corpora.real(folder, name) for name in corpora.names(folder) if name not in corpora.VALIDATION]
    known = trained_on(folder, training)
    novel = ["| host | hostile actors none of whose texts was trained on | banned |\n| --- | --- | --- |"]
    stock = {}
    allowed = {}
    cost = []
    campaigns = []
    for host in HOSTS:
        truth = labels(folder, host)
        report, seconds = analysed(folder, host)
        actors, networks = banned(report)
        hit = {a: a in actors or any(within(a, net) for net in networks) for a in truth}
        hostile = [a for a, t in truth.items() if t.hostile]
        benign = [a for a, t in truth.items() if not t.hostile]
        false = sum(hit[a] for a in benign)
        days = actor_days(unseen[host])
        lead = [n for a in hostile if a in actors and (n := actors[a]["events_before_decision"]) is not None]
        over = controls.over_threshold(unseen[host])
        missed = [a for a in hostile if a not in over]
        share = interval([hit[a] for a in missed])
        against.append(f"| {host} | {len(missed)} | {share} | {early(unseen[host], missed, actors)} |")
        print(
            f"| {host} | {interval([hit[a] for a in hostile])} | {interval([hit[a] for a in hostile if truth[a].slow])} |"
            f" {interval([hit[a] for a in hostile if not truth[a].by_pattern])} | {false} | {len(benign)} |"
            f" {false / max(days, 1) * 10_000:.1f} ({upper(false, days)}) | {statistics.median(lead) if lead else '-'} |"
        )
        new = unknown(unseen[host], hostile, known)
        novel.append(f"| {host} | {len(new)} | {interval([hit[a] for a in new])} |")
        theirs = {actor_of(b["address"]) for b in report["fail2ban"]["banned"]}
        allowed[host] = false
        stock[host] = (sum(a in theirs for a in hostile) / max(1, len(hostile)), sum(a in theirs for a in benign))
        cost.append((host, report["lines"]["read"], seconds))
        told_apart = members.labelled(folder, host)
        campaigns.append(members.row(host, report, told_apart, {a: t.hostile for a, t in truth.items()}))
    print("\n" + "\n".join(against))
    print("\n" + "\n".join(novel))
    print("\n| host | stock fail2ban, replayed | " + " | ".join(_control_names()) + " |")
    print("| --- |" + " --- |" * (1 + len(_control_names())))
    table = controls.evaluate(training, list(unseen.values()), 1, allowed)
    for host, (recall, false) in stock.items():
        cells = [f"{recall:.3f}, {false}"]
        for name in table:
            made = table[name][host]
            equal = made["recall_at_equal"]
            cells.append(f"{made['recall']:.3f}, {made['false_positives']} ({equal:.3f})" if equal is not None else "-")
        print(f"| {host} | " + " | ".join(cells) + " |")
    print("\n| host | labelled campaigns | found | hostile among members |\n| --- | --- | --- | --- |")
    print("\n".join(campaigns))
    print("\n| host | lines | seconds with --compare |\n| --- | --- | --- |")
    for host, lines, seconds in cost:
        print(f"| {host} | {lines:,} | {seconds:.1f} |")


def _control_names() -> list[str]:
    return ["5 failures in 10 minutes", "share of 4xx", "gradient boosting on counters", "character n-grams"]


if __name__ == "__main__":
    main()
