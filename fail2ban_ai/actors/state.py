"""What is remembered of each actor, and of the host as a whole, between events. Bounded."""

from dataclasses import dataclass, field

RETENTION = 35 * 86400.0  # seconds of event time after which an idle actor or item is forgotten
ACTORS_KEPT = 200_000
ITEMS_KEPT = 400_000
KEYS_KEPT = 2_000  # distinct events remembered of one actor; a fuzzer makes more, and is judged long before
FORGETS = 5  # failures that still pass for a forgotten password; fail2ban's own default maxretry
NETWORKS_COUNTED = 16
NAMES_KEPT = 64  # agents and accounts remembered of one actor


@dataclass(slots=True)
class ActorState:
    """Counters of one actor. Times in seconds since the epoch."""

    first: float
    last: float
    network: int = 0
    events: int = 0
    acts: int = 0  # events but for those that repeat another line about the same attempt
    failed: int = 0
    missing: int = 0
    strange: int = 0  # failures other than on the one account, known here, that it began with
    ordinary: int = 0
    fresh: int = 0  # successes on paths that were not familiar yet
    logins: int = 0
    login_days: int = 0
    last_login_day: float = -1
    seen: dict[int, int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    agents: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    own_accounts: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)

    @property
    def forgetful(self) -> bool:
        """Whether all it did is what somebody does who forgot a password: a few failures on one account in use here."""
        return 0 < self.failed <= FORGETS and not self.strange

    def count(self, key: int) -> int:
        """How often this very event was seen from this actor, this time included."""
        times = self.seen.get(key, 0) + 1
        if times > 1 or len(self.seen) < KEYS_KEPT:
            self.seen[key] = times
        return times

    def touch(self, kind: str, value: str | None, item: "Item") -> None:
        """Count the actor for a path, an agent or an account, once; nothing for none."""
        if not value:
            return
        key = hash((kind, value))
        if key not in self.touched:
            item.actors += 1
            if len(self.touched) < KEYS_KEPT:
                self.touched.add(key)


@dataclass(slots=True)
class Item:
    """A path, an agent or an account, and who touched it."""

    last: float
    actors: int = 0  # distinct actors that touched it (an actor forgotten in between counts again)
    networks: set[int] = field(default_factory=set)  # networks that had success with it, at most NETWORKS_COUNTED
    pressed: int = 0  # account: distinct actors that failed on it
    known: bool = False  # account: somebody logged in to it


@dataclass(slots=True)
class Context:
    """One event as the features see it, with what was known of its items before it."""

    time: float
    gap: float
    service: str
    kind: str
    method: str | None
    status: int
    repeat: int
    layers: int
    changed: float
    familiar: int
    touched: int
    agent_known: int
    warm: int
    has_referer: bool
    account_known: bool
    account_own: bool
    account_pressed: int
    breaks: bool
