"""Sends what is new in a report to people and to a SIEM. Nothing here ever stops a run: what failed is returned.

    delivery = Delivery(settings)
    for problem in delivery.deliver(report) + delivery.notices(): …

A service that does not answer takes seconds; a run that goes on leaves it to courier.Courier.
"""

import socket
from collections.abc import Callable
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.config import Settings
from fail2ban_ai.decisions.log import Reader
from fail2ban_ai.enforce import notices
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports import cef, ecs, notify, syslog
from fail2ban_ai.reports.alerts import Alert, alerts
from fail2ban_ai.reports.news import Memory, News
from fail2ban_ai.reports.schema import Report


def memories() -> Path:
    """The folder of what was told, a file for each receiver, beside the watcher's other files."""
    return paths.decisions().with_name("delivered")


class Delivery:
    """Delivers reports one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._notify = settings.notify
        self._people = bool(settings.notify.urls or settings.notify.urls_file)
        self._siem = settings.siem
        self._host = socket.gethostname()
        self._memories = {name: Memory(memories() / f"{name}.json") for name in ("notify", "ecs", "syslog")}

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told anything."""
        return self._people or self._siem.ecs_file is not None or self._siem.syslog is not None

    def notices(self) -> list[str]:
        """Send people what the enforcer has to say since the last time; returns what `deliver` returns."""
        return _guarded("notify", self._notices) if self._people else []

    def deliver(self, report: Report) -> list[str]:
        """Send what is new; returns a sentence, without any secret, for each thing that went wrong.

        Each receiver has a memory of its own. What it did not take is tried again with the next report; a notification
        counts as sent when one service took it.
        """
        problems: list[str] = []
        if self._people:
            problems += _guarded("notify", lambda: self._to_people(report))
        if self._siem.ecs_file:
            file = self._siem.ecs_file
            problems += _guarded(str(file), lambda: self._to_siem(report, "ecs", self._to_file))
        if self._siem.syslog:
            problems += _guarded(self._siem.syslog, lambda: self._to_siem(report, "syslog", self._to_syslog))
        return problems

    def _to_people(self, report: Report) -> list[str]:
        memory = self._memories["notify"]
        memory.load()
        waiting = notify.messages(memory.news(report), self._notify, report.mode, self._host)
        if not waiting:
            return []
        urls = notify.urls_of(self._notify)
        if not urls:
            return [f"{self._notify.urls_file} holds no URL, so nobody was notified"]
        problems: list[str] = []
        done: list[News] = []
        for message in waiting:
            sent, wrong = notify.send(urls, message)
            problems += wrong
            if not sent:  # the others would wait for the same time-outs
                break
            done += message.about
        return problems + _remember(memory, done)

    def _notices(self) -> list[str]:
        with owner_of(memories().parent):
            reader = Reader(paths.notices(), notices.from_line, memories() / "notices.json")
            found = list(reader.poll())
        if not found:
            return []
        sent, problems = notify.send(notify.urls_of(self._notify), notify.of_notices(found, self._host))
        if sent:
            with owner_of(memories().parent):
                reader.commit()
        return problems

    def _to_siem(self, report: Report, name: str, send: Callable[[list[Alert]], None]) -> list[str]:
        memory = self._memories[name]
        memory.load()
        least = SEVERITIES.index(self._siem.severity)
        found = [n for n in memory.news(report) if SEVERITIES.index(n.campaign.severity) >= least]
        made = [alert for news in found for alert in alerts(news, report.mode)]
        if made:
            send(made)
        return _remember(memory, found)

    def _to_file(self, made: list[Alert]) -> None:
        if self._siem.ecs_file is not None:
            ecs.append(self._siem.ecs_file, made, self._host)

    def _to_syslog(self, made: list[Alert]) -> None:
        if self._siem.syslog is not None:
            lines = [(alert.campaign.severity, cef.line(alert, self._host)) for alert in made]
            syslog.send(self._siem.syslog, lines, self._host)


def _remember(memory: Memory, done: list[News]) -> list[str]:
    for news in done:
        memory.note(news)
    if done:
        try:
            memory.save()
        except OSError as error:
            return [f"{memory.file} cannot be written, so this may be told again: {error.strerror or error}"]
    return []


def _guarded(what: str, step: Callable[[], list[str]]) -> list[str]:
    try:
        return step()
    except OSError as error:
        return [f"{what} was not reached: {error.strerror or type(error).__name__}"]
    except Exception as error:  # whatever it is, it stops no run; its text may hold a secret
        return [f"{what} was not reached: {type(error).__name__}"]
