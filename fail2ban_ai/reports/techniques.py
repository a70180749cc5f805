"""Names of the techniques of MITRE ATT&CK that findings carry, and the tactic each is filed under here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique or sub-technique of https://attack.mitre.org/, version 15."""

    name: str
    tactic: str  # id
    tactic_name: str


_RECONNAISSANCE = ("TA0043", "Reconnaissance")
_ACCESS = ("TA0001", "Initial Access")
_CREDENTIALS = ("TA0006", "Credential Access")
_IMPACT = ("TA0040", "Impact")

TECHNIQUES = {
    "T1078": Technique("Valid Accounts", *_ACCESS),
    "T1110.001": Technique("Brute Force: Password Guessing", *_CREDENTIALS),
    "T1110.003": Technique("Brute Force: Password Spraying", *_CREDENTIALS),
    "T1110.004": Technique("Brute Force: Credential Stuffing", *_CREDENTIALS),
    "T1190": Technique("Exploit Public-Facing Application", *_ACCESS),
    "T1499.002": Technique("Endpoint Denial of Service: Service Exhaustion Flood", *_IMPACT),
    "T1594": Technique("Search Victim-Owned Websites", *_RECONNAISSANCE),
    "T1595.002": Technique("Active Scanning: Vulnerability Scanning", *_RECONNAISSANCE),
    "T1595.003": Technique("Active Scanning: Wordlist Scanning", *_RECONNAISSANCE),
}


def address(technique: str) -> str:
    """The page of a technique: "T1110.004" stands at /techniques/T1110/004/."""
    return f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
