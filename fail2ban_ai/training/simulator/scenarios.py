"""Mixed random hosts for training: a random subset of services, of actors and of base rates, on a site of its own."""

from datetime import UTC, datetime
from random import Random

from .cast import simulate
from .clock import DAY, HOUR, log_between
from .layouts import KINDS
from .stage import stream
from .world import Part, Scenario, World

_SERVICES = (
    ("web",),
    ("web",),
    ("web", "ssh"),
    ("web", "ssh", "mail"),
    ("ssh",),
    ("mail", "ssh"),
    ("web", "ftp", "ssh"),
)


class _Casting:
    """Draws a cast: parts for the whole span, and numbers of parts with windows of their own."""

    def __init__(self, rng: Random, start: float, end: float, size: float) -> None:
        self.rng, self.size = rng, size
        self._start, self._end = start, end
        self.weekday = int((start // DAY + 4) % 7)  # of the second day
        self.parts: list[Part] = []

    def between(self, low: float, high: float) -> int:
        return int(log_between(self.rng, low, high))

    def add(self, role: str, chance: float = 1.0, **settings: object) -> None:
        """With a chance, a part that lasts as long as the world."""
        if self.rng.random() < chance:
            self.parts.append(Part(role, None, settings))

    def some(self, role: str, fewest: float, most: float, chance: float = 0.6, **settings: object) -> None:
        """With a chance, about `fewest` to `most` parts with the same settings, an hour to two days long each."""
        if self.rng.random() >= chance:
            return
        drawn = log_between(self.rng, fewest, most) * self.size
        for _ in range(int(drawn) + (self.rng.random() < drawn % 1)):
            length = min(self._end - self._start, log_between(self.rng, HOUR, 2 * DAY))
            at = self.rng.uniform(self._start, self._end - length)
            self.parts.append(Part(role, (at, at + length), settings))


def _web_benign(c: _Casting) -> None:
    rng = c.rng
    c.add("visitors", per_day=log_between(rng, 8, 120) * c.size)
    c.add("crawlers", n=c.between(1, 8), per_day=log_between(rng, 10, 60))
    c.add("previews", per_day=log_between(rng, 1, 20) * c.size)
    c.add("regulars", 0.7, n=rng.randrange(1, 10), mistype=rng.uniform(0.05, 0.4))
    c.add("stale_bookmarks", 0.8, n=c.between(1, 12))
    c.add("searches", 0.8, n=c.between(1, 12))
    c.add("monitors", 0.5, n=rng.randrange(1, 3))
    c.add("feed_readers", 0.6, n=rng.randrange(1, 5))
    c.add("broken_clients", 0.7, n=rng.randrange(1, 5))
    c.add("api_clients", 0.7, n=rng.randrange(1, 4))
    c.add("admin_scripts", 0.6, per_day=rng.uniform(0.5, 3))
    c.add("backup", 0.3, weekday=c.weekday)
    c.add("link_scanners", 0.7, per_day=log_between(rng, 0.5, 12) * c.size)
    c.add("players", 0.5, n=c.between(1, 12))
    c.add("mail_programs", 0.4, n=c.between(1, 6))
    c.add("developers", 0.4, n=rng.randrange(1, 4))
    c.add("filters", 0.5, n=c.between(2, 40))
    c.add("newsletter", 0.3, weekday=c.weekday, readers=rng.uniform(20, 80))
    c.add("dead_links", 0.5, n=c.between(3, 25), links=rng.randrange(1, 6))


def _web_hostile(c: _Casting) -> None:
    rng = c.rng
    c.some("slow_scan", 1, 5, wordlist=None, low=log_between(rng, 30, 1500), high=log_between(rng, 1600, 12000))
    c.some("fast_scan", 3, 25, 0.8)
    c.some("exploit", 5, 40, 0.8)
    c.some("sqli", 1, 6)
    c.some("injections", 1, 6)
    c.some("distributed_injection", 0.5, 2, 0.5, n=c.between(4, 40))
    c.some("scripted", 1, 4, faked=rng.random() < 0.5)
    c.some("scraping", 0.5, 2, 0.3, n=rng.randrange(1, 6), pages=c.between(20, 250))
    c.some("flood", 0.5, 1.5, 0.15, n=rng.randrange(1, 6), count=c.between(40, 300))
    c.some("distributed_scan", 0.5, 2, 0.4, n=c.between(8, 50))
    c.some("botnet_posts", 0.5, 2, 0.4, n=c.between(8, 60))
    c.some("stuffing", 0.5, 2, 0.4, n=c.between(6, 50), service="web", spread=rng.random() < 0.6)
    c.some("compromise_form", 0.5, 1, 0.2)


def _ssh(c: _Casting) -> None:
    rng = c.rng
    c.add("sysadmins", n=rng.randrange(1, 6), per_day=rng.uniform(0.5, 4))
    c.add("lost_users", per_day=rng.uniform(0.3, 6) * c.size, service="sshd")
    c.add("cron")
    c.add("deploy_keys", 0.5, per_day=rng.uniform(2, 20))
    c.add("office", 0.4, people=rng.randrange(2, 10), service="sshd")
    c.some("roaming", 1, 3, 0.4, service="sshd")
    c.some("brute_force", 3, 25, 0.9)
    c.some("odd_names", 0.5, 3, 0.5)
    c.some("ssh_botnet", 0.5, 2, n=c.between(8, 60), rounds=rng.randrange(1, 8))
    c.some("ssh_probe", 1, 8)
    c.some("stuffing", 0.5, 2, 0.4, n=c.between(6, 50), service="sshd", spread=rng.random() < 0.6)
    c.some("spraying", 0.5, 1, 0.3, service="sshd", n=rng.randrange(3, 20))
    c.some("compromise", 0.5, 1.5, 0.3)


def _mail(c: _Casting) -> None:
    rng = c.rng
    service = rng.choice(("imap", "smtp", "pop3"))
    c.add("mail_clients", n=rng.randrange(2, 12), period=log_between(rng, 600, 5000))
    c.add("senders", per_day=rng.uniform(2, 20))
    c.add("lost_users", 0.6, per_day=rng.uniform(0.3, 6) * c.size)
    for _ in range(rng.randrange(2, 8)):
        c.add("mailbox_user", per_day=rng.uniform(0.5, 5))
    for _ in range(rng.randrange(1, 4)):
        c.add("office", 0.6)
        c.add("roaming", 0.7)
        c.add("old_password", 0.8)
    c.some("brute_force", 1, 10, 0.8, service=service)
    c.some("stuffing", 0.5, 2, n=c.between(6, 50), service=service, spread=rng.random() < 0.6)
    c.some("spraying", 0.5, 1, 0.4, n=rng.randrange(3, 20))
    c.some("compromise", 0.5, 1, 0.2, service="imap")
    c.some("relay_tests", 1, 6)


def training_world(seed: int, days: float = 3.0, size: float = 1.0) -> World:
    """A host as training wants them: about 1,000 to 20,000 lines and 20 to 600 actors at `size` 1.

    Each seed is another host: site, software, language, year, hours, who comes and how often, hostile in what share.
    """
    return simulate(seed, training_scenario(seed, days, size))


def training_scenario(seed: int, days: float = 3.0, size: float = 1.0) -> Scenario:
    """What `training_world` plays."""
    rng = stream(seed, "training")
    year = rng.randrange(2014, 2027)
    start = datetime(year, rng.randrange(1, 13), rng.randrange(1, 29), tzinfo=UTC).timestamp()
    stamps = rng.choice(("iso", "iso", "bsd"))
    services = rng.choice(_SERVICES)
    casting = _Casting(rng, start, start + days * DAY, size)
    if "web" in services:
        _web_benign(casting)
        _web_hostile(casting)
    if "ssh" in services:
        _ssh(casting)
    if "mail" in services:
        _mail(casting)
    if "ftp" in services:
        casting.add("ftp_users", n=rng.randrange(1, 5))
        casting.some("brute_force", 1, 4, 0.8, service="ftp")
    if len(services) > 2:
        casting.some("cross_service", 1, 4, mail="mail" in services)
    local = stamps == "bsd" or "ftp" in services  # time stamps without a zone: the host's clock is UTC
    return Scenario(
        name=f"training{seed}",
        start=start,
        days=days,
        site=rng.choice(KINDS),
        cast=tuple(casting.parts),
        server=rng.choice(("nginx", "nginx", "apache", "apache_vhost")),
        stamps=stamps,
        ssh=rng.choice(("password", "password", "keys", "pam")),
        zone=0 if local else rng.choice((0, 0, 60, 120, -300, -480, 330, 540)),
        year=year,
        accounts=rng.randrange(10, 40),
        busy=rng.uniform(0, 24),
    )
