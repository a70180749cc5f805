"""From what a run found to the report of schema 1. Secrets in log text end here: every other report is made of this."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from fail2ban_ai import __version__, explain
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.campaigns.naming import techniques
from fail2ban_ai.fail2ban.replay import Ban
from fail2ban_ai.findings import Anomaly, Campaign, Member, Verdict
from fail2ban_ai.pipeline import Result
from fail2ban_ai.redact import redact
from fail2ban_ai.reports import schema
from fail2ban_ai.sources.stats import SourceStats

How = Literal["history", "replay", "none"]


def report(
    result: Result,
    stats: Sequence[SourceStats],
    *,
    weights_sha256: str,
    sensitivity: str,
    mode: Literal["observe", "enforce"],
    banned: Sequence[Ban],
    how: How,
    why_missed: Callable[[Campaign], str],
) -> schema.Report:
    """The report. `banned` is what fail2ban bans on the same lines, known by `how`."""
    by_fail2ban = {actor_of(ban.address) for ban in banned}
    known = by_fail2ban if how != "none" else None
    return schema.Report(
        program=schema.Program(version=__version__, weights_sha256=weights_sha256, sensitivity=sensitivity),
        mode=mode,
        window=schema.Window(from_=_maybe(result.first), to=_maybe(result.last)),
        lines=_lines(stats),
        fail2ban=schema.Fail2ban(
            how=how,
            banned=[schema.BannedByFail2ban(address=b.address, jail=b.jail, at=_time(b.at)) for b in banned],
        ),
        campaigns=[_campaign(c, known, why_missed(c)) for c in result.campaigns],
        anomalies=[_anomaly(a) for a in result.anomalies],
        decisions=[_decision(v) for v in result.verdicts],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)


def _lines(stats: Iterable[SourceStats]) -> schema.Lines:
    rows = [
        schema.SourceLines(source=s.source, service=s.service or "unknown", read=s.read, understood=s.understood)
        for s in stats
    ]
    return schema.Lines(read=sum(r.read for r in rows), understood=sum(r.understood for r in rows), by_source=rows)


def _campaign(campaign: Campaign, banned: set[str | None] | None, why_missed: str) -> schema.Campaign:
    return schema.Campaign.model_validate(
        {
            "id": campaign.id,
            "kind": campaign.kind,
            "severity": campaign.severity,
            "confidence": round(campaign.confidence, 3),
            "first_seen": _time(campaign.first_seen),
            "last_seen": _time(campaign.last_seen),
            "detected_at": _time(campaign.detected_at),
            "events": campaign.events,
            "services": sorted(campaign.services),
            "actors": [_actor(m, banned) for m in campaign.members.values()],
            "networks": [
                {
                    "cidr": n.cidr,
                    "decision": n.decision,
                    "decided_at": _maybe(n.decided_at),
                    "hostile_seen": n.hostile_seen,
                    "benign_seen": n.benign_seen,
                    "reason": redact(n.reason),
                }
                for n in campaign.networks
            ],
            "targets": [redact(target) for target in campaign.targets],
            "techniques": techniques(campaign),
            "summary": redact(explain.summary(campaign)),
            "reasons": [redact(reason) for reason in explain.reasons(campaign)],
            "why_missed": why_missed,
            "recommendation": redact(explain.recommendation(campaign)),
            "evidence": [
                {"source": e.source, "line": e.line, "text": redact(e.text)[:500]} for e in campaign.evidence[:20]
            ],
        }
    )


def _actor(member: Member, banned: set[str | None] | None) -> schema.Actor:
    return schema.Actor.model_validate(
        {
            "address": member.actor,
            "events": member.events,
            "first_seen": _time(member.first_seen),
            "last_seen": _time(member.last_seen),
            "score": round(min(1.0, max(0.0, member.score)), 3),
            "decided_at": _maybe(member.decided_at),
            "events_before_decision": member.events_before_decision,
            "decision": member.decision,
            "reason": redact(member.reason),
            "missed_by_fail2ban": None if banned is None else member.actor not in banned,
        }
    )


def _anomaly(anomaly: Anomaly) -> schema.Anomaly:
    return schema.Anomaly(
        service=anomaly.service,
        from_=_time(anomaly.start),
        to=_time(anomaly.end),
        observed=round(anomaly.observed, 1),
        expected=round(anomaly.expected, 1),
        z=round(anomaly.z, 2),
        top_actors=list(anomaly.top_actors),
    )


def _decision(verdict: Verdict) -> schema.Decision:
    return schema.Decision.model_validate(
        {
            "id": verdict.id,
            "at": _time(verdict.at),
            "target": verdict.target,
            "action": verdict.action,
            "campaign": verdict.campaign,
            "reason": redact(verdict.reason),
        }
    )
