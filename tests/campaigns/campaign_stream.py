"""Hand-made streams for the linker: events of all traffic, of which some are sightings."""

from dataclasses import dataclass
from typing import Any

from fail2ban_ai.campaigns import Linker
from fail2ban_ai.caps import Caps
from fail2ban_ai.findings import Campaign, Evidence, Sighting

HOUR = 3600.0
DAY = 86400.0
SUSPECTS = Caps().suspects
ALIKE = 0.6  # as in the card of the shipped weights, more or less
MONDAY = 1_767_571_200.0  # 2026-01-05 00:00 UTC


class Traffic:
    """Counts distinct actors per item over all traffic, as the pipeline will."""

    def __init__(self) -> None:
        self.touched: dict[tuple[str, str], set[str]] = {}
        self.seen: set[str] = set()

    def count(self, actor: str, *items: tuple[str, str]) -> None:
        self.seen.add(actor)
        for item in items:
            self.touched.setdefault(item, set()).add(actor)

    def df(self, kind: str, value: str) -> int:
        return len(self.touched.get((kind, value), ()))

    def actors(self) -> int:
        return len(self.seen)


@dataclass(frozen=True)
class Success:
    time: float
    actor: str
    account: str
    service: str = "dovecot"


Event = Sighting | Success


def web(time: float, actor: str, path: str, *, score: float = 0.6, intent: str = "scan", **more: Any) -> Sighting:
    return _sighting(
        time, actor, "web", "request", score, intent=intent, path=path, **({"status": 404, "method": "GET"} | more)
    )


def failed(time: float, actor: str, account: str, *, service: str = "dovecot", score: float = 0.1) -> Sighting:
    return _sighting(time, actor, service, "login_failed", score, intent="benign", account=account)


def _sighting(time: float, actor: str, service: str, kind: str, score: float, *, intent: str, **more: Any) -> Sighting:
    values: dict[str, Any] = {
        "account": None,
        "path": None,
        "agent": None,
        "method": None,
        "status": None,
        "attack": None,
    }
    values |= more
    text = f"{actor} {values['account'] or values['path']}"
    evidence = Evidence(f"{service}.log", int(time) % 100_000, text, time)
    return Sighting(time, actor, actor, service, kind, score, intent, evidence=evidence, **values)


def population(size: int, *popular: tuple[str, str]) -> Traffic:
    """Traffic of so many ordinary actors; each popular item was touched by every fifth of them."""
    traffic = Traffic()
    for i in range(size):
        traffic.count(f"visitor-{i}", *(popular if i % 5 == 0 else ()))
    return traffic


def feed(linker: Linker, traffic: Traffic, event: Event) -> None:
    traffic.count(event.actor)
    linker.seen(event.time, event.actor)
    if isinstance(event, Success):
        linker.success(event.time, event.actor, event.account, event.service)
        return
    for kind, value in (("account", event.account), ("path", event.path), ("agent", event.agent)):
        if value:
            traffic.count(event.actor, (kind, value.casefold() if kind == "account" else value))
    linker.add(event)


def run(events: list[Event], traffic: Traffic | None = None, after: float = HOUR) -> list[Campaign]:
    """Every campaign once the stream is over, and some time went by."""
    linker = Linker(traffic := traffic or population(2000), SUSPECTS, ALIKE)
    ordered = sorted(events, key=lambda e: e.time)
    for event in ordered:
        feed(linker, traffic, event)
    linker.tick(ordered[-1].time + after)
    return linker.campaigns()
