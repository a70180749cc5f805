"""The whole way from logs to suggestion folders on one page.

analysis ─> judged ─> material ─> clusters ─> synthesis ─> render + samples ─> prove ─> suggestion folder
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fail2ban_ai import analysis
from fail2ban_ai.canonical import canonical
from fail2ban_ai.config import Settings
from fail2ban_ai.fail2ban import code
from fail2ban_ai.rules import benign, evidence, samples
from fail2ban_ai.rules.clusters import Cluster, Left, clusters
from fail2ban_ai.rules.history import History
from fail2ban_ai.rules.jail import jail_of
from fail2ban_ai.rules.judged import judged
from fail2ban_ai.rules.material import Material, Row, gather
from fail2ban_ai.rules.overlap import overlap
from fail2ban_ai.rules.prove import prove
from fail2ban_ai.rules.render import filter_conf, jail_conf
from fail2ban_ai.rules.suggestion import CAMPAIGNS, LINE_LIMIT, Jail, Line, Suggestion, dump_lines, write
from fail2ban_ai.rules.synthesis import Draft, drafts
from fail2ban_ai.sources import LogReader, journal
from fail2ban_ai.sources.lines import LineFile
from fail2ban_ai.sources.stats import SourceStats
from fail2ban_ai.visitors import Visitors

LINES = 2_000  # kept with a suggestion
_SLUG = 34  # characters
_ADDRESSES = re.compile(r"[0-9a-f.]*:[0-9a-f.:]*:[0-9a-f.:]*|\S*\d+[^a-z0-9]+\d+[^a-z0-9]+\d+\S*")
_WORDS = re.compile(r"(?<![a-z\d])[a-z]{2,}\d?(?![a-z\d])")

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Suggested:
    """What came of a run: folders in order of making, and what no rule was made of."""

    suggestions: list[Suggestion] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    campaigns: Mapping[str, int] = field(default_factory=dict)  # lines of each campaign's banned actors
    members: Mapping[str, set[str]] = field(default_factory=dict)  # banned actors of each campaign that were seen
    visitors: Visitors | None = None  # who must not be banned by what the logs say


def suggest(
    logs: analysis.Logs,
    settings: Settings,
    out: Path,
    *,
    config: str = code.CONFIG,
    progress: Progress = lambda *_: None,
) -> Suggested:
    """Analyse the logs, make a rule of each recurring finding, prove it, and write its folder below `out`.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        SourceError, ModelError: as analysis.run.
    """
    code.interpreter()
    found = analysis.run(logs, settings, compare=False, progress=progress)
    verdicts = judged(found.result.campaigns, found.result.scores)
    material = gather(_frames(logs, progress), verdicts)
    made, left = clusters(material, sources=settings.rule_sources, windows=settings.rule_windows)
    result = Suggested(left=left, campaigns=material.campaigns, members=material.members, visitors=found.visitors)
    history = History(logs.sources, verdicts)
    names: set[str] = set()
    drafted: list[Draft] = []
    for cluster in made:
        some, reason = drafts(cluster)
        drafted += some
        if reason is not None:
            result.left += _left(cluster, reason)
    for number, each in enumerate(drafted):
        progress("proving", number, len(drafted))
        name = _name(each, names)
        jail = jail_of(name, each)
        if jail is None:
            result.left += _left(each.cluster, "the path of its log has characters that a jail cannot name")
            continue
        names.add(name)
        result.suggestions.append(_written(each, out, jail, history=history, material=material, config=config))
    progress("proving", len(drafted), len(drafted))
    return result


def _left(cluster: Cluster, reason: str) -> list[Left]:
    example = cluster.units[0].key[2]
    return [Left(campaign, cluster.kind, reason, lines, example) for campaign, lines in cluster.campaigns.items()]


def _frames(logs: analysis.Logs, progress: Progress) -> LogReader:
    return logs.reader(lambda done, total: progress("collecting", done, total))


def _written(made: Draft, out: Path, jail: Jail, *, history: History, material: Material, config: str) -> Suggestion:
    """Render, prove and write one draft."""
    cluster = made.cluster
    name = jail.filter
    lines = whole(made)
    regexes = tuple(form.regex for form in made.forms)
    title, purpose, notes = evidence.sentences(made)
    conf = filter_conf(cluster.service, regexes, title=title, purpose=purpose, notes=notes)
    like = made.early[0].text
    rule = Suggestion(
        name=name,
        kind=cluster.kind,
        created=float(int(time.time())),
        campaigns=tuple(sorted(cluster.campaigns, key=lambda each: (-cluster.campaigns[each], each)))[:CAMPAIGNS],
        sources=len(set().union(*(unit.sources for unit in made.units))),
        windows=max(unit.spells for unit in made.units),
        summary=purpose[:400],
        failregex=regexes,
        jail=jail,
        proof=(),
        would_ban=(),
        overlap={},
    )
    files = {
        "filter.conf": conf,
        "jail.conf": jail_conf(rule.jail),
        "samples": samples.compose(made.forms, benign.examples(cluster.service, like, 4)),
        "lines.jsonl": dump_lines(lines),
        "evidence.md": "",
    }
    folder = out / name
    write(folder, rule, files)
    steps = prove(folder, config=config, history=history)
    rule = replace(rule, proof=steps)
    if rule.proved and history.measured is not None:
        limits = {"maxretry": jail.maxretry, "findtime": jail.findtime, "bantime": jail.bantime}
        rule = replace(rule, would_ban=history.measured.bans(**limits))
    rule = replace(rule, overlap=overlap(cluster.service, lines, like, config=config))
    files["evidence.md"] = evidence.page(rule, made, material)
    write(folder, rule, files)
    return rule


def _name(made: Draft, names: set[str]) -> str:
    """ "ai-web-xmlrpc-php": the service and what the first unit is about, a number where that is taken."""
    kind, _, value = made.units[0].key
    row = made.units[0].rows[0]
    words = {"paths": row.target, "agent": row.agent, "account": row.account}.get(kind) or value
    middle = {"account": "accounts-", "agent": "agent-"}.get(kind, "")
    # Words only: an address may stand in what a client asked for, and a rule's name is seen by more than its lines.
    words = "-".join(_WORDS.findall(_ADDRESSES.sub(" ", canonical(words).text.lower()))) or (row.method or kind).lower()
    slug = f"{made.cluster.service}-{middle}{words}"[:_SLUG].strip("-")
    name, number = f"ai-{slug}", 1
    while name in names:
        number += 1
        name = f"ai-{slug}-{number}"
    return name


def whole(made: Draft) -> list[Line]:
    """The draft's lines as they stand in the log, those cut in the event table read again."""
    cut = [row for row in (*made.early, *made.later) if row.cut]
    texts = _read_again(cut)
    kept = []
    for name, rows in (("cluster", made.early), ("later", made.later)):
        step = max(1, -(-len(rows) // LINES))
        for row in rows[::step]:
            text = texts.get((row.source, row.line)) if row.cut else row.text
            if text is not None and "\n" not in text:
                kept.append(Line(name, row.time, row.address, text[:LINE_LIMIT]))
    return kept


def _read_again(rows: Iterable[Row]) -> dict[tuple[str, int], str]:
    """Whole lines of files by source and number; a journal's are not kept anywhere in full."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if not journal.is_name(row.source):
            wanted.setdefault(row.source, set()).add(row.line)
    found: dict[tuple[str, int], str] = {}
    for source, numbers in wanted.items():
        for frame in LineFile(source, SourceStats(source)).frames(65_536):
            near = frame.filter(frame["line"].is_in(list(numbers)))
            found |= {(source, line): raw for line, raw in near.select("line", "raw").iter_rows()}
    return found
