"""Where log lines come from: files with rotation and .gz, and the journal."""

from fail2ban_ai.sources.files import LogReader
from fail2ban_ai.sources.stats import SourceStats

__all__ = ["LogReader", "SourceStats"]
