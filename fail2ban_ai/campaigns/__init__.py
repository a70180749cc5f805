"""Linking actors, log-in waves, traffic baselines, naming what was found."""

from fail2ban_ai.campaigns.baselines import TrafficBaselines
from fail2ban_ai.campaigns.linking import Linker

__all__ = ["Linker", "TrafficBaselines"]
