"""What to call a campaign, how bad it is, how sure that is, and which techniques of MITRE ATT&CK it used."""

import math

from fail2ban_ai.campaigns.components import Component
from fail2ban_ai.findings import CAMPAIGN_KINDS, Campaign

SLOW_PEAK = 5  # events in any ten minutes of any member that still pass for slow: fail2ban's default maxretry
SLOW_LENGTH = 3600.0  # and seconds that it lasted at least
SLOW_EVENTS = 3
MANY_ADDRESSES = 5  # addresses guessing together that are more than one attacker's few
INJECTIONS = frozenset({"sqli", "xss", "rce"})  # classes of attack (model.labels.ATTACKS) that feed code to the site
EXPLOITS = frozenset({"traversal", "webshell"})  # and that go for a known hole; the others are what a scan asks for
ATTACK_WEIGHT = 3  # an attack in a request says more about the purpose than a harmless probe
CERTAIN = 0.99

# https://attack.mitre.org/, version 15. Guessing from many addresses is filed under stuffing (.004) since the logs do
# not show passwords; trying many accounts a few times each is spraying (.003). A web application's own content searched
# is T1594. Floods seen in application logs exhaust the endpoint (T1499.002), not the network (T1498). An anomaly of
# traffic alone is no technique.
_TECHNIQUES: dict[str, tuple[str, ...]] = {
    "slow_scan": ("T1595.003",),  # Active Scanning: Wordlist Scanning
    "scan": ("T1595.003",),
    "credential_stuffing": ("T1110.004",),  # Brute Force: Credential Stuffing
    "brute_force": ("T1110.001",),  # Brute Force: Password Guessing
    "injection": ("T1190",),  # Exploit Public-Facing Application
    "exploit_probe": ("T1595.002", "T1190"),  # Active Scanning: Vulnerability Scanning
    "scraping": ("T1594",),  # Search Victim-Owned Websites
    "flood": ("T1499.002",),  # Endpoint Denial of Service: Service Exhaustion Flood
    "traffic_anomaly": (),
    "compromise": ("T1078",),  # Valid Accounts; how they were got is added
}
_SPRAYING = "T1110.003"  # Brute Force: Password Spraying
_SPRAYED = 5  # accounts among the targets that make guessing a spraying


def kind(component: Component) -> str:
    """One of findings.CAMPAIGN_KINDS."""
    if component.breached:
        return "compromise"
    votes = {
        k: float(n) for k, n in component.intents.items() if k in CAMPAIGN_KINDS and k != "compromise"
    }  # that takes a success
    for name, classes in (("injection", INJECTIONS), ("exploit_probe", EXPLOITS)):
        votes[name] = votes.get(name, 0.0) + ATTACK_WEIGHT * sum(component.attacks[c] for c in classes)
    guesses = votes.pop("credential_stuffing", 0.0) + votes.pop("brute_force", 0.0)
    guesses = max(guesses, float(component.failures))
    scans = votes.pop("scan", 0.0) + votes.pop("slow_scan", 0.0)
    votes |= {"guessing": guesses, "scan": scans}
    best = max(votes, key=lambda k: (votes[k], k))
    if best == "guessing" and guesses:
        many = bool(component.waves) or len(component.members) >= MANY_ADDRESSES
        return "credential_stuffing" if many else "brute_force"
    if best in ("scan", "guessing"):
        return "slow_scan" if _is_slow(component) else "scan"
    return best


def _is_slow(component: Component) -> bool:
    long = component.last - component.first >= SLOW_LENGTH
    return component.peak <= SLOW_PEAK and long and component.events >= SLOW_EVENTS


def severity(component: Component, name: str) -> str:
    """critical: someone got in. high: likely harm. medium: an attack under way. low: a nuisance."""
    if name == "compromise":
        return "critical"
    attacks = sum(component.attacks[c] for c in INJECTIONS | EXPLOITS)
    if component.broke or name == "flood" or (name in ("injection", "exploit_probe") and attacks >= 10):
        return "high"
    if name == "credential_stuffing" and (component.waves or component.failures >= 100):
        return "high"
    if name == "scraping" or (name == "scan" and component.events < 10 and not attacks):
        return "low"
    return "medium"


def confidence(component: Component) -> float:
    """How sure it is that this is hostile: the surest member, or the members together, 0..1.

    Scores of linked actors are not independent, so their joint evidence counts half.
    """
    return round(min(CERTAIN, max(component.top, 1.0 - math.exp(component.doubt / 2))), 4)


def techniques(campaign: Campaign) -> list[str]:
    """Techniques of MITRE ATT&CK, sorted, by kind and by what else was seen."""
    found = set(_TECHNIQUES[campaign.kind])
    guessing = campaign.kind in ("credential_stuffing", "brute_force")
    accounts = [t for t in campaign.targets if not t.startswith("/")]
    if campaign.kind == "compromise":
        many = len(campaign.members) >= MANY_ADDRESSES
        found |= set(_TECHNIQUES["credential_stuffing" if many else "brute_force"])
    if guessing and len(accounts) >= _SPRAYED:
        found.add(_SPRAYING)
    if campaign.attacks & (INJECTIONS | EXPLOITS):
        found |= set(_TECHNIQUES["injection"])
    return sorted(found)
