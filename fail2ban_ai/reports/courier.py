"""Delivery beside a run that goes on: in a thread of its own, since a service that does not answer takes seconds."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fail2ban_ai.config import Settings
from fail2ban_ai.reports.deliver import Delivery
from fail2ban_ai.reports.schema import Campaign, Report

RECENT = timedelta(days=1)  # what happened longer ago is history, no news
WAITING = 1000  # campaigns that wait to be delivered
AGAIN = 60.0  # seconds until what failed is tried again, and between two looks at the enforcer's notices


class Courier:
    """Takes reports of what changed; one delivery runs at a time, and what it could not deliver waits for the next."""

    def __init__(self, settings: Settings, tell: Callable[[str | None], None]) -> None:
        """`tell` gets what went wrong with the last delivery, or None; it is called by `hand`."""
        self._delivery = Delivery(settings)
        self._tell = tell
        self._waiting: dict[str, Campaign] = {}
        self._report: Report | None = None  # the last one, for all but its campaigns
        self._thread: threading.Thread | None = None
        self._outcome: tuple[list[str], list[Campaign]] | None = None
        self._failed = False
        self._tried = float("-inf")

    def hand(self, report: Report | None) -> None:
        """Take a report, or None where nothing changed; start what is to be delivered unless a delivery runs."""
        if not self._delivery.wanted:
            return
        if report is not None:
            self._take(report)
        if self._thread is not None and self._thread.is_alive():
            return
        self._settle()
        due = time.monotonic() - self._tried >= AGAIN
        if due or (self._waiting and not self._failed):
            self._tried = time.monotonic()
            self._thread = threading.Thread(target=self._deliver, args=(list(self._waiting.values()),), daemon=True)
            self._thread.start()

    def _take(self, report: Report) -> None:
        since = datetime.now(UTC) - RECENT
        self._waiting |= {c.id: c for c in report.campaigns if c.last_seen >= since}
        while len(self._waiting) > WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._report = report.model_copy(update={"campaigns": []})

    def _deliver(self, campaigns: list[Campaign]) -> None:
        problems = self._delivery.notices()
        if self._report is not None and campaigns:
            problems += self._delivery.deliver(self._report.model_copy(update={"campaigns": campaigns}))
        self._outcome = problems, campaigns

    def _settle(self) -> None:
        """Take in how the last delivery went."""
        if self._outcome is None:
            return
        problems, campaigns = self._outcome
        self._outcome, self._failed = None, bool(problems)
        self._tell("; ".join(problems) or None)
        for campaign in campaigns if not problems else ():
            if self._waiting.get(campaign.id) is campaign:  # else it changed meanwhile
                del self._waiting[campaign.id]
