"""The circuit breaker: too much asked for, or bans of addresses that look like somebody's, and no ban is made any more.

Budgets (gate_rules.budget) only delay. When it looks as if the watcher had gone wrong, `trip` opens the breaker: from
then on everything is judged as in observe, over restarts too, until an admin looks and says `fail2ban-ai enforce
--reset`. What it judges by is in root's own outcomes, so a restart forgets nothing. Standard library only.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fail2ban_ai import paths
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce import notices
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.gate.rules import HOUR

DOUBTFUL = "doubtful: "  # begins the reason of a ban of an address that somebody has logged in from


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """How much within an hour opens it."""

    asked_per_hour: int = 400  # bans carried out, or held back by a budget
    doubtful_per_hour: int = 5  # bans of addresses with a log-in before the attack, and bans that an admin lifted


@dataclass(frozen=True, slots=True)
class Tripped:
    """When it opened, and why."""

    at: float  # seconds since the epoch
    why: str


def tripped() -> Tripped | None:
    """Whether it is open. A file that cannot be trusted or understood counts as open: ConfigError is not raised."""
    try:
        text = paths.read_trusted(paths.breaker())
        return None if text is None else Tripped(**json.loads(text))
    except (ConfigError, ValueError, TypeError):
        return Tripped(0.0, f"{paths.breaker()} cannot be understood")


def judge(outcomes: Iterable[Outcome], settings: BreakerSettings, now: float) -> str | None:
    """Why the breaker must open, or None; only outcomes of the last hour, and after the last reset, are to be given."""
    asked: set[str] = set()
    doubtful: set[str] = set()
    for outcome in outcomes:
        if not 0 <= now - outcome.at < HOUR:
            continue
        if outcome.result in ("banned", "limited") or outcome.reason.startswith("budget-"):
            asked.add(outcome.id)
        if outcome.result == "unbanned" or (outcome.result == "banned" and outcome.reason.startswith(DOUBTFUL)):
            doubtful.add(outcome.id)
    if len(asked) >= settings.asked_per_hour:
        return f"{len(asked)} bans were asked for within an hour, {settings.asked_per_hour} open the circuit breaker"
    if len(doubtful) >= settings.doubtful_per_hour:
        return (
            f"{len(doubtful)} bans within an hour hit addresses that somebody had logged in from, or were lifted by an "
            f"admin; {settings.doubtful_per_hour} open the circuit breaker"
        )
    return None


def trip(why: str, now: float) -> Tripped:
    """Open it and say so; it stays open over restarts."""
    made = Tripped(now, why)
    paths.replace(paths.breaker(), json.dumps(asdict(made)) + "\n")
    notices.say(
        "breaker",
        f"{why}: nothing is banned any more, decisions are only judged. Look at `fail2ban-ai status`, then "
        "`fail2ban-ai enforce --reset`.",
        now,
    )
    return made


def reset(now: float) -> bool:
    """Close it, on an admin's word; whether it was open. What happened before is not counted again."""
    if tripped() is None:
        return False
    notices.say("breaker", "The circuit breaker was closed by an admin.", now)
    paths.replace(paths.breaker().with_name("breaker.reset"), f"{now}\n")
    paths.breaker().unlink(missing_ok=True)
    return True


def since() -> float:
    """The time of the last reset, in seconds since the epoch; 0 without one."""
    try:
        return float(paths.read_trusted(paths.breaker().with_name("breaker.reset")) or 0)
    except (ConfigError, ValueError):
        return 0.0
