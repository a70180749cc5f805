"""Decisions: what the watcher, `analyze --auto-ban` or an admin asks to be done. Asking is all they can do.

    decision = make("192.0.2.9", at=now, campaign="c-1", reason="…", score=0.97, kind="slow_scan", severity="high",
                    matches=[line.text …], evidence_at=newest)
    append(paths.decisions(), to_line(decision))                    # decisions_log.append
    for decision in Reader(paths.decisions(), from_line, paths.position()).poll(): …   # decisions_log.Reader

One decision is one line of JSON. Whoever reads it (root) takes it for hostile: `from_line` accepts known keys of known
types and lengths, finite numbers, visible characters, and a target in the normal form of fail2ban_ai.addresses. The id
is a hash of the rest, so the same decision twice is one decision and a line changed by hand is none. What a decision
says about its own target (known_logins, traffic, members) may make the gate refuse, never permit.

Standard library only: the root process imports this.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fail2ban_ai import addresses
from fail2ban_ai.decisions import strict
from fail2ban_ai.errors import DecisionError, TargetError
from fail2ban_ai.findings import CAMPAIGN_KINDS, SEVERITIES

ACTIONS = ("ban", "limit", "alert", "withdraw", "refused")
KINDS = (*CAMPAIGN_KINDS, "manual")  # "manual": an admin asked, there is no campaign
REQUESTERS = ("auto", "admin")  # a claim: whoever may write the log may write "admin", so nothing trusts it
NO_EFFECT = "no-effect"  # as campaign of an alert: lines of a banned target still arrive, see enforce.no_effect
EVIDENCE_LIMIT = 4096  # bytes of all matches together: an argument list is limited by the kernel, see FAIL2BAN.md
MATCHES_LIMIT = 20
MATCH_LIMIT = 500  # characters
MEMBERS_LIMIT = 64
LOGINS_LIMIT = 64
REASON_LIMIT = 500
CAMPAIGN_LIMIT = 64
COUNT_LIMIT = 10**9


@dataclass(frozen=True, slots=True)
class Traffic:
    """How the target stands among all clients of its log on the day of the evidence: the gate tells proxies by it."""

    clients: int  # distinct clients seen
    share: float  # 0..1, part of all requests that came from the target
    agents: int  # distinct user agents seen from the target
    edges: float = (
        0.0  # 0..1, part of the web log's addresses that look like edges of a CDN, if the target does; else 0
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the decisions log. Times are seconds since the epoch, UTC."""

    id: str
    at: float
    target: str  # address or network in normal form
    action: str  # of ACTIONS
    campaign: str  # "" when an admin asks
    reason: str
    score: float  # 0..1
    kind: str  # of KINDS
    severity: str  # of SEVERITIES
    matches: tuple[str, ...]  # evidence lines, hidden characters written out, EVIDENCE_LIMIT bytes in all
    evidence_at: float  # time of the newest evidence
    requested_by: str  # of REQUESTERS
    members: tuple[str, ...] = ()  # addresses seen within a target that is a network, for the crawler rules
    known_logins: Mapping[str, int] = dataclasses.field(default_factory=dict)  # address: see login_days
    traffic: Traffic | None = None


_KEYS = tuple(field.name for field in dataclasses.fields(Decision))
_TRAFFIC_KEYS = tuple(field.name for field in dataclasses.fields(Traffic))


def target_of(text: str) -> addresses.Network | None:
    """What `text` names, as a network (an address is a /32 or /128), or None. Mapped IPv6 is the IPv4 address."""
    if "/" in text:
        return addresses.parse_network(text)
    address = addresses.parse(text)
    return None if address is None else addresses.parse_network(str(address))


def normal(text: str) -> str:
    """The one way to write the address or network `text`: no prefix length on a single address. TargetError if none."""
    target = target_of(text)
    if target is None:
        raise TargetError(f"{strict.clean(text, 60)!r} is not an IP address or a network in CIDR form")
    return spelled(target)


def spelled(target: addresses.Network) -> str:
    """The normal form of a parsed target: "192.0.2.1", "192.0.2.0/24"."""
    return str(target.network_address) if target.prefixlen == target.max_prefixlen else str(target)


def login_days(successes: Iterable[float], first_hostile: float | None) -> int:
    """On how many distinct days (UTC) somebody logged in from an address before its first hostile event.

    A success at or after the first hostile event may be the attacker's own and counts nothing.
    """
    before = (at for at in successes if first_hostile is None or at < first_hostile)
    return len({datetime.fromtimestamp(at, UTC).date() for at in before})


