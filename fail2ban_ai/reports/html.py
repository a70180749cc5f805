"""The page that an admin opens, prints and forwards: one HTML file that loads nothing, runs nothing and fits a phone.

Log text is hostile. Jinja escapes every value; hidden characters are written out before that; the page's own policy
forbids whatever is not the one style sheet inside it, whose hash it names.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fail2ban_ai import explain, findings
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.reports import digest, picture, techniques, timeline
from fail2ban_ai.reports.schema import Actor, Campaign, EvidenceLine, Report
from fail2ban_ai.reports.suggested import SHOWN
from fail2ban_ai.rules.suggestion import Suggestion

# What the page shows of each; report.json has the rest. Together they bound the page, whatever was found.
DETAILED = 30  # campaigns
ACTORS = 40  # of one campaign
EVIDENCE = 12  # lines of one campaign
OPEN, LINES_OPEN = 8, 6  # actors and lines that stand open; the rest is folded
URGENT = 5  # campaigns of the two worst severities that are named first
WATCHED = 200  # weaker findings
ANOMALIES = 50
SOURCES = 100


@dataclass(frozen=True, slots=True)
class _Shown:
    """A campaign as the page shows it, and how much is left out."""

    campaign: Campaign
    picture: picture.Picture
    actors: list[Actor]
    more_actors: int
    evidence: list[EvidenceLine]
    more_evidence: int
    by_fail2ban: int  # actors that fail2ban bans


def render(report: Report, suggestions: Sequence[Suggestion] = (), campaigns: Sequence[findings.Campaign] = ()) -> str:
    """The page. `campaigns` are those that the report is about: single events are drawn from them.

    The same values give the same page.
    """
    found = {campaign.id: campaign for campaign in campaigns}
    told = digest.worst_first([c for c in report.campaigns if digest.acted(c)])
    watched = digest.worst_first([c for c in report.campaigns if not digest.acted(c)])
    banned: dict[str, datetime] = {}
    for ban in report.fail2ban.banned:
        actor = actor_of(ban.address)
        if actor is not None:
            banned.setdefault(actor, ban.at)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            css=Markup(_css()),  # noqa: S704 - our own file
            policy=_policy(),
            report=report,
            headline=digest.headline(report),
            counts=digest.counts(report),
            shares=digest.shares(report),
            timeline=timeline.build(report, told),
            base=timeline.BASE,
            urgent=[c for c in told if c.severity in ("critical", "high")][:URGENT],
            campaigns=[_shown(c, banned, found.get(c.id)) for c in told[:DETAILED]],
            more_campaigns=told[DETAILED : DETAILED + WATCHED],
            left_out=max(0, len(told) - DETAILED - WATCHED),
            watched=watched[:WATCHED],
            more_watched=max(0, len(watched) - WATCHED),
            anomalies=report.anomalies[:ANOMALIES],
            more_anomalies=max(0, len(report.anomalies) - ANOMALIES),
            sources=report.lines.by_source[:SOURCES],
            more_sources=max(0, len(report.lines.by_source) - SOURCES),
            suggestions=suggestions[:SHOWN],
            more_suggestions=max(0, len(suggestions) - SHOWN),
            missed=sum(s.read - s.understood for s in report.lines.by_source),
        )
    )


def _shown(campaign: Campaign, banned: dict[str, datetime], found: findings.Campaign | None) -> _Shown:
    first = {"refused": 0, "ban": 1, "watch": 2}
    actors = sorted(campaign.actors, key=lambda a: (first[a.decision], a.decided_at or a.first_seen, a.address))
    return _Shown(
        campaign=campaign,
        picture=picture.build(campaign, banned, found),
        actors=actors[:ACTORS],
        more_actors=max(0, len(actors) - ACTORS),
        evidence=campaign.evidence[:EVIDENCE],
        more_evidence=max(0, len(campaign.evidence) - EVIDENCE),
        by_fail2ban=sum(a.address in banned for a in actors),
    )


@cache
def _css() -> str:
    return resources.files(__package__).joinpath("templates/report.css").read_text(encoding="utf-8")


def _policy() -> str:
    digested = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digested}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("fail2ban_ai.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "plain": digest.plain,
        "quoted": _quoted,
        "moment": _moment,
        "counted": digest.counted,
        "further": digest.further,
        "kind": digest.name_of,
        "span": lambda first, last: explain.span((last - first).total_seconds()),
    }
    made.globals |= {
        "techniques": techniques,
        "decided": digest.decided,
        "OPEN": OPEN,
        "LINES_OPEN": LINES_OPEN,
        "box": (picture.TOP, picture.CROWD),
    }
    return made


def _quoted(text: str) -> Markup:
    """A sentence of `explain`, the log's values in it set as code."""
    shown = digest.plain(text, 1000)
    parts, done = [], 0
    for match in digest.QUOTED.finditer(shown):
        parts.append(Markup("{}<code>{}</code>").format(shown[done : match.start()], match[0][1:-1]))
        done = match.end()
    return Markup("").join([*parts, shown[done:]])


def _moment(time: datetime) -> Markup:
    shown = Markup('<time datetime="{}">{} {:%b %H:%M}</time>')
    return shown.format(time.isoformat(timespec="seconds"), time.day, time)
