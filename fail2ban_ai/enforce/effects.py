"""What is done about a decision at most, and small questions of time. Pure; standard library only."""

from collections.abc import Mapping

from fail2ban_ai.decisions import Decision
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce.settings import EFFECTS

OLDEST = (
    40 * 86400.0
)  # seconds; older decisions are never carried out, even where bans are for ever, nor those so far ahead
_AT_MOST = {"ban": "block", "limit": "limit", "alert": "alert"}


def effect_of(decision: Decision, severity: Mapping[str, str]) -> str:
    """The weaker one of what the decision asks for and of what the settings allow for its severity, of EFFECTS."""
    asked, allowed = _AT_MOST.get(decision.action, "alert"), severity.get(decision.severity, "block")
    return min(asked, allowed, key=EFFECTS.index)


def lasting(bantime: float) -> float:
    """For how many seconds a decision may be carried out: as long as the ban it asks for would last."""
    return OLDEST if bantime < 0 else min(bantime, OLDEST)


def retry_is_due(failed_at: float, now: float, after: float) -> bool:
    """Whether `after` seconds have passed; at once when the clock was set back."""
    return not 0 <= now - failed_at < after


def banned_since(known: dict[str, float], outcome: Outcome) -> None:
    """Note in `known` (target: time) what an outcome says about a ban."""
    if outcome.result in ("banned", "limited"):
        known[outcome.target] = outcome.at
    elif outcome.result == "unbanned":
        known.pop(outcome.target, None)
