"""How well found campaigns match campaigns that people have told apart by hand."""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

from fail2ban_ai.addresses import actor_of

LEAST = 4  # members that make a labelled campaign a distributed one


def labelled(folder: Path, host: str) -> dict[str, set[str]]:
    """Actors by the campaign that the label file puts them in."""
    found: dict[str, set[str]] = {}
    for path in sorted((folder / "labels").glob(f"{host}.*")):
        with gzip.open(path, "rt") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                actor, name = actor_of(row["ip"]), row.get("campaign") or "-"
                if actor is not None and name != "-":
                    found.setdefault(name, set()).add(actor)
    return {name: actors for name, actors in found.items() if len(actors) >= LEAST}


def row(host: str, report: dict[str, Any], campaigns: dict[str, set[str]], hostile: dict[str, bool]) -> str:
    """A row of the table: labelled campaigns, found ones, and who is in those that hold their members.

    A labelled campaign is found where half its members or more stand in one campaign of the report. Precision is the
    share of hostile ones among the labelled members of every campaign of the report with LEAST members.
    """
    reported = [{actor["address"] for actor in made["actors"]} for made in report["campaigns"]]
    found = sum(any(2 * len(actors & members) >= len(actors) for members in reported) for actors in campaigns.values())
    said = Counter(hostile[a] for members in reported if len(members) >= LEAST for a in members if a in hostile)
    precision = f"{said[True] / said.total():.3f} of {said.total()}" if said else "-"
    return f"| {host} | {len(campaigns)} | {found} | {precision} |"
