"""What the model can say: classes of attack for one text, kinds of campaign for one actor."""

from typing import Final

from fail2ban_ai.findings import CAMPAIGN_KINDS

ATTACKS: Final = ("benign", "sqli", "xss", "traversal", "rce", "secret", "webshell", "scan", "other")
"""Classes of one text. `secret`: files that should not be public; `scan`: log-in pages and admin panels looked for."""

ATTACK_SEEN: Final = 0.5
"""Probability from which the encoder's class of attack is taken for seen."""

KINDS: Final = (
    "benign",
    "slow_scan",
    "scan",
    "credential_stuffing",
    "brute_force",
    "injection",
    "exploit_probe",
    "scraping",
    "flood",
)
"""Kinds of one actor. `traffic_anomaly` and `compromise` are not properties of one actor and are found elsewhere."""

GROUPS: Final = ("web", "login", "mail")
"""Service groups: calibration and thresholds are fitted for each."""

_GROUP = {
    "web": "web",
    "dovecot": "mail",
    "postfix": "mail",
    "exim": "mail",
}

if not set(KINDS) - {"benign"} <= set(CAMPAIGN_KINDS):  # a typo here would surface only in a finding
    raise AssertionError("KINDS names a campaign kind that findings does not know")


def group_of(service: str) -> str:
    """The service group of a service; log-in services and those read through a jail's failregex are "login"."""
    return _GROUP.get(service, "login")
