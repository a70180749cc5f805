"""What the rooms after the model hand to one another: sightings, campaigns, anomalies and decisions.

Plain records without behaviour. Times are seconds since the epoch (UTC) as floats, in event time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fail2ban_ai.model.runtime import Floats

CAMPAIGN_KINDS = (
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
)
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One log line: where it stands and what it says (at most 500 characters)."""

    source: str
    line: int
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event of an actor that the model found worth a look (score above the watch level, or a failed log-in)."""

    time: float
    actor: str  # "192.0.2.1" or "2001:db8::/64"
    address: str  # the address of this event
    service: str
    kind: str  # of events.KINDS
    score: float  # calibrated probability that the actor is hostile, as of this event
    intent: str  # what the model takes the actor for: a campaign kind or "benign"
    account: str | None
    path: str | None  # web: canonical masked path and query names, the key that rarity counts
    agent: str | None
    method: str | None
    status: int | None
    attack: str | None  # class of attack the encoder sees in this one request (sqli, xss, traversal, …), or None
    evidence: Evidence
    company: "Floats | None" = None  # whom the actor belongs with, as of this event (model.runtime.COMPANY)
    astray: bool = False  # all that speaks against the actor so far is one page it asked for that is not there


@dataclass(slots=True)
class Member:
    """An actor within a campaign."""

    actor: str
    events: int
    first_seen: float
    last_seen: float
    score: float
    decision: str = "watch"  # ban | watch | refused
    reason: str = ""
    decided_at: float | None = None
    events_before_decision: int | None = None
    in_wave: bool = False  # a log-in wave drew it in
    offended: bool = False  # something it did failed, was refused or looks like an attack
    times: Sequence[float] = ()  # of its sightings, a sample over all of them


@dataclass(slots=True)
class ProposedNetwork:
    """A network proposed for a ban, with its evidence density."""

    cidr: str
    hostile_seen: int
    benign_seen: int
    decision: str = "watch"
    decided_at: float | None = None
    reason: str = ""


@dataclass(slots=True)
class Campaign:
    """What one attacker, or one botnet, did: the unit of a finding. The id survives merges (the oldest one wins)."""

    id: str
    kind: str
    first_seen: float
    last_seen: float
    detected_at: float
    members: dict[str, Member] = field(default_factory=dict)
    fresh: dict[str, None] = field(default_factory=dict)  # members that changed since the judge looked last
    networks: list[ProposedNetwork] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    targets: list[str] = field(default_factory=list)  # accounts and endpoints, most touched first, at most 10
    touches: list[int] = field(default_factory=list)  # how often each of them
    links: list[str] = field(default_factory=list)  # why these actors belong together, in words, at most 10
    attacks: set[str] = field(default_factory=set)  # attack classes seen (sqli, xss, …)
    events: int = 0
    confidence: float = 0.0
    surest: float = 0.0  # the score of its surest member; the confidence where a log-in wave holds it together
    severity: str = "medium"
    evidence: list[Evidence] = field(default_factory=list)  # at most 20
    broke: list[str] = field(default_factory=list)  # endpoints that answered the campaign with 5xx after 2xx
    breached: list[str] = field(default_factory=list)  # accounts that a member logged in to after failing


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An hour of a service with far more traffic than its own weeks explain."""

    service: str
    start: float
    end: float
    metric: str  # "requests" or "bytes"
    observed: float
    expected: float  # the median of comparable hours
    z: float  # robust: (observed - median) / (1.4826 * MAD)
    top_actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the append-only history: what was decided about a target, when and why."""

    id: str
    at: float
    target: str  # address or network
    action: str  # ban | limit | alert | withdraw | refused
    campaign: str
    reason: str
