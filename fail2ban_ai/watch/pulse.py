"""What the watcher says about itself every few seconds, for `status` and for the journal."""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fail2ban_ai import paths
from fail2ban_ai.reports.digest import shown
from fail2ban_ai.sources.stats import SourceStats

EVERY = 2.0  # seconds


def say(sentence: str) -> None:
    """A line for the journal, hidden characters written out."""
    print(shown(sentence), file=sys.stderr, flush=True)


@dataclass(slots=True)
class Pulse:
    """Counts since the start; `unscored` and `uncounted` are what was left out over capacity."""

    lines: int = 0
    lag: float = 0.0
    level: int = 0
    unscored: int = 0
    uncounted: int = 0
    lost: int = 0  # events that the history lacks since the disk was full for long
    findings: int = 0
    asked: int = 0
    live: bool = False
    runtime: str = ""  # what runs the model
    trouble: dict[str, str] = field(default_factory=dict)  # topic -> sentence
    _told: tuple[float, int] = (0.0, 0)
    _rate: float = 0.0

    def tell(self, topic: str, sentence: str | None) -> None:
        """Say what is wrong, once; None: it is not any more."""
        if sentence is None:
            if self.trouble.pop(topic, None) is not None:
                say(f"over: {topic}")
        elif self.trouble.get(topic) != sentence:
            self.trouble[topic] = sentence
            say(sentence)

    def beat(self, stats: Sequence[SourceStats], queued: int, positions: dict[str, int | str]) -> None:
        """Write the heartbeat, if it is time. OSError when it cannot be written."""
        now = time.monotonic()
        since, lines = self._told
        if now - since < EVERY:
            return
        self._rate = (self.lines - lines) / (now - since) if since else 0.0
        self._told = now, self.lines
        told = {
            "at": time.time(),
            "pid": os.getpid(),
            "lines": self.lines,
            "lines_per_second": round(self._rate, 1),
            "lag_seconds": round(self.lag, 2),
            "queue_bytes": queued,
            "degraded": self.level > 0,
            "level": self.level,
            "unscored": self.unscored,
            "uncounted": self.uncounted,
            "lost": self.lost,
            "live": self.live,
            "runtime": self.runtime,
            "findings": self.findings,
            "asked": self.asked,
            "rss_bytes": rss(),
            "trouble": list(self.trouble.values()),
            "sources": [
                {
                    "source": each.source,
                    "service": each.service,
                    "format": each.format,
                    "read": each.read,
                    "understood": each.understood,
                    "position": positions.get(each.source),
                    "problem": each.problem,
                }
                for each in stats
            ],
        }
        paths.replace(paths.heartbeat(), json.dumps(told))


def rss() -> int:
    """Resident bytes of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a fixed path of the kernel's
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
