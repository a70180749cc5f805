"""A host with labels, as training reads it. Without Polars, which training does not need: see packed."""

from dataclasses import dataclass
from typing import Any

from fail2ban_ai.actors import Tokens


@dataclass(slots=True)
class Truth:
    """What is known of one actor."""

    hostile: bool
    kind: str | None = None  # of model.labels.KINDS; None when nobody said
    strong: bool = True  # told by outcome, honeypot or simulator, not by patterns in its requests
    campaign: str | None = None  # shared by those of one attacker; None when nobody said


@dataclass(slots=True)
class Host:
    """One host's tokens and what is known of its actors; actors that nobody labelled are in `tokens` only."""

    name: str
    tokens: Tokens
    truth: dict[str, Truth]
    real: bool = True
    days: float = 0.0
    events: Any = None  # Polars frame of every event: actor, time (s), failed, web, status; None where it was packed
    made_of: tuple[str, ...] = ()  # names of the hosts that an overlay holds parts of, see overlays.py
