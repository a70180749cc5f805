"""The report as Markdown, to paste into a ticket or a mail. Every value is escaped unless it is marked as Markdown."""

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from fail2ban_ai import explain
from fail2ban_ai.reports import digest
from fail2ban_ai.reports.digest import QUOTED, plain
from fail2ban_ai.reports.schema import EvidenceLine, Report
from fail2ban_ai.reports.suggested import SHOWN
from fail2ban_ai.rules.suggestion import Suggestion

CAMPAIGNS = 30
ACTORS = 20  # of one campaign
EVIDENCE = 10  # lines of one campaign
WATCHED = 50

_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~#!@$]|:(?=//)|(?<=www)\.")
_RUNS = re.compile("`+")


class Marked(str):
    """Text that is Markdown already."""

    __slots__ = ()


def render(report: Report, suggestions: Sequence[Suggestion] = ()) -> str:
    """The report; what is cut says how much is left out."""
    told = digest.worst_first([c for c in report.campaigns if digest.acted(c)])
    watched = digest.worst_first([c for c in report.campaigns if not digest.acted(c)])
    text = (
        _environment()
        .get_template("report.md.j2")
        .render(
            report=report,
            headline=digest.headline(report),
            counts=digest.counts(report),
            shares=digest.shares(report),
            campaigns=told[:CAMPAIGNS],
            more_campaigns=max(0, len(told) - CAMPAIGNS),
            watched=watched[:WATCHED],
            more_watched=max(0, len(watched) - WATCHED),
            suggestions=suggestions[:SHOWN],
            ACTORS=ACTORS,
            EVIDENCE=EVIDENCE,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escaped(value: object) -> str:
    """A value as plain text of Markdown: hidden characters written out, what would be markup escaped, on one line."""
    if isinstance(value, Marked):
        return value
    return _SPECIAL.sub(r"\\\g<0>", plain(str(value), 1000))


def code(text: str, *, cell: bool = False) -> Marked:
    """A value as a code span; `cell`: within a table, where a bar would end the cell."""
    shown = plain(text)
    fence = "`" * (1 + max(map(len, _RUNS.findall(shown)), default=0))
    padding = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return Marked(f"{fence}{padding}{shown.replace('|', chr(92) + '|') if cell else shown}{padding}{fence}")


def quoted(text: str, *, cell: bool = False) -> Marked:
    """A sentence of `explain`, the log's values in it as code."""
    shown, parts, done = plain(text, 1000), [], 0
    for match in QUOTED.finditer(shown):
        parts += [escaped(shown[done : match.start()]), code(match[0][1:-1], cell=cell)]
        done = match.end()
    return Marked("".join([*parts, escaped(shown[done:])]))


def block(evidence: Sequence[EvidenceLine]) -> Marked:
    """Log lines as a fenced block, each behind its place."""
    shown = "\n".join(f"{plain(e.source, 200)}:{e.line}: {plain(e.text)}" for e in evidence)
    fence = "`" * max(3, 1 + max(map(len, _RUNS.findall(shown)), default=0))
    return Marked(f"{fence}text\n{shown}\n{fence}")


@cache
def _environment() -> Environment:
    made = Environment(  # noqa: S701 - no HTML: `escaped` is applied to every value
        loader=PackageLoader("fail2ban_ai.reports"),
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "code": code,
        "quoted": quoted,
        "block": block,
        "moment": lambda time: f"{time:%Y-%m-%d %H:%M}",
        "counted": digest.counted,
        "further": digest.further,
        "kind": digest.name_of,
        "span": lambda first, last: explain.span((last - first).total_seconds()),
    }
    made.globals |= {"decided": digest.decided}
    return made
