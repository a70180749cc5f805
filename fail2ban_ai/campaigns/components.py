"""Actors and the components they form: union by size, with everything a campaign needs added up on the way."""

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field

from fail2ban_ai.campaigns.belonging import Together
from fail2ban_ai.campaigns.items import GUESSING, LOGIN_KINDS, WALK, Item, step
from fail2ban_ai.findings import Campaign, Evidence, Sighting
from fail2ban_ai.model.runtime import Floats

RATE_WINDOW = 600.0  # seconds: "so many events in ten minutes" is what fail2ban's default findtime counts
ITEMS_EACH = 128  # distinct items of one actor that can link it; the first ones count
NAMES_EACH = 500  # distinct accounts and paths that a component remembers; the first ones count
EVIDENCE_EACH = 20
RATE_MOST = 1000
TIMES_EACH = 32  # times of an actor that are remembered for a picture
FOUND = 0.5  # an actor at this score is a finding by itself
HOSTILE = 0.5  # the score from which an actor's POSTs are guesses, whatever else the model takes it for
SCORE_CEILING = 0.98  # no single score makes a campaign certain


@dataclass(slots=True)
class Actor:
    """What one actor did, as far as it was sighted."""

    name: str
    network: str | None
    first: float
    last: float
    events: int = 0
    score: float = 0.0  # highest that the model gave it alone
    in_wave: float = 0.0  # how sure the log-in wave is that it was found in
    company: Floats | None = None  # whom it belongs with, as the model sees it (model.runtime.COMPANY)
    failures: int = 0
    accounts: set[str] = field(default_factory=set)
    items: dict[Item, None] = field(default_factory=dict)
    fresh: list[Item] = field(default_factory=list)  # items touched since the last pass
    steps: tuple[str, ...] = ()  # the last WALK
    recent: list[float] = field(default_factory=list)  # the last RATE_MOST times within RATE_WINDOW
    times: "array[float]" = field(default_factory=lambda: array("d"))  # of every `sampled`th sighting
    sampled: int = 1
    peak: int = 0  # most events within RATE_WINDOW, at most RATE_MOST
    wave: str = ""  # words on the log-in wave it took part in
    offended: bool = False  # something it did failed, was refused or looks like an attack

    @property
    def level(self) -> float:
        """How hostile it is taken to be, 0..1."""
        return max(self.score, self.in_wave)

    def add(self, sighting: Sighting) -> Item | None:
        """Count a sighting; returns the stretch of wordlist that it completes, as an item."""
        self.last = max(self.last, sighting.time)
        self.events += 1
        self.score = max(self.score, sighting.score)
        self.company = self.company if sighting.company is None else sighting.company
        served = sighting.kind == "request" and sighting.status is not None and sighting.status < 400
        self.offended |= not sighting.astray and (not served or sighting.attack is not None or is_guess(sighting))
        if self.events % self.sampled == 0:
            self.times.append(sighting.time)
            if len(self.times) == TIMES_EACH:
                self.times, self.sampled = self.times[1::2], 2 * self.sampled
        self.recent.append(sighting.time)
        old = next(i for i, time in enumerate(self.recent) if time >= sighting.time - RATE_WINDOW)
        del self.recent[: max(old, len(self.recent) - RATE_MOST)]
        self.peak = max(self.peak, len(self.recent))
        if sighting.kind in LOGIN_KINDS:
            self.failures += sighting.kind == "login_failed"
            if sighting.account and len(self.accounts) < NAMES_EACH:
                self.accounts.add(sighting.account.casefold())
        word = step(sighting)
        if word is None or (self.steps and self.steps[-1] == word):
            return None
        self.steps = (*self.steps, word)[-WALK:]
        return ("walk", "\x1f".join(self.steps)) if len(self.steps) == WALK else None


