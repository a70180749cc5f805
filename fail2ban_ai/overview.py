"""What runs, what was found, what was decided: gathered for `status`, its JSON and its figures for Prometheus."""

import os
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fail2ban_ai import config, heartbeat, paths
from fail2ban_ai.config_model import Model
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.enforce import breaker, notices, trial
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import DecisionError, Fail2banAIError, ModelError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.model import weights
from fail2ban_ai.state import State
from fail2ban_ai.state import path as state_path

_DAY = 86400.0
_LOCK = re.compile(r"^\d+: FLOCK .* (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) ", re.MULTILINE)


@dataclass(slots=True)
class Watch:
    """The watcher: `state` is running, starting, silent or absent; the rest is its heartbeat's, where there is one."""

    state: str
    why: str = ""
    age: float | None = None  # seconds since the heartbeat
    lines: int = 0
    lines_per_second: float = 0.0
    lag_seconds: float = 0.0
    queue_bytes: int = 0
    degraded: bool = False
    findings: int = 0
    rss_bytes: int = 0


@dataclass(slots=True)
class Overview:
    """Counts by name; a text in `trouble` for each thing that could not be learnt."""

    mode: str = "observe"
    sensitivity: str = "normal"
    model: str = ""
    watch: Watch = field(default_factory=lambda: Watch("absent"))
    enforce: str = "absent"  # or running
    trial_ends: float | None = None  # seconds since the epoch: back to observe then, unless an admin confirms
    breaker: str = ""  # why it is open: nobody is banned until an admin closes it
    notices: list[dict[str, float | str]] = field(default_factory=list)  # of the last day, oldest first
    fail2ban: dict[str, int | None] = field(default_factory=dict)  # AI jail -> bans now; None: it does not run
    last_run: str = "never"  # of `analyze` on configured logs
    campaigns: dict[str, int] = field(default_factory=dict)  # by severity
    decisions: dict[str, int] = field(default_factory=dict)  # by action
    outcomes: dict[str, int] = field(default_factory=dict)  # by result
    sources: list[dict[str, int | str]] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


def gather(client: Client | None = None, now: float | None = None) -> Overview:
    """Everything as of now. ConfigError when the configuration or the state cannot be used."""
    settings = config.load()
    found = Overview(enforcer_settings.load().mode, settings.sensitivity)
    runtime = _watch(found, time.time() if now is None else now) or settings.model.runtime
    found.model = _model(settings.model, runtime, found.trouble)
    _enforcing(found, time.time() if now is None else now)
    found.enforce = "running" if _locked(paths.outcomes().with_name("enforce.lock")) else "absent"
    _fail2ban(found, client or Client())
    with owner_of(state_path().parent):
        state = State()
        run = state.last_run()
        found.last_run = "never" if run is None else _said(*run)
        found.campaigns = dict(Counter(c.severity for c in state.campaigns()))
        found.decisions = dict(Counter(d.action for d in state.decisions()))
    try:
        known = decisions_log.Reader(paths.outcomes(), decisions_outcomes.from_line)
        found.outcomes = dict(Counter(outcome.result for outcome in known.poll()))
    except (OSError, DecisionError) as error:
        found.trouble.append(f"The outcomes cannot be read: {error}")
    return found


def _watch(found: Overview, now: float) -> str:
    """Take in the heartbeat; the runtime that it names, "" where nobody is heard."""
    beat = heartbeat.read()
    holds = _locked(paths.heartbeat().with_name("watch.lock"))
    if isinstance(beat, str):
        found.watch = Watch("starting", "starts: it was not heard of yet") if holds else Watch("absent", beat)
        return ""
    age = beat.age(now)
    fresh = -heartbeat.FRESH <= age <= heartbeat.FRESH
    why = "" if fresh else f"last heard of {age:.0f} s ago; {'it starts, or is stuck' if holds else 'is it running?'}"
    found.watch = Watch(
        "running" if fresh else "starting" if holds else "silent",
        why,
        round(age, 1),
        *(beat.lines, beat.lines_per_second, beat.lag_seconds, beat.queue_bytes),
        *(beat.degraded, beat.findings, beat.rss_bytes),
    )
    found.sources = [
        {"source": s.source, "read": s.read, "understood": s.understood, "problem": s.problem or ""}
        for s in beat.sources
    ]
    found.trouble += beat.trouble if fresh else []
    return beat.runtime if fresh else ""


def _said(at: str, lines: int) -> str:
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M} UTC, {lines:,} lines"


def _enforcing(found: Overview, now: float) -> None:
    known = trial.state()
    if known is not None and known.open:
        found.trial_ends = known.ends
    open_ = breaker.tripped()
    found.breaker = "" if open_ is None else open_.why
    try:
        found.notices = [asdict(each) for each in notices.newest() if each.at > now - _DAY]
    except OSError as error:
        found.trouble.append(f"The notices cannot be read: {error}")


def _locked(path: Path) -> bool:
    """Whether a process holds the lock on this file. Trying it would take it from an enforcer that just starts."""
    try:
        inode = os.lstat(path).st_ino
        held = Path("/proc/locks").read_text()
    except OSError:
        return False
    return any(int(number) == inode for _, number in _LOCK.findall(held))


def _model(settings: Model, runtime: str, trouble: list[str]) -> str:
    try:
        return f"weights {weights.load(settings.weights).sha256[:12]}, runtime {runtime}"
    except ModelError as error:
        trouble.append(str(error))
        return ""


def _fail2ban(found: Overview, client: Client) -> None:
    try:
        running = client.jails()
        found.fail2ban = {jail: len(client.banned(jail)) if jail in running else None for jail in jails.JAILS}
    except Fail2banAIError as error:
        found.trouble.append(str(error))
