"""The figures of docs/rules.md: `suggest-rules` on the validation hosts, and its rules on every other labelled host.

    python benchmarks/rules.py CORPORA [HOST...] > figures.md

CORPORA is a folder of real logs with labels, as docs/evaluation.md describes it. Needs fail2ban. Takes about twenty
minutes on two cores, most of it proving some hundred rules.
"""

import csv
import gzip
import itertools
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import analysis
from fail2ban_ai.addresses import actor_of, normal
from fail2ban_ai.config import Settings
from fail2ban_ai.rules import safe
from fail2ban_ai.rules.judged import judged
from fail2ban_ai.rules.suggest import Suggested, suggest
from fail2ban_ai.rules.suggestion import Suggestion
from fail2ban_ai.sources import LogReader
from fail2ban_ai.sources.lines import LineFile
from fail2ban_ai.sources.stats import SourceStats

HOSTS = ("sevimkilinc", "heritagetitle", "kolik_auth", "dolpari")
LINES = 20  # of a campaign that counts
_CLIENT = {
    "web": re.compile(r"^(?:\S+:\d+ )?\[?([0-9a-fA-F:.]+)\]? "),
    "sshd": re.compile(r"(?:from|user \S+|rhost=) ?([0-9a-fA-F:.]{3,})(?: port \d+|\s|$)"),
}


@dataclass
class Run:
    """One host: what was suggested, what each rule took (seconds by the clock, of processors), who would be banned."""

    host: str
    found: Suggested
    seconds: list[tuple[float, float]]
    banned: set[str] = field(default_factory=set)


def _processor() -> float:
    """Seconds of processor time of this process and of all its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(folder: Path, host: str, out: Path) -> Run:
    files = sorted(str(path) for path in (folder / "logs" / host / "raw").iterdir())
    marks: list[tuple[float, float]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "proving":
            marks.append((time.monotonic(), _processor()))

    logs = analysis.Logs(files, None, {"*": ZoneInfo("UTC")})
    found = suggest(logs, Settings(), out / host, progress=progress)
    made = Run(host, found, [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(marks)])
    made.banned = {
        actor
        for rule in found.suggestions
        if rule.proved
        for ban in rule.would_ban
        if (actor := actor_of(ban.address)) is not None
    }
    return made


@dataclass
class Ahead:
    """Rules made of a host's first part, tried on the rest: addresses that were first seen after it."""

    host: str
    rules: int
    hostile: int
    caught: int
    benign: int
    hit: int


def ahead(folder: Path, host: str, out: Path) -> Ahead:
    """Make rules of the first 70 % of the banned addresses' lines; try them on the clients that came after."""
    files = sorted(str(path) for path in (folder / "logs" / host / "raw").iterdir())
    zones = {"*": ZoneInfo("UTC")}
    result = analysis.run(analysis.Logs(files, None, zones), Settings(), compare=False).result
    verdicts = judged(result.campaigns, result.scores)
    times = []
    first: dict[str, datetime] = {}
    for frame in LogReader(files, zones=zones):
        for time_, address in frame.select("time", "address").iter_rows():
            who = str(actor_of(address))
            first.setdefault(who, time_)
            if verdicts.campaign(who):
                times.append(time_)
    until = sorted(times)[int(len(times) * 0.7)]
    early = _until(files, until, out / f"{host}-logs")
    rules = [
        r for r in suggest(analysis.Logs(early, None, zones), Settings(), out / f"{host}-ahead").suggestions if r.proved
    ]
    near = [safe.nearby(rule.failregex, dated=rule.jail.service == "web") for rule in rules]
    new = {who for who, seen in first.items() if seen >= until}
    hit: set[str] = set()
    if rules:
        for frame in LogReader(files, zones=zones, since=until):
            for regex in near:
                some = frame.filter(frame["text"].str.contains(regex))
                hit |= {str(actor_of(address)) for address in some["address"].unique()}
    hostile = {who for who in new if verdicts.of(who) == "hostile"}
    honest = {who for who in first if verdicts.of(who) == "benign"}
    return Ahead(host, len(rules), len(hostile), len(hostile & hit), len(honest), len(honest & hit))