class Component:
    """Actors that belong together, one or many, and what they did in sum."""

    def __init__(self, actor: Actor) -> None:
        self.members: dict[str, Actor] = {actor.name: actor}
        self.dirty: dict[str, None] = {actor.name: None}  # members whose record in the campaign is old
        self.campaign: Campaign | None = None
        self.first = actor.first
        self.last = actor.last
        self.events = 0
        self.requests = 0
        self.failures = 0
        self.refused = 0  # web requests answered 4xx
        self.doubt = math.log1p(
            -min(actor.level, SCORE_CEILING)
        )  # sum of log(1 - score): chance that every score is wrong, were they independent
        self.top = actor.level
        self.peak = actor.peak
        self.intents: Counter[str] = Counter()
        self.attacks: Counter[str] = Counter()
        self.services: set[str] = set()
        self.accounts: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()
        self.networks: Counter[str] = Counter({actor.network: 1} if actor.network else {})
        self.together = Together()
        self.together.put(actor.company)
        self.waves: dict[str, None] = {}
        self.links: dict[str, None] = {}
        self.broke: dict[str, None] = {}
        self.breached: dict[str, None] = {}
        self.evidence: list[Evidence] = []
        self._told: set[str] = set()  # members that already have a line in the evidence

    def add(self, actor: Actor, sighting: Sighting, level: float, company: Floats | None) -> None:
        """Count a sighting of a member that had this level and company until now."""
        if actor.company is not company:
            self.together.put(actor.company, company)
        self.dirty[actor.name] = None
        self.last = max(self.last, sighting.time)
        self.events += 1
        self.rescore(level, actor.level)
        self.peak = max(self.peak, actor.peak)
        self.services.add(sighting.service)
        if sighting.intent != "benign":
            self.intents[sighting.intent] += 1
        if sighting.attack:
            self.attacks[sighting.attack] += 1
        if sighting.kind in LOGIN_KINDS:
            self.failures += sighting.kind == "login_failed"
            _count(self.accounts, sighting.account)
        elif sighting.path:
            self.requests += 1
            self.refused += sighting.status is not None and 400 <= sighting.status < 500
            self.failures += is_guess(sighting)
            _count(self.paths, sighting.path)
        self._keep(actor.name, sighting)

    def _keep(self, actor: str, sighting: Sighting) -> None:
        """Evidence: the first lines, then a line for each new member or attack, until the list is full."""
        telling = len(self.evidence) < EVIDENCE_EACH // 2 or actor not in self._told
        if len(self.evidence) < EVIDENCE_EACH and (telling or sighting.attack):
            self.evidence.append(sighting.evidence)
            self._told.add(actor)

    def rescore(self, before: float, after: float) -> None:
        """A member's level changed."""
        self.top = max(self.top, after)
        if after != before:
            self.doubt += math.log1p(-min(after, SCORE_CEILING)) - math.log1p(-min(before, SCORE_CEILING))

    def absorb(self, other: "Component") -> None:
        """Take over everything of a smaller component; the campaigns are the caller's business."""
        self.members |= other.members
        self.dirty |= dict.fromkeys(other.members)
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.events += other.events
        self.requests += other.requests
        self.failures += other.failures
        self.refused += other.refused
        self.doubt += other.doubt
        self.top = max(self.top, other.top)
        self.peak = max(self.peak, other.peak)
        self.intents += other.intents
        self.attacks += other.attacks
        self.services |= other.services
        for mine, theirs in ((self.accounts, other.accounts), (self.paths, other.paths)):
            for name, times in theirs.items():
                _count(mine, name, times)
        self.networks.update(other.networks)
        self.together.absorb(other.together)
        self.waves |= other.waves
        self.links |= other.links
        self.broke |= other.broke
        self.breached |= other.breached
        lines = sorted(self.evidence + other.evidence, key=lambda e: (e.time, e.source, e.line))
        self.evidence = lines[:EVIDENCE_EACH]
        self._told |= other._told

    def drop(self, actor: Actor) -> None:
        """Forget a member; the sums keep what it did."""
        del self.members[actor.name]
        self.dirty.pop(actor.name, None)
        self._told.discard(actor.name)
        self.rescore(actor.level, 0.0)
        self.together.put(None, actor.company)
        if actor.network:
            self.networks[actor.network] -= 1
            if not self.networks[actor.network]:
                del self.networks[actor.network]
        if self.campaign:
            self.campaign.members.pop(actor.name, None)


def is_guess(sighting: Sighting) -> bool:
    """Whether a web request is an attempt at a log-in form: a POST of an actor taken for a guesser, or for hostile."""
    if sighting.method != "POST" or sighting.path is None:
        return False
    return sighting.intent in GUESSING or sighting.score >= HOSTILE


def _count(names: Counter[str], name: str | None, times: int = 1) -> None:
    if name and (name in names or len(names) < NAMES_EACH):
        names[name] += times
