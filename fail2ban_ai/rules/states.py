"""What was decided about each rule, by whom, when and why: root's append-only log, JSON lines. Standard library only.

    {"at": t, "by": "…", "digest": "…", "name": "ai-…", "state": "live", "why": "…"}      t: seconds since the epoch

A rule without an entry is pending. `pending` is also what a rollback writes when nothing is left of a decision.
"""

import getpass
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import strict
from fail2ban_ai.errors import DecisionError
from fail2ban_ai.rules import suggestion

PENDING = "pending"
APPROVED = "approved"  # said yes to, and not (yet) installed: it stays so when the installation fails
SHADOW = "shadow"  # installed with an action that only records
LIVE = "live"
RETIRED = "retired"
REJECTED = "rejected"
STATES = (PENDING, APPROVED, SHADOW, LIVE, RETIRED, REJECTED)
INSTALLED = (SHADOW, LIVE)
WHY_LIMIT = 500
TAKEN_BACK = "rollback of "  # how the reason of a rollback's entry begins


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    name: str
    digest: str  # of the folder that was judged
    state: str  # of STATES
    at: float
    by: str
    why: str


_KEYS = tuple(field.name for field in fields(Entry))


def log() -> Path:
    """The log, beside the folder of rules."""
    return paths.rules().with_name("rules.jsonl")


def whoami() -> str:
    """Who sits at the terminal: the account that sudo was called from, else the one logged in."""
    try:
        return strict.clean(os.environ.get("SUDO_USER") or getpass.getuser(), 64)
    except (KeyError, OSError):  # an id without an account
        return f"uid {os.getuid()}"


def cleaned(why: str) -> str:
    """A reason as it may stand in the log: visible and not too long."""
    return strict.clean(why, WHY_LIMIT)


def append(entry: Entry) -> None:
    """Write an entry down; on disk when this returns. DecisionError when it could not be read back."""
    line = strict.canonical(asdict(entry))
    from_line(line)
    decisions_log.append(log(), line)


def from_line(line: str) -> Entry:
    """The entry that `line` is, or DecisionError."""
    found = strict.load(line, _KEYS)
    name = strict.text(found, "name", 64)
    if suggestion.NAME.fullmatch(name) is None:
        raise DecisionError("name: expected that of a rule")
    return Entry(
        name=name,
        digest=strict.text(found, "digest", 64, empty=True),
        state=strict.choice(found, "state", STATES),
        at=strict.number(found, "at", strict.TIME_LIMIT),
        by=strict.text(found, "by", 64),
        why=strict.text(found, "why", WHY_LIMIT, empty=True),
    )


def history() -> list[Entry]:
    """Every entry, oldest first. ConfigError when another than root could have written the log."""
    if paths.read_trusted(log(), limit=64 << 20) is None:
        return []
    return decisions_log.read_all(log(), from_line)


def newest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The entry that holds for each rule: one that is in stays in while another form of it is only approved."""
    found: dict[str, Entry] = {}
    for entry in entries:
        kept = found.get(entry.name)
        if entry.state != APPROVED or kept is None or kept.state not in INSTALLED:
            found[entry.name] = entry
    return found


def standing(entries: Iterable[Entry]) -> list[Entry]:
    """The decisions that were not taken back, oldest first; `approved` is a step on the way, not a decision."""
    found: list[Entry] = []
    for entry in entries:
        if entry.why.startswith(TAKEN_BACK):
            last = next((one for one in reversed(found) if one.name == entry.name), None)
            if last is not None:
                found.remove(last)
        elif entry.state != APPROVED:
            found.append(entry)
    return found