def make(
    target: str,
    *,
    at: float,
    reason: str,
    campaign: str = "",
    action: str = "ban",
    score: float = 1.0,
    kind: str = "manual",
    severity: str = "medium",
    matches: Iterable[str] = (),
    evidence_at: float | None = None,
    requested_by: str = "auto",
    members: Iterable[str] = (),
    known_logins: Mapping[str, int] | None = None,
    traffic: Traffic | None = None,
) -> Decision:
    """A valid decision: log text made visible and cut, addresses in normal form, the id computed.

    `members` keeps the first MEMBERS_LIMIT, `known_logins` the LOGINS_LIMIT best known. TargetError when the target is
    no address; DecisionError when another value could not be read back.
    """
    logins = sorted((known_logins or {}).items(), key=lambda item: (-item[1], item[0]))[:LOGINS_LIMIT]
    decision = Decision(
        id="",
        at=float(at),
        target=normal(target),
        action=action,
        campaign=campaign,
        reason=strict.clean(reason, REASON_LIMIT),
        score=float(score),
        kind=kind,
        severity=severity,
        matches=_cut(matches),
        evidence_at=float(at if evidence_at is None else evidence_at),
        requested_by=requested_by,
        members=tuple(normal(member) for member in members)[:MEMBERS_LIMIT],
        known_logins={normal(address): days for address, days in logins},
        # 0 and 0.0 are one number and two texts; the id is made of the text.
        traffic=traffic and dataclasses.replace(traffic, share=float(traffic.share), edges=float(traffic.edges)),
    )
    return from_line(to_line(dataclasses.replace(decision, id=_hash(decision))))


def _cut(matches: Iterable[str]) -> tuple[str, ...]:
    left = EVIDENCE_LIMIT
    kept: list[str] = []
    for match in matches:
        shown = strict.clean(match, MATCH_LIMIT)
        while len(shown.encode()) > left:
            shown = shown[: max(0, min(len(shown) - 1, left))]
        if not shown or len(kept) == MATCHES_LIMIT:
            break
        kept.append(shown)
        left -= len(shown.encode())
    return tuple(kept)


def _values(decision: Decision) -> dict[str, Any]:
    values = {key: getattr(decision, key) for key in _KEYS}
    values["known_logins"] = dict(decision.known_logins)
    if decision.traffic is not None:
        values["traffic"] = {key: getattr(decision.traffic, key) for key in _TRAFFIC_KEYS}
    return values


def _canonical(values: dict[str, Any]) -> str:
    try:
        return strict.canonical(values)
    except (TypeError, ValueError):
        raise DecisionError("the decision holds a value that JSON cannot say") from None


def _hash(decision: Decision) -> str:
    values = _values(decision)
    del values["id"]
    return hashlib.sha256(_canonical(values).encode()).hexdigest()[:32]


def to_line(decision: Decision) -> str:
    """The decision as one line of ASCII, without the line's end. DecisionError when a number is not finite."""
    return _canonical(_values(decision))


def from_line(line: str) -> Decision:
    """The decision that `line` is; DecisionError, naming the field and never its content, when it is none."""
    if len(line) > strict.LINE_LIMIT:
        raise DecisionError(f"the line is longer than {strict.LINE_LIMIT} bytes")
    found = strict.load(line, _KEYS)
    decision = Decision(
        id=strict.text(found, "id", 32),
        at=strict.number(found, "at", strict.TIME_LIMIT),
        target=_address(found["target"], "target"),
        action=strict.choice(found, "action", ACTIONS),
        campaign=strict.text(found, "campaign", CAMPAIGN_LIMIT, empty=True),
        reason=strict.text(found, "reason", REASON_LIMIT, empty=True),
        score=strict.number(found, "score", 1),
        kind=strict.choice(found, "kind", KINDS),
        severity=strict.choice(found, "severity", SEVERITIES),
        matches=strict.texts(found, "matches", MATCHES_LIMIT, MATCH_LIMIT),
        evidence_at=strict.number(found, "evidence_at", strict.TIME_LIMIT),
        requested_by=strict.choice(found, "requested_by", REQUESTERS),
        members=tuple(_address(one, "members") for one in strict.texts(found, "members", MEMBERS_LIMIT, 64)),
        known_logins=_logins(found["known_logins"]),
        traffic=_traffic(found["traffic"]),
    )
    if sum(len(match.encode()) for match in decision.matches) > EVIDENCE_LIMIT:
        raise DecisionError(f"matches: expected at most {EVIDENCE_LIMIT} bytes in all")
    if decision.id != _hash(decision):
        raise DecisionError("id: expected the hash of the decision's content")
    return decision


def _address(value: object, key: str) -> str:
    target = target_of(value) if isinstance(value, str) and len(value) <= 64 else None
    if target is None or spelled(target) != value:
        raise DecisionError(f"{key}: expected an IP address or a network in normal form")
    return value


def _logins(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > LOGINS_LIMIT:
        raise DecisionError(f"known_logins: expected at most {LOGINS_LIMIT} addresses, each with a number of days")
    return {_address(key, "known_logins"): strict.count({"known_logins": days}, "known_logins", 100_000)
            for key, days in value.items()}  # fmt: skip


def _traffic(value: object) -> Traffic | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != set(_TRAFFIC_KEYS):
        raise DecisionError(f"traffic: expected null or the keys {', '.join(_TRAFFIC_KEYS)}")
    return Traffic(
        clients=strict.count(value, "clients", COUNT_LIMIT),
        share=strict.number(value, "share", 1),
        agents=strict.count(value, "agents", COUNT_LIMIT),
        edges=strict.number(value, "edges", 1),
    )
