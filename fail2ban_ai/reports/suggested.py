"""The rule suggestions that lie ready for review, as a report shows them."""

from pathlib import Path

from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import suggestion
from fail2ban_ai.rules.suggestion import Suggestion

SHOWN = 20  # of all


def read(folder: Path) -> list[Suggestion]:
    """The suggestions in `folder`, by name; none where it is missing, and none of what is no suggestion."""
    found = []
    for each in sorted(folder.glob("ai-*")):
        try:
            found.append(suggestion.read(each))
        except (RuleError, OSError):
            continue  # `review` says what is wrong with it
    return found