def _until(files: list[str], until: datetime, out: Path) -> list[str]:
    """Copies of the logs without what came after a moment."""
    out.mkdir()
    last: dict[str, int] = {}
    for frame in LogReader(files, zones={"*": ZoneInfo("UTC")}, until=until):
        last |= dict(frame.group_by("source").agg(pl.col("line").max()).iter_rows())
    copies = []
    for source, number in last.items():
        copy = out / Path(source).name.removesuffix(".gz")
        with copy.open("w", encoding="utf-8") as file:
            for frame in LineFile(source, SourceStats(source)).frames(65_536):
                file.writelines(f"{line}\n" for line in frame.filter(frame["line"] <= number)["raw"])
        os.utime(copy, (until.timestamp(), until.timestamp()))
        copies.append(str(copy))
    return sorted(copies)


def benign(folder: Path, host: str) -> set[str]:
    """Addresses that are labelled benign."""
    found = set()
    for path in (folder / "labels").glob(f"{host}.*"):
        with gzip.open(path, "rt") as file:
            found |= {
                address
                for row in csv.DictReader(file, delimiter="\t")
                if row["label"] == "benign" and (address := normal(row["ip"]))
            }
    return found


def false_hits(folder: Path, runs: list[Run]) -> tuple[Counter[str], set[tuple[str, str]], int, int]:
    """Lines by rule and (host, address) of benign clients of other hosts that a proved rule matches; clients, lines tried.

    A rule for a log with virtual hosts is tried without them, else it could not match anywhere else.
    """
    hits: Counter[str] = Counter()
    who: set[tuple[str, str]] = set()
    clients = lines = 0
    rules = [(made.host, rule) for made in runs for rule in made.found.suggestions if rule.proved]
    hosts = sorted({path.name.split(".")[0] for path in (folder / "labels").iterdir()})
    for host in hosts:
        honest = benign(folder, host)
        clients += len(honest)
        tried = [(f"{rule.name} of {home}", rule) for home, rule in rules if home != host]
        if not tried:
            continue
        dated = {name: [_anywhere(regex, rule) for regex in rule.failregex] for name, rule in tried}
        every = [f"(?:{regex})" for regexes in dated.values() for regex in regexes]
        near = ["|".join(every[at : at + 40]) for at in range(0, len(every), 40)]  # an engine takes 10 MiB at once
        for path in sorted((folder / "logs" / host / "raw").iterdir()):
            for frame in LineFile(str(path), SourceStats(str(path))).frames(65_536):
                lines += frame.height
                mask = pl.Series([False] * frame.height, dtype=pl.Boolean)
                for regex in near:
                    mask |= frame["raw"].str.contains(regex)
                some = frame["raw"].filter(mask)
                for name, rule in tried if len(some) else ():
                    matched = some.filter(some.str.contains("|".join(f"(?:{regex})" for regex in dated[name])))
                    for line in matched:
                        found = _CLIENT[rule.jail.service].search(line)
                        address = normal(found[1]) if found else None
                        if address in honest:
                            hits[f"{name} on {host}"] += 1
                            who.add((host, str(address)))
    return hits, who, clients, lines


