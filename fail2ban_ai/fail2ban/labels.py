"""What fail2ban's own bans say about addresses, kept for training: an admin's rules are labels nobody had to write.

    labels.keep_new()                  # by `watch` and `analyze`: from the action's spool to the labels
    for label in labels.load(): …      # by training

One JSON object a line in the watcher's folder. A ban says hostile; an unban before the ban's end says that somebody
knew better, and takes it back.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.fail2ban.feed import Fed, Feed

LIMIT = 16 << 20  # bytes; then labels.jsonl takes the place of labels.jsonl.1
EARLY = 5.0  # seconds before a ban's end from which an unban is somebody's, and not fail2ban's own


@dataclass(frozen=True, slots=True)
class Label:
    """An address as of a moment (seconds since the epoch): what the jail's admin takes it for, and its lines."""

    address: str
    at: float
    jail: str
    hostile: bool
    lines: tuple[str, ...] = ()


def file() -> Path:
    """Where they lie, beside the decisions log."""
    return paths.decisions().with_name("labels.jsonl")


def keep_new() -> list[Fed]:
    """Turn what the action told since the last call into labels; returns what was told.

    SourceError when the spool may not be read, OSError when the labels cannot be written: it is then told again.
    """
    feed = Feed(paths.decisions().with_name("feed-position.json"))
    told = list(feed.poll())
    if told:
        if file().exists() and file().stat().st_size > LIMIT:
            file().replace(file().with_name(f"{file().name}.1"))
        lines = [json.dumps(asdict(label)) for label in from_fed(told)]
        if lines:
            decisions_log.append(file(), *lines)
        feed.commit()
    return told


def from_fed(told: Iterable[Fed]) -> Iterator[Label]:
    """The labels in what was told: every ban, and every unban that came before the ban's own end."""
    ends: dict[tuple[str, str], float] = {}
    for fed in told:
        if fed.ban:
            ends[fed.jail, fed.address] = fed.ends
            yield Label(fed.address, fed.at, fed.jail, hostile=True, lines=fed.lines)
        elif fed.at < ends.get((fed.jail, fed.address), float("-inf")) - EARLY:
            yield Label(fed.address, fed.at, fed.jail, hostile=False)


def load() -> list[Label]:
    """Every label kept, in order; of an address whose ban was lifted early nothing before that is left."""
    found: list[Label] = []
    for path in (file().with_name(f"{file().name}.1"), file()):
        if path.exists():
            found += [_label(line) for line in path.read_text("utf-8").splitlines() if line.endswith("}")]
    lifted = {(label.address, label.jail): label.at for label in found if not label.hostile}
    return [each for each in found if each.hostile and each.at > lifted.get((each.address, each.jail), -1.0)]


def _label(line: str) -> Label:
    label = Label(**json.loads(line))
    return replace(label, lines=tuple(label.lines))
