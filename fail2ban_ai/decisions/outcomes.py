"""Outcomes: what the enforcer did with each decision. Root's own log, the memory that makes carrying out idempotent.

A decision with an outcome is never carried out again, unless it "failed": fail2ban was down, or the gate refused it
only for now. Standard library only: the root process imports this.
"""

import fcntl
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import normal, strict
from fail2ban_ai.errors import DecisionError, TargetError

COMPACT_FROM = 4 << 20  # bytes
KEPT = 40 * 86400.0  # seconds; as long as any decision may be carried out

RESULTS = (
    "banned",
    "limited",  # slowed down instead
    "alerted",  # an admin was told, nothing else was to be done or could be
    "already",  # it was in force before
    "refused",
    "failed",  # for now
    "would-ban",
    "would-limit",
    "expired",
    "unbanned",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the outcomes log."""

    id: str  # the decision's
    at: float  # seconds since the epoch, UTC
    target: str
    result: str  # of RESULTS
    reason: str  # of a refusal: "code: sentence"


_KEYS = tuple(field.name for field in fields(Outcome))


def to_line(outcome: Outcome) -> str:
    """The outcome as one line of ASCII, without the line's end; its reason is made visible and cut."""
    values = asdict(outcome)
    values["reason"] = strict.clean(outcome.reason, 500)
    return strict.canonical(values)


def from_line(line: str) -> Outcome:
    """The outcome that `line` is, or DecisionError."""
    found = strict.load(line, _KEYS)
    target = strict.text(found, "target", 64)
    try:
        spelling = normal(target)
    except TargetError:
        spelling = ""
    if spelling != target:
        raise DecisionError("target: expected an IP address or a network in normal form")
    return Outcome(
        id=strict.text(found, "id", 32),
        at=strict.number(found, "at", strict.TIME_LIMIT),
        target=target,
        result=strict.choice(found, "result", RESULTS),
        reason=strict.text(found, "reason", 500, empty=True),
    )


def final_ids(outcomes: Iterable[Outcome]) -> set[str]:
    """Ids of the decisions that need no more work: all but those whose newest outcome is "failed"."""
    newest: dict[str, str] = {}
    for outcome in outcomes:
        newest[outcome.id] = outcome.result
    return {id_ for id_, result in newest.items() if result != "failed"}


def compact(now: float) -> int:
    """Forget outcomes older than KEPT when the log is larger than COMPACT_FROM; returns how many lines went.

    Decisions so old are never carried out, so nothing is done twice for want of them. Only the enforcer and `unban`
    write the log, and both under its lock.
    """
    path = paths.outcomes()
    if not path.exists() or path.stat().st_size < COMPACT_FROM:
        return 0
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = decisions_log.read_all(path, from_line)
        kept = [outcome for outcome in known if now - outcome.at < KEPT]
        if len(kept) < len(known):
            paths.replace(path, "".join(f"{to_line(outcome)}\n" for outcome in kept))
    return len(known) - len(kept)