def _anywhere(regex: str, rule: Suggestion) -> str:
    web = rule.jail.service == "web"
    text = safe.relaxed(regex, dated=web)
    return re.sub(r"^\^(?:\\S\+ )?", r"^(?:\\S+:\\d+ )?", text) if web else text


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as out:
        runs = [run(folder, host, Path(out)) for host in sys.argv[2:] or HOSTS]
    print(
        "| host | campaigns of 20 lines | recurring | with a proved rule | half of their addresses banned by rules | rules proved | later lines matched | median regex | processor seconds a rule |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for made in runs:
        print("| " + " | ".join(row(made)) + " |")
    rules = [rule for made in runs for rule in made.found.suggestions if rule.proved]
    lengths = [len(regex) for rule in rules for regex in rule.failregex]
    seconds = [each for made in runs for each in made.seconds]
    print(
        f"\nAll: {len(rules)} proved rules, {later([rule for made in runs for rule in made.found.suggestions])} of later lines, "
        f"{later(rules)} where proved; median regex {statistics.median(lengths):.0f} characters, longest {max(lengths)}; "
        f"a rule takes {statistics.median(e[1] for e in seconds):.1f} s of processor time (at most {max(e[1] for e in seconds):.1f}), {statistics.median(e[0] for e in seconds):.1f} s by the clock."
    )
    failed = Counter(
        step.name for made in runs for rule in made.found.suggestions for step in rule.proof if not step.ok
    )
    print(f"Steps that failed: {dict(failed) or 'none'}.")
    print(
        "\n| host | rules of the first 70 % | addresses banned that came later | of them matched by a rule | honest clients matched later |"
    )
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as out:
        for host in sys.argv[2:] or HOSTS:
            seen = ahead(folder, host, Path(out))
            print(
                f"| {host} | {seen.rules} | {seen.hostile} | {seen.caught} ({seen.caught / max(1, seen.hostile):.0%}) | {seen.hit} of {seen.benign} |"
            )
    print()
    hits, who, clients, lines = false_hits(folder, runs)
    print(
        f"False hits: {sum(hits.values())} lines of {len(who)} of {clients} benign clients of other hosts ({lines:,} lines tried)."
    )
    for name, count in hits.most_common(20):
        print(f"- {name}: {count}")
    print("\nCampaigns of 20 lines without a rule, by the reason of most of their lines:\n")
    for (kind, reason), count in reasons(runs).most_common(15):
        print(f"- {count}: {kind}: {reason}")


def row(made: Run) -> list[str]:
    big = {campaign for campaign, lines in made.found.campaigns.items() if lines >= LINES}
    good = [rule for rule in made.found.suggestions if rule.proved]
    ruled = big & {campaign for rule in good for campaign in rule.campaigns}
    alone = {left.campaign for left in made.found.left if left.reason == "not recurring"}
    recurring = {c for c in big if c in ruled or c not in alone}
    half = {c for c in big if _half(made, c)}
    lengths = [len(regex) for rule in good for regex in rule.failregex] or [0]
    return [
        made.host,
        str(len(big)),
        str(len(recurring)),
        f"{len(ruled)} ({len(ruled) / max(1, len(big)):.0%})",
        f"{len(half)} ({len(half) / max(1, len(big)):.0%})",
        f"{len(good)} of {len(made.found.suggestions)}",
        later(good),
        f"{statistics.median(lengths):.0f}",
        f"{statistics.median(each[1] for each in made.seconds):.1f}" if made.seconds else "-",
    ]


def _half(made: Run, campaign: str) -> bool:
    members = made.found.members.get(campaign, set())
    return bool(members) and len(members & made.banned) * 2 >= len(members)


def later(rules: list[Suggestion]) -> str:
    """Share of the held-back lines that match, over all rules."""
    steps = [step for rule in rules for step in rule.proof if step.name == "later"]
    lines = sum(step.figures["lines"] for step in steps)
    matched = sum(step.figures.get("matched", 0.0) for step in steps)
    return f"{matched / lines:.1%} of {lines:.0f}" if lines else "-"


def reasons(runs: list[Run]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for made in runs:
        ruled = {c for rule in made.found.suggestions if rule.proved for c in rule.campaigns}
        most: dict[str, tuple[int, tuple[str, str]]] = {}
        for left in made.found.left:
            if left.kind not in ("agent", "message") and left.lines > most.get(left.campaign, (0, ("", "")))[0]:
                most[left.campaign] = (left.lines, (left.kind, left.reason))
        for campaign, lines in made.found.campaigns.items():
            if lines >= LINES and campaign not in ruled:
                found[most.get(campaign, (0, ("-", "no line of a kind that rules are made of")))[1]] += 1
    return found


if __name__ == "__main__":
    main()
