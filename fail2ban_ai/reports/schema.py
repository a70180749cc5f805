"""The JSON of `analyze --json`, schema 1. `python -m fail2ban_ai.reports.schema` prints its JSON schema."""

import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Time = Annotated[datetime, PlainSerializer(lambda t: t.isoformat(timespec="seconds"), return_type=str)]
Share = Annotated[float, Field(ge=0, le=1)]
Severity = Literal["critical", "high", "medium", "low"]
Outcome = Literal["ban", "watch", "refused"]
Kind = Literal[
    "slow_scan",
    "scan",
    "credential_stuffing",
    "brute_force",
    "injection",
    "exploit_probe",
    "scraping",
    "flood",
    "traffic_anomaly",
    "compromise",
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Program(_Model):
    """Which program and which weights made the report."""

    version: str
    weights_sha256: str
    sensitivity: str


class Window(_Model):
    """First and last event time of what was read; null when nothing was."""

    from_: Time | None = Field(alias="from")
    to: Time | None


class SourceLines(_Model):
    """How much of one source was understood."""

    source: str
    service: str
    read: int
    understood: int


class Lines(_Model):
    """How much was read and understood."""

    read: int
    understood: int
    by_source: list[SourceLines]


class BannedByFail2ban(_Model):
    """One address that fail2ban bans, or would have banned, on the same lines."""

    address: str
    jail: str
    at: Time


class Fail2ban(_Model):
    """What fail2ban did (history) or would have done (replay) on the same lines."""

    how: Literal["history", "replay", "none"]
    banned: list[BannedByFail2ban]


class Actor(_Model):
    """A member of a campaign."""

    address: str
    events: int
    first_seen: Time
    last_seen: Time
    score: Share
    decided_at: Time | None
    events_before_decision: int | None
    decision: Outcome
    reason: str
    missed_by_fail2ban: bool | None


class Network(_Model):
    """A network proposed for a ban, with its evidence density."""

    cidr: str
    decision: Outcome
    decided_at: Time | None
    hostile_seen: int
    benign_seen: int
    reason: str


class EvidenceLine(_Model):
    """One log line of the evidence; control characters are kept here and escaped by printers."""

    source: str
    line: int
    text: Annotated[str, Field(max_length=500)]


class Campaign(_Model):
    """One finding."""

    id: str
    kind: Kind
    severity: Severity
    confidence: Share
    first_seen: Time
    last_seen: Time
    detected_at: Time
    events: int
    services: list[str]
    actors: list[Actor]
    networks: list[Network]
    targets: list[str]
    techniques: list[str]
    summary: str
    reasons: list[str]
    why_missed: str
    recommendation: str
    evidence: Annotated[list[EvidenceLine], Field(max_length=20)]


class Anomaly(_Model):
    """An hour of unusual traffic."""

    service: str
    from_: Time = Field(alias="from")
    to: Time
    observed: float
    expected: float
    z: float
    top_actors: list[str]


class Decision(_Model):
    """One line of the append-only history of decisions."""

    id: str
    at: Time
    target: str
    action: Literal["ban", "limit", "alert", "withdraw", "refused"]
    campaign: str
    reason: str


class Report(_Model):
    """Everything `analyze --json` says."""

    schema_: Literal[1] = Field(1, alias="schema")
    program: Program
    mode: Literal["observe", "enforce"]
    window: Window
    lines: Lines
    fail2ban: Fail2ban
    campaigns: list[Campaign]
    anomalies: list[Anomaly]
    decisions: list[Decision]


def to_json(report: Report) -> str:
    """The report as the contract prints it; the same report gives the same bytes."""
    return report.model_dump_json(by_alias=True, indent=2)


if __name__ == "__main__":
    print(json.dumps(Report.model_json_schema(by_alias=True), indent=2))
