"""Matches of an installed rule that an admin marked false: root's append-only log, and the lines behind them."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fail2ban_ai import addresses, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import strict
from fail2ban_ai.errors import DecisionError, Fail2banError, RuleError, SourceError, TargetError
from fail2ban_ai.rules import matching, negatives, states, store, suggestion
from fail2ban_ai.rules.site import Site
from fail2ban_ai.sources.lines import open_regular

TAIL = 64 << 20  # bytes of a log that are searched, from its end
LINES = 500  # lines of the address that are tried
KEPT = 50  # lines that become negative samples


@dataclass(frozen=True, slots=True)
class Mark:
    """One false match."""

    name: str
    address: str  # in normal form
    at: float  # seconds since the epoch
    by: str
    why: str


_KEYS = tuple(field.name for field in fields(Mark))


def mark(site: Site, name: str, address: str, why: str) -> tuple[Mark, int, bool]:
    """Mark what the rule did to an address as wrong: its ban by the rule ends, its lines become negative samples.

    Returns:
        The mark, how many lines were found, whether a ban was lifted.

    Raises:
        TargetError: no address.
        RuleError: the rule was never installed.
    """
    normal = addresses.normal(address)
    if normal is None:
        raise TargetError(f"{strict.clean(address, 60)!r} is not an IP address.")
    history = [entry for entry in states.history() if entry.name == name]
    if not any(entry.state in states.INSTALLED for entry in history):
        raise RuleError(f"{strict.clean(name, 60)} was never installed, so it matched nobody")
    found = Mark(name, normal, time.time(), states.whoami(), strict.clean(why, states.WHY_LIMIT))
    lines = _lines(site, name, normal)
    if lines:
        negatives.add(name, "marked", lines, found.why)
    decisions_log.append(_log(), strict.canonical(asdict(found)))
    lifted = False
    if history[-1].state in states.INSTALLED and name in (site.transaction.running() or ()):
        lifted = normal in site.client.banned(name) and site.client.unban(name, [normal]) > 0
    return found, len(lines), lifted


def marks() -> list[Mark]:
    """Every mark, oldest first."""
    if paths.read_trusted(_log(), limit=64 << 20) is None:
        return []
    return decisions_log.read_all(_log(), _from_line)


def _from_line(line: str) -> Mark:
    found = strict.load(line, _KEYS)
    address = strict.text(found, "address", 64)
    if addresses.normal(address) != address or suggestion.NAME.fullmatch(strict.text(found, "name", 64)) is None:
        raise DecisionError("expected the name of a rule and an address in normal form")
    return Mark(
        name=found["name"],
        address=address,
        at=strict.number(found, "at", strict.TIME_LIMIT),
        by=strict.text(found, "by", 64),
        why=strict.text(found, "why", states.WHY_LIMIT, empty=True),
    )


def _log() -> Path:
    return paths.rules() / "marks.jsonl"


def _lines(site: Site, name: str, address: str) -> list[str]:
    """Lines of the address that the rule matches, newest last."""
    folder = store.judged(name)
    jail = suggestion.read(folder).jail
    texts = [text for path in jail.logpaths for text in _of_address(path, address)][-LINES:]
    try:
        found = matching.matches(folder, texts, config=site.config, backend=jail.backend) if texts else []
    except Fail2banError:
        return []  # the mark counts without them
    return [text for text, match in zip(texts, found, strict=True) if match is not None][-KEPT:]


def _of_address(path: str, address: str) -> Iterator[str]:
    try:
        file = open_regular(path)
    except SourceError:
        return
    with file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        wanted = address.encode()
        for line in file:
            if wanted in line and len(line) <= suggestion.LINE_LIMIT:
                yield line.decode("utf-8", "replace").rstrip("\r\n")
