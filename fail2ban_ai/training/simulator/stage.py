"""Where parts play: the host with its site, accounts and address book; and the record of who caused which line."""

# ruff: noqa: PLR0917 - a truth has that many fields

import bisect
import operator
from dataclasses import dataclass
from random import Random

from . import sites, words
from .addresses import AddressBook
from .world import Actor, Scenario, World


@dataclass(slots=True)
class _Entry:
    """What is known about an address while the world is made."""

    label: str
    kind: str | None
    campaign: str | None
    role: str
    must: str
    first: float = float("inf")
    last: float = float("-inf")


class Stage:
    """One simulated host. Writers in web_lines and auth_lines call `log`; parts call `enter` for each address first."""

    def __init__(self, seed: int, scenario: Scenario) -> None:
        rng = stream(seed, scenario.name, "host")
        self.scenario = scenario
        self.start = scenario.start
        self.end = scenario.start + scenario.days * 86400.0
        self.book = AddressBook(rng)
        self.hostname = words.name(rng, 2, 3)
        self.users = words.accounts(rng, scenario.accounts, scenario.account)
        self.site = sites.make(rng, scenario.site, self.users)
        self.mail_domain = f"{words.name(rng)}.example.{rng.choice(('com', 'org', 'net'))}"
        self.full_names = rng.random() < 0.4  # mail accounts log in as user@domain
        self.docroot = rng.choice(("/var/www/html", f"/srv/{self.site.host}", f"/var/www/{words.name(rng)}/public"))
        self.sshd = "sshd-session" if rng.random() < 0.12 and scenario.stamps == "iso" else "sshd"
        self.dovecot_style = rng.randrange(3)
        # Stock fail2ban counts an auth-worker line beside the log-in's: that would double the failures of a campaign.
        self.auth_worker = rng.random() < 0.4 and scenario.account is None
        self.lines: dict[str, list[tuple[float, str]]] = {}
        self.dropped = 0
        self._actors: dict[str, _Entry] = {}
        self._campaigns = 0

    def campaign(self) -> str:
        """An id for the next attacker."""
        self._campaigns += 1
        return f"{self.scenario.name}-{self._campaigns}"

    def enter(
        self,
        address: str,
        role: str,
        label: str = "benign",
        kind: str | None = None,
        campaign: str | None = None,
        must: str | None = None,
    ) -> str:
        """Register an address with its truth; returns it. The first registration holds."""
        verdict = must or ("ban" if label == "hostile" else "spare")
        self._actors.setdefault(address, _Entry(label, kind, campaign, role, verdict))
        return address

    def log(self, name: str, time: float, line: str, address: str | None) -> None:
        """Record a line that `address` caused (None: the host itself); lines outside the world's time are dropped."""
        if not self.start <= time < self.end:
            self.dropped += 1
            return
        if address is not None:
            entry = self._actors[address]
            entry.first = min(entry.first, time)
            entry.last = max(entry.last, time)
        self.lines.setdefault(name, []).append((time, line))

    def world(self) -> World:
        """Lines sorted by time (stable), the truth by address; addresses that left no line are left out."""
        by_time = operator.itemgetter(0)
        truth = [
            Actor(address, e.label, e.kind, e.campaign, e.role, e.first, e.last, e.must)
            for address, e in sorted(self._actors.items())
            if e.first <= e.last
        ]
        files = {name: sorted(lines, key=by_time) for name, lines in sorted(self.lines.items())}
        return World(files, truth, self.start, self.end)


def stream(seed: int, *names: object) -> Random:
    """A random stream of its own for each purpose, the same on every platform (a text seed is hashed with SHA-512)."""
    text = "/".join(str(name) for name in names)
    return Random(f"{seed}/{text}")  # noqa: S311 - simulated traffic, nothing secret


def within(times: list[float], start: float, end: float) -> list[float]:
    """The part of sorted `times` in [start, end)."""
    return times[bisect.bisect_left(times, start) : bisect.bisect_left(times, end)]
