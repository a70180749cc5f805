"""Finds the company of an actor that is alone, by what the model says it does.

A botnet that shares out common paths or accounts has nothing rare in common. So whoever is alone goes to those that
the model takes for its company, if it shares anything with them at all. Campaigns are not joined so: what all scanners
do is alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from fail2ban_ai.campaigns.components import FOUND, Actor, Component
from fail2ban_ai.campaigns.postings import Postings, worded

LEAST = 0.7  # the score of an actor by itself from which it may have company
EACH = 16  # suspects of each item that are asked about, the last ones
APART = 2 * 86400.0  # seconds between what they did and what it did, at most


@dataclass(frozen=True, slots=True)
class Company:
    """One of those that an actor belongs to, and why, in words."""

    actor: str
    why: str


def company(actor: Actor, of: Mapping[str, Component], postings: Postings, least: float) -> Company | None:
    """Whom an actor that is alone belongs to; None where nobody is at least so likely (`least`, a probability)."""
    mine = of[actor.name]
    if len(mine.members) > 1 or actor.company is None or actor.score < LEAST or not actor.offended:
        return None
    found = None
    asked = {id(mine)}
    for item in actor.items:
        for name in islice(reversed(postings.of(item)), EACH):
            theirs = of[name]
            if id(theirs) in asked:
                continue
            asked.add(id(theirs))
            late = theirs.last < actor.first - APART
            alike = theirs.together.score(actor.company)
            if alike >= least and not late and theirs.top >= FOUND and theirs.services & mine.services:
                least = alike
                found = Company(
                    name, f"what they did is alike ({alike:.2f}, says the model), and they share {worded(item)}"
                )
    return found
