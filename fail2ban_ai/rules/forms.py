"""What synthesis yields: regexes, each with lines that it matches, made from its own pieces and so anonymous."""

from dataclasses import dataclass

ADDRESS = "192.0.2.1"  # of the attacker in samples, RFC 5737
VICTIM = "192.0.2.66"  # of the one that an injected line would get banned
WEB_DATE = "14/Jun/2005:11:00:00 +0200"  # fail2ban's tests run in Zurich, and stop their clock in 2005
SYSLOG_DATE = "Jun 14 11:00:00"
SAMPLE_TIME = "2005-06-14T11:00:00"
HOST = "host"


@dataclass(frozen=True, slots=True)
class Sample:
    """A line and whether a filter must match it; then with ADDRESS, at SAMPLE_TIME, and the account in `user`."""

    line: str
    match: bool
    note: str = ""
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A failregex (% not doubled), lines that it matches, and lines with an injected address that it must not take."""

    regex: str
    positives: tuple[Sample, ...]
    negatives: tuple[Sample, ...]
