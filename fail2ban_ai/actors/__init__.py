"""Timelines and context per actor: what the model is told about each event, knowing only what came before it.

`timelines.Timelines.update(frame)` takes event frames in order of time, in chunks of any size, and gives back `Tokens`:
one row for each event that says something new about its actor. Ordinary traffic (a page many networks fetch with
success) is thinned to the 1st, 2nd, 4th, 8th … such event of an actor, so that padding with harmless requests hides
nothing and a busy visitor costs little.
"""

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.actors.tokens import Tokens

__all__ = ["NUMERIC", "Tokens"]
