"""What a check says."""

from dataclasses import dataclass

LEVELS = ("ok", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Result:
    """One finding of one check: a sentence, what to do about it, and where it applies."""

    check: str
    level: str  # of LEVELS
    sentence: str
    advice: str = ""
    file: str | None = None
    line: int | None = None


def not_checked(check: str) -> Result:
    """What a check says that needs a server which does not answer."""
    return Result(check, "info", "Not checked: fail2ban does not answer.")
