"""The demo's host: four weeks and a Sunday of a small site with mail and ssh, the five campaigns in that Sunday.

The weeks are thinned: the traffic of a small site, so few enough lines to analyse in seconds, at the same rate on all
days, so that each hour of the week has four comparable ones before it.
"""

from datetime import UTC, date, datetime, timedelta

from .cast import simulate
from .clock import HOUR
from .world import Part, Progress, Scenario, World

SEED = 4
SUNDAY = date(2026, 3, 15)
DAYS = 29
SQL_SEARCHES = ("o'reilly", "union select explained", "погода москва", "天気 東京", "it's -- really", 'the "best" of')


def demo_world(seed: int = SEED, sunday: date = SUNDAY, progress: Progress | None = None) -> World:
    """About 150,000 lines that end with `sunday`; raises ValueError when that day is no Sunday.

    In the last day: a slow scan, credential stuffing from one /24 (IMAP) and from unrelated networks (sshd, WordPress),
    SQL injection probing, two scripted clients, traffic at 03:00, one actor across services, a compromise, and for
    contrast the loud attackers that stock fail2ban bans; beside them every hard-negative twin.
    """
    if sunday.weekday() != 6:
        raise ValueError(f"{sunday} is not a Sunday")
    end = datetime(sunday.year, sunday.month, sunday.day, tzinfo=UTC) + timedelta(days=1)
    start = end - timedelta(days=DAYS)
    last = end.timestamp() - 24 * HOUR

    def at(low: float, high: float) -> tuple[float, float]:
        return last + low * HOUR, last + high * HOUR

    benign = (
        Part("cron"),
        Part("visitors", None, {"per_day": 180.0}),
        Part("newsletter", None, {"readers": 25.0}),
        Part("regulars", None, {"n": 7, "per_day": 0.7, "mistype": 0.15}),
        Part("member", None, {"user": "alice", "at": last + 15.2 * HOUR}),
        Part("stale_bookmarks", None, {"n": 60}),
        Part("stale_bookmarks", at(8, 20), {"n": 4}),
        Part("searches", None, {"n": 90}),
        Part("searches", at(9, 21), {"n": 8, "texts": SQL_SEARCHES}),
        Part("crawlers", None, {"n": 7, "per_day": 60.0}),
        Part("previews", None, {"per_day": 12.0}),
        Part("monitors", None, {"n": 1, "period": 600.0}),
        Part("feed_readers", None, {"n": 3}),
        Part("broken_clients", None, {"n": 3}),
        Part("api_clients", None, {"n": 2, "runs_per_day": 2.5}),
        Part("admin_scripts", None, {"per_day": 0.5}),
        Part("backup", None, {"weekday": 6, "hour": 2.0, "files": 30}),
        Part("mail_clients", None, {"n": 7, "period": 2700.0}),
        Part("mailbox_user", None, {"user": "alice", "per_day": 3.0, "at": last + 11.4 * HOUR}),
        Part("old_password", None, {"period": 1800.0}),
        Part("office", None, {"people": 9, "per_day": 1.2}),
        Part("roaming", None, {"per_day": 3.0}),
        Part("lost_users", None, {"per_day": 0.6}),
        Part("lost_users", None, {"per_day": 0.4, "service": "sshd"}),
        Part("sysadmins", None, {"n": 2, "per_day": 1.0}),
        Part("sysadmins", None, {"n": 1, "per_day": 1.0, "user": "alice", "at": last + 13.1 * HOUR}),
        Part("deploy_keys", None, {"per_day": 4.0}),
        Part("senders", None, {"per_day": 10.0}),
    )
    hostile = (
        Part("slow_scan", at(1, 23), {"steps": 16}),
        Part("stuffing", at(9, 14), {"n": 24, "user": "alice", "spread": False}),
        Part("stuffing", at(10, 20), {"n": 22, "user": "alice", "service": "sshd", "most": 2}),
        Part("stuffing", at(12, 18), {"n": 26, "user": "alice", "service": "web"}),
        Part("sqli", at(16, 17), {"count": 14}),
        Part("scripted", at(17, 17.5), {"count": 50}),
        Part("scripted", at(18, 18.5), {"count": 50, "faked": True}),
        Part("surge", at(3, 4), {"n": 6, "count": 350}),
        Part("cross_service", at(4, 9)),
        Part("compromise", at(19, 22), {"service": "sshd"}),
        Part("brute_force", at(5, 6), {"gap": 4.0, "count": 40}),
        Part("brute_force", at(21, 22), {"gap": 5.0, "count": 30, "service": "imap"}),
        Part("fast_scan", at(7, 8)),
        Part("exploit", at(2, 22)),
        Part("exploit", at(2, 22)),
    )
    scenario = Scenario(
        name="demo",
        start=start.timestamp(),
        days=DAYS,
        site="blog",
        cast=benign + hostile,
        accounts=14,
        account="alice",
        busy=8.0,
    )
    return simulate(seed, scenario, progress)
