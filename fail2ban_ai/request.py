"""Ask for the bans that a run decided on: one line of the decisions log each. The enforcer runs the gate again."""

from collections.abc import Mapping

from fail2ban_ai import paths
from fail2ban_ai.decisions import to_line
from fail2ban_ai.decisions.log import append
from fail2ban_ai.findings import SEVERITIES, Verdict
from fail2ban_ai.pipeline import Asked
from fail2ban_ai.protection import decision_of


def ask(verdicts: list[Verdict], passed: Mapping[tuple[str, str], Asked], least: str = SEVERITIES[0]) -> int:
    """Append a decision for each ban among `verdicts` of at least this severity; how many were appended.

    `passed`: what `protection.Protection` let pass, by target and campaign.
    """
    allowed = SEVERITIES[SEVERITIES.index(least) :]
    lines = []
    for verdict in verdicts:
        asked = passed.get((verdict.target, verdict.campaign))
        if verdict.action == "ban" and asked is not None and asked.campaign.severity in allowed:
            lines.append(to_line(decision_of(asked, verdict.reason)))
    if lines:
        append(paths.decisions(), *lines)
    return len(lines)
