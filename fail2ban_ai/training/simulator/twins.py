"""The campaigns one by one: each attack alone, its hard-negative twin alone, and the twin inside the attack.

Lines of the history and of the twin are the same bytes whether or not the attack is there.
"""

from datetime import UTC, datetime

from .cast import simulate
from .clock import DAY, HOUR
from .world import Part, Scenario, World

NAMES = ("low_and_slow", "stuffing_net", "stuffing_spread", "sqli", "scripted", "out_of_hours", "cross_service")
SERVICES = ("imap", "sshd", "web")
_DAYS = 9
_START = datetime(2026, 3, 7, tzinfo=UTC).timestamp()  # a Saturday, so the last day is a Sunday
_LAST = _START + (_DAYS - 1) * DAY


def attack(name: str, seed: int, service: str = "imap") -> World:
    """A campaign of NAMES after quiet days, without its twin; `service` (of SERVICES) is for the stuffing ones."""
    return _world(name, seed, service, twin=False, hostile=True)


def twin(name: str, inside: bool, seed: int, service: str = "imap") -> World:
    """The hard negatives of a campaign of NAMES: alone, or `inside` the attack. Raises KeyError for another name."""
    return _world(name, seed, service, twin=True, hostile=inside)


def _at(low: float, high: float) -> tuple[float, float]:
    return _LAST + low * HOUR, _LAST + high * HOUR


def _attack(name: str, service: str) -> tuple[Part, ...]:
    stuffing = {"n": 26, "user": "alice", "service": service, "most": 3 if service != "sshd" else 2}
    return {
        "low_and_slow": (Part("slow_scan", _at(0.5, 23.5), {"steps": 18}),),
        "stuffing_net": (Part("stuffing", _at(9, 15), {**stuffing, "spread": False}),),
        "stuffing_spread": (Part("stuffing", _at(9, 15), {**stuffing, "spread": True}),),
        "sqli": (Part("sqli", _at(12, 13), {"count": 16}),),
        "scripted": (
            Part("scripted", _at(11, 11.5), {"count": 50}),
            Part("scripted", _at(13, 13.5), {"count": 50, "faked": True}),
        ),
        "out_of_hours": (
            Part("surge", _at(3, 4), {"n": 6, "count": 250}),
            Part("surge", _at(3, 4), {"n": 2, "count": 60, "size": 30_000_000}),
        ),
        "cross_service": (Part("cross_service", _at(6, 14)),),
    }[name]


def _twin(name: str, service: str) -> tuple[Part, ...]:
    noon = _LAST + 12.2 * HOUR
    alice = {
        "imap": Part("mailbox_user", None, {"user": "alice", "at": noon}),
        "sshd": Part("sysadmins", None, {"n": 1, "per_day": 1.5, "user": "alice", "at": noon}),
        "web": Part("member", None, {"user": "alice", "per_day": 1.5, "at": noon}),
    }[service]
    office = {"service": "sshd"} if service == "sshd" else {}
    log_ins = (
        alice,
        Part("office", None, {"people": 9, **office}),
        Part("old_password", None, {"user": "alice"}),
        Part("old_password", None, {"period": 1200.0}),
        Part("roaming", None, {"user": "alice", "wrong": 0.2, **office}),
    )
    return {
        "low_and_slow": (
            Part("stale_bookmarks", _at(1, 20), {"n": 5}),
            Part("crawlers", _at(0, 24), {"n": 3, "per_day": 60.0}),
            Part("broken_clients", _at(0, 20), {"n": 2}),
        ),
        "stuffing_net": log_ins,
        "stuffing_spread": log_ins,
        "sqli": (
            Part(
                "searches",
                _at(11.5, 13.5),
                {
                    "n": 8,
                    "texts": (
                        "o'reilly",
                        "union select explained",
                        "погода москва",
                        "天気 東京",
                        '{"a":[1,2]}',
                        "l'été d'automne",
                    ),
                },
            ),
        ),
        "scripted": (
            Part("api_clients", None, {"n": 2, "runs_per_day": 3.0}),
            Part("monitors", None, {"n": 2, "period": 120.0}),
            Part("feed_readers", None, {"n": 4}),
        ),
        "out_of_hours": (
            Part("backup", None, {"weekday": 6, "hour": 3.0, "files": 40}),
            Part("newsletter", None, {"weekday": 6, "hour": 9.0, "readers": 50.0}),
        ),
        "cross_service": (
            alice,
            Part("lost_users", None, {"per_day": 2.0}),
            Part("lost_users", None, {"per_day": 2.0, "service": "sshd"}),
            Part("stale_bookmarks", _at(4, 16), {"n": 3}),
        ),
    }[name]


def _world(name: str, seed: int, service: str, twin: bool, hostile: bool) -> World:
    history = (
        Part("cron"),
        Part("visitors", None, {"per_day": 60.0}),
        Part("regulars", None, {"n": 5, "per_day": 0.8}),
        Part("crawlers", None, {"n": 3, "per_day": 30.0}),
        Part("monitors", None, {"n": 1, "period": 600.0}),
        Part("feed_readers", None, {"n": 2}),
        Part("mail_clients", None, {"n": 5, "period": 3600.0}),
        Part("sysadmins", None, {"n": 2, "per_day": 1.0}),
        Part("member", None, {"user": "alice", "per_day": 1.0}),
    )
    cast = history + _twin(name, service) * twin + _attack(name, service) * hostile
    site = "shop" if name == "sqli" else "blog"
    days = _DAYS + 28 * (name == "out_of_hours")  # hours of the week need weeks to be compared with
    scenario = Scenario(
        name=f"{name}-{service}",
        start=_LAST + DAY - days * DAY,
        days=days,
        site=site,
        cast=cast,
        accounts=14,
        account="alice",
    )
    return simulate(seed, scenario)
