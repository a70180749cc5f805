"""fail2ban-ai: finds the campaigns that fail2ban's patterns and thresholds miss."""

__version__ = "0.1.0"
