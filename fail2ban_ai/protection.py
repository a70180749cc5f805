"""The gate as the unprivileged side can ask it: rules that need no look at the host, in event time.

What it refuses is shown as refused and never asked of the enforcer, which runs the whole gate again on its own facts.
"""

from fail2ban_ai.decisions import Decision, Traffic, make
from fail2ban_ai.errors import DecisionError, TargetError
from fail2ban_ai.facts import Facts
from fail2ban_ai.gate import Gate, GateSettings
from fail2ban_ai.pipeline import Asked
from fail2ban_ai.redact import redact


class Protection:
    """Asks the gate about each target in the name of a decision made from it."""

    def __init__(self, login_days: int, facts: Facts | None = None) -> None:
        self.passed: dict[tuple[str, str], Asked] = {}  # by target and campaign
        self._gate = Gate(GateSettings(login_days=login_days), facts or Facts())

    def __call__(self, asked: Asked) -> str | None:
        """Why the target must not be banned, or None."""
        try:
            refusal = self._gate.check(decision_of(asked), asked.at)
        except (TargetError, DecisionError) as error:
            return str(error)
        # Without DNS nothing can be said about crawlers here: the enforcer asks it before any ban.
        if refusal is not None and refusal.code != "crawler-unverified":
            return refusal.sentence
        self.passed[asked.target, asked.campaign.id] = asked
        return None


def decision_of(asked: Asked, reason: str = "") -> Decision:
    """The decision that asks for the ban of a target.

    Raises:
        TargetError: the target is no address or network.
        DecisionError: the campaign holds what no decision may say.
    """
    campaign = asked.campaign
    member = campaign.members.get(asked.target)
    return make(
        asked.target,
        at=asked.at,
        reason=redact(reason),
        campaign=campaign.id,
        score=min(1.0, member.score if member else campaign.confidence),
        kind=campaign.kind,
        severity=campaign.severity,
        matches=[redact(e.text) for e in campaign.evidence],  # fail2ban shows and keeps them
        evidence_at=min(asked.at, member.last_seen if member else campaign.last_seen),
        members=[address for address in asked.logins if address != asked.target],
        known_logins={address: days for address, days in asked.logins.items() if days},
        traffic=Traffic(max(1, asked.clients), min(1.0, asked.share), asked.agents, asked.edges),
    )
