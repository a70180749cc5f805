"""The allow list: root's own file of addresses and networks that are never banned. Standard library only.

One JSON object a line: {"added": t, "expires": t|null, "note": "…", "target": "192.0.2.0/24"}, times in seconds since
the epoch. A line that cannot be read is a ConfigError with its number, and the gate then refuses everything: a
protection that cannot be read is not one that is not there.
"""

import re
from collections.abc import Callable
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.decisions import normal, spelled, strict, target_of
from fail2ban_ai.errors import ConfigError, DecisionError
from fail2ban_ai.facts import AllowEntry

NOTE_LIMIT = 200
_KEYS = ("added", "expires", "note", "target")
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(text: str) -> float:
    """Seconds of "30m", "12h", "30d" or "2w"; ValueError for anything else."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text, re.ASCII)
    if found is None:
        raise ValueError("expected a whole number and one of m, h, d, w, such as 30d")
    return float(int(found[1]) * _UNITS[found[2]])


def load(path: Path | None = None) -> list[AllowEntry]:
    """Every entry, expired ones too, as they were added; ConfigError when the file is not to be trusted or read."""
    path = path or paths.allow()
    text = paths.read_trusted(path)
    entries = []
    for number, line in enumerate((text or "").splitlines(), 1):
        try:
            entries.append(_entry(line))
        except DecisionError as error:
            raise ConfigError(f"{path}, line {number}: {error}") from None
    return entries


def _entry(line: str) -> AllowEntry:
    found = strict.load(line, _KEYS)
    network = target_of(strict.text(found, "target", 64))
    if network is None:
        raise DecisionError("target: expected an IP address or a network in CIDR form")
    return AllowEntry(
        network=network,
        added=strict.number(found, "added", strict.TIME_LIMIT),
        expires=None if found["expires"] is None else strict.number(found, "expires", strict.TIME_LIMIT),
        note=strict.text(found, "note", NOTE_LIMIT, empty=True),
    )


def add(target: str, now: float, expires: float | None = None, note: str = "") -> AllowEntry:
    """Add an entry, or replace the one for the same target. TargetError when `target` is no address or network."""
    network = target_of(normal(target))
    assert network is not None  # noqa: S101 - normal() has refused everything else
    entry = AllowEntry(network, now, expires, strict.clean(note, NOTE_LIMIT))
    _change(lambda entries: [*(each for each in entries if each.network != network), entry])
    return entry


def remove(target: str) -> bool:
    """Take the entry for exactly this target away; False when there is none. TargetError when it is no address."""
    network = target_of(normal(target))
    before: list[AllowEntry] = []

    def without(entries: list[AllowEntry]) -> list[AllowEntry]:
        before.extend(entries)
        return [each for each in entries if each.network != network]

    _change(without)
    return any(each.network == network for each in before)


def to_json(entry: AllowEntry) -> dict[str, object]:
    """The entry as it stands in the file."""
    return {"added": entry.added, "expires": entry.expires, "note": entry.note, "target": spelled(entry.network)}


def _change(how: Callable[[list[AllowEntry]], list[AllowEntry]]) -> None:
    path = paths.allow()
    # Two admins adding at once must not lose one's entry.
    with paths.locked(path.with_name("allow.lock")):
        entries = how(load(path))
        paths.replace(path, "".join(f"{strict.canonical(to_json(entry))}\n" for entry in entries))
