"""Notices: what an admin should hear from the root process, for `status`, the log and notifications to read.

One JSON object a line: {"at": t, "kind": "breaker", "text": "one sentence"}. Root's own log, readable by everybody. It
is bounded: past LIMIT bytes it is moved to notices.jsonl.1, over the one before. Standard library only.

    for notice in Reader(paths.notices(), notices.from_line, position).poll(): …     # decisions_log.Reader
"""

import time
from dataclasses import asdict, dataclass

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import strict

KINDS = (
    "breaker",  # the circuit breaker opened, or was closed again
    "trial",  # enforcing began, was confirmed or went back to observe
    "repaired",  # bans that something else had taken out of the firewall are blocked again
    "not-blocked",  # bans that are listed and block nothing
    "no-effect",  # lines still arrive from a banned address
    "alert",  # a decision that asks for an admin's look only, or one that could not be carried out
    "waiting",  # nothing can be carried out for now
)
TEXT_LIMIT = 500
LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the notices."""

    at: float  # seconds since the epoch, UTC
    kind: str  # of KINDS
    text: str


def say(kind: str, text: str, now: float | None = None) -> Notice:
    """Append a notice, its text made visible and cut. OSError when it cannot be written."""
    notice = Notice(time.time() if now is None else now, kind, strict.clean(text, TEXT_LIMIT))
    path = paths.notices()
    if path.exists() and path.stat().st_size > LIMIT:
        path.replace(path.with_name(f"{path.name}.1"))
    decisions_log.append(path, strict.canonical(asdict(notice)))
    return notice


def from_line(line: str) -> Notice:
    """The notice that `line` is, or DecisionError."""
    found = strict.load(line, ("at", "kind", "text"))
    return Notice(
        at=strict.number(found, "at", strict.TIME_LIMIT),
        kind=strict.choice(found, "kind", KINDS),
        text=strict.text(found, "text", TEXT_LIMIT),
    )


def newest(limit: int = 20) -> list[Notice]:
    """The last notices, oldest first."""
    return decisions_log.read_all(paths.notices(), from_line)[-limit:]
