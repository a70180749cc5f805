"""The second reading of the logs: what the banned did, gathered by what it has in common, and what others did of that.

A unit is what several lines share: a path with its parameter names, an agent string, an account, a form of message.
Memory is bounded: units, rows of a unit and remembered deeds of benign actors have a limit each. Rows hold whole
requests and agents; a raw line is cut at 500 characters (events.SCHEMA) and read again where it is needed whole.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from fail2ban_ai.canonical import path_key
from fail2ban_ai.events import TEXT_LIMIT
from fail2ban_ai.rules.judged import Judged, actor

UNITS = 20_000
ROWS = 400  # of one unit
DEEDS = 1_000_000  # of benign actors
SAMPLE = 20_000  # distinct requests of benign actors
SOURCES = 2_000  # actors of one unit that are counted
QUIET = 6 * 3600.0  # seconds without a line that end a spell of activity

Key = tuple[str, str, str]  # kind, service, value
_DIGITS = re.compile(r"\d+")
_FAILED = ("login_failed", "invalid_user")
_COLUMNS = [
    "source",
    "line",
    "service",
    "kind",
    "address",
    "account",
    "method",
    "target",
    "status",
    "agent",
    "message",
    "text",
]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a banned actor. `time` in seconds since the epoch; `cut` where `text` is not the whole line."""

    time: float
    actor: str
    address: str
    source: str
    line: int
    kind: str
    account: str | None
    method: str | None
    target: str | None
    status: int | None
    agent: str | None
    message: str | None
    text: str

    @property
    def cut(self) -> bool:
        """Whether the line went on."""
        return len(self.text) >= TEXT_LIMIT


@dataclass(slots=True)
class Unit:
    """What lines of banned actors have in common."""

    key: Key
    lines: int = 0
    sources: set[str] = field(default_factory=set)
    campaigns: dict[str, int] = field(default_factory=dict)
    spells: int = 0
    last: float = float("-inf")
    rows: list[Row] = field(default_factory=list)
    step: int = 1  # every step-th line is kept

    def add(self, row: Row, campaign: str) -> None:
        """Take in a line; of many, every second, fourth, … is kept, so that they stay spread over time."""
        self.spells += row.time - self.last > QUIET
        self.last = max(self.last, row.time)
        self.campaigns[campaign] = self.campaigns.get(campaign, 0) + 1
        if len(self.sources) < SOURCES:
            self.sources.add(row.actor)
        if self.lines % self.step == 0:
            self.rows.append(row)
            if len(self.rows) > ROWS:
                self.rows = self.rows[::2]
                self.step *= 2
        self.lines += 1


@dataclass(slots=True)
class Material:
    """All units of a host, and what benign actors did."""

    units: dict[Key, Unit] = field(default_factory=dict)
    benign: dict[Key, int] = field(default_factory=dict)  # lines of benign actors with the same key
    logged_in: set[tuple[str, str]] = field(default_factory=set)  # service, account that somebody logged in to
    requests: dict[tuple[str, str], None] = field(default_factory=dict)  # method, target of benign actors
    campaigns: dict[str, int] = field(default_factory=dict)  # lines of each campaign's banned actors
    members: dict[str, set[str]] = field(default_factory=dict)  # banned actors of each campaign that were seen
    dropped: int = 0  # lines over the limits


def gather(frames: Iterable[pl.DataFrame], verdicts: Judged) -> Material:
    """Read event frames (events.SCHEMA, in order of time) once more, now knowing who was banned."""
    found = Material()
    for frame in frames:
        seconds = (frame["time"].dt.timestamp("us") / 1e6).to_list()
        for time, event in zip(seconds, frame.select(_COLUMNS).iter_rows(named=True), strict=True):
            who = actor(event["address"])
            if event["kind"] == "login_ok" and event["account"]:
                found.logged_in.add((event["service"], event["account"]))
            campaign = verdicts.campaign(who)
            if campaign is not None:
                _hostile(found, _row(time, who, event), event["service"], campaign)
            elif verdicts.of(who) == "benign":
                _benign(found, event)
    return found


def _row(time: float, who: str, event: dict[str, Any]) -> Row:
    names = (name for name in _COLUMNS if name != "service")
    return Row(time=time, actor=who, **{name: event[name] for name in names})


def _hostile(found: Material, row: Row, service: str, campaign: str) -> None:
    found.campaigns[campaign] = found.campaigns.get(campaign, 0) + 1
    found.members.setdefault(campaign, set()).add(row.actor)
    for key in keys(service, row.kind, row.method, row.target, row.agent, row.account, row.message):
        unit = found.units.get(key)
        if unit is None:
            if len(found.units) >= UNITS:
                found.dropped += 1
                continue
            unit = found.units[key] = Unit(key)
        unit.add(row, campaign)


def _benign(found: Material, event: dict[str, Any]) -> None:
    names = ("service", "kind", "method", "target", "agent", "account", "message")
    for key in keys(*(event[name] for name in names)):
        if key in found.benign or len(found.benign) < DEEDS:
            found.benign[key] = found.benign.get(key, 0) + 1
    if event["kind"] == "request" and event["target"] and len(found.requests) < SAMPLE:
        found.requests.setdefault((event["method"] or "", event["target"][:TEXT_LIMIT]))


def keys(  # noqa: PLR0917 - the columns of an event
    service: str,
    kind: str,
    method: str | None,
    target: str | None,
    agent: str | None,
    account: str | None,
    message: str | None,
) -> Iterator[Key]:
    """The units that an event belongs to."""
    if kind == "request":
        yield "paths", service, f"{method or ''} {path_key(target or '')}"
        if agent:
            yield "agent", service, _DIGITS.sub("0", agent)
        return
    if message and kind not in ("login_ok", "http_error", "ban", "unban"):
        if account and kind in _FAILED:
            yield "account", service, f"{message}\0{account}"
        yield "message", service, message
