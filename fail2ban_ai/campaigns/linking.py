"""Links actors into campaigns, in event time: what shares rare items, a log-in wave or a way of acting is together.

Sightings come in order of time. The work is done in passes at whole minutes of event time, each of which knows only
what came before it; so it does not matter how the stream was cut, and `tick` may be called as often as one likes.
"""

import functools
import hashlib
import math
from datetime import UTC, datetime

from fail2ban_ai import addresses
from fail2ban_ai.campaigns import assemble
from fail2ban_ai.campaigns.alike import company
from fail2ban_ai.campaigns.components import FOUND, ITEMS_EACH, Actor, Component
from fail2ban_ai.campaigns.items import Item, Rarity, touched
from fail2ban_ai.campaigns.naming import EXPLOITS, INJECTIONS
from fail2ban_ai.campaigns.networks import Neighbourhood
from fail2ban_ai.campaigns.postings import Postings
from fail2ban_ai.campaigns.quoting import quote
from fail2ban_ai.campaigns.waves import Wave, Waves
from fail2ban_ai.findings import Campaign, Sighting

PASS = 60.0  # seconds of event time between passes
DAY = 86400.0
RETENTION = 35 * DAY  # what was idle for longer is forgotten
MEMBERS_STAY = DAY  # beyond the cap the longest idle suspects go first, members of campaigns so much later than others
MAX_PATHS = 50_000  # paths whose last good answer is remembered; the longest unseen go first

LINKABLE = 0.2  # an actor below this score is linked by a log-in wave only
FOUND_TOGETHER = math.log(0.2)  # linked actors are one when the chance that every score is wrong is below this
TOGETHER = 3  # and they are so many
BREAK_IN, BREAK_IN_FAILURES = 0.6, 3  # a success of an actor at this score, after so many failures, is a break-in
ATTACKS = INJECTIONS | EXPLOITS  # classes of attack that an endpoint can break under
CROWD, CROWD_WINDOW = 6, 2 * DAY  # so many suspects in a network without anybody else belong together

network_of = functools.lru_cache(maxsize=8192)(addresses.network_of)  # asked for every event


class Linker:
    """Holds the actors sighted and the campaigns they form."""

    def __init__(self, rarity: Rarity, most: int, alike: float) -> None:
        """`most`: suspects held; what is held about items, log-ins and networks is bounded along with them.

        `alike`: probability of belonging together (Together.score) from which an actor is taken for a member.
        """
        self._rarity = rarity
        self._alike = alike
        self._most = most
        self._waves = Waves(2 * most // 3)
        self._neighbourhood = Neighbourhood(10 * most)
        self._postings = Postings(13 * most)
        self._actors: dict[str, Actor] = {}
        self._of: dict[str, Component] = {}
        self._suspects: dict[str, dict[str, float]] = {}  # network -> suspects and when each was last seen
        self._served: dict[str, float] = {}  # path -> when it last answered a suspect with 2xx
        self._dirty: dict[str, None] = {}
        self._touched: dict[Component, None] = {}
        self._anchors: dict[str, str] = {}  # wave id -> a participant
        self._campaigns: dict[str, Campaign] = {}
        self._changed: dict[str, None] = {}
        self._merged: dict[str, str] = {}
        self._next = -math.inf  # when the next pass is due; before the first event any
        self._swept = 0.0

    def add(self, sighting: Sighting) -> None:
        """Take in one sighting; times must not go backwards by more than the minute they are in.

        The rarity handed to the constructor is asked here, and must know what happened up to now and no more.
        """
        if sighting.time >= self._next:
            self._run_passes(sighting.time)
        actor = self._actors.get(sighting.actor)
        if actor is None:
            actor = Actor(sighting.actor, network_of(sighting.actor), sighting.time, sighting.time)
            self._actors[actor.name] = actor
            self._of[actor.name] = Component(actor)
        level, company = actor.level, actor.company
        walk = actor.add(sighting)
        component = self._of[actor.name]
        component.add(actor, sighting, level, company)
        self._note_answer(component, sighting)
        for item in touched(sighting):
            self._touch(actor, item, self._rarity.df(*item))
        if walk is not None:
            # All traffic cannot tell how rare an order of words is; suspects can.
            self._touch(actor, walk, len(self._postings.of(walk)) + 1)
        self._postings.population = max(self._rarity.actors(), len(self._actors))
        self._waves.failed(sighting, actor.network)
        self._dirty[actor.name] = None
        self._touched[component] = None

    def success(self, time: float, actor: str, account: str, service: str) -> None:
        """A log-in worked; for a web log-in form the account is the form's path key."""
        if time >= self._next:
            self._run_passes(time)
        known = self._actors.get(actor)
        network = network_of(actor)
        self._neighbourhood.trust(actor, network, time)
        guessed = known is not None and known.failures >= BREAK_IN_FAILURES and known.score >= BREAK_IN
        if known is not None and guessed and not self._waves.belongs(actor, network, account, time):
            self._break_in(actor, account)
        else:
            self._waves.success(time, actor, network, account, service)

    def seen(self, time: float, actor: str) -> None:
        """Any event of any actor, hostile or not: who else lives in a network decides whether it may be proposed."""
        if time >= self._next:
            self._run_passes(time)
        self._neighbourhood.saw(actor, network_of(actor), time)

    def tick(self, now: float) -> list[Campaign]:
        """Campaigns changed since the last tick, oldest first, with everything before the last whole minute in them.

        A campaign is one object for life, changed in place: decisions noted on its members stay. Of campaigns that
        merge, the one detected first stays and the other is not told again; `current` maps its id.
        """
        self._run_passes(now)
        if not self._changed:
            return []
        changed = [self._campaigns[i] for i in self._changed if i in self._campaigns]
        self._changed = {}
        return sorted(changed, key=_age)

    def campaign_of(self, name: str, now: float) -> Campaign | None:
        """The campaign of an actor that a verdict is due on, linked by all that is known now and opened if need be.

        None for an actor that was never sighted. Its networks are proposed in the next pass.
        """
        actor = self._actors.get(name)
        if actor is None:
            return None
        if actor.level >= LINKABLE:
            self._link(actor)
        component = self._of[name]
        campaign = component.campaign or self._open(component, now)
        assemble.refresh(component, campaign)
        self._changed[campaign.id] = None
        return campaign

    def wakes(self) -> float:
        """When a tick can have something new although nothing was added (seconds since the epoch)."""
        return min(self._waves.due(), self._swept + DAY)

    def rests(self, until: float) -> bool:
        """Whether no tick up to `until` can have anything new."""
        return not (self._dirty or self._touched or self._changed) and until < self.wakes()

    def campaigns(self) -> list[Campaign]:
        """Every campaign that is remembered, oldest first."""
        return sorted(self._campaigns.values(), key=_age)

    def current(self, campaign_id: str) -> str:
        """The id under which a campaign lives on after merges."""
        while campaign_id in self._merged:
            campaign_id = self._merged[campaign_id]
        return campaign_id

    def _touch(self, actor: Actor, item: Item, df: int) -> None:
        if item not in actor.items:
            if len(actor.items) >= ITEMS_EACH:
                return
            actor.items[item] = None
            actor.fresh.append(item)
        self._postings.touch(item, actor.name, df)

    def _note_answer(self, component: Component, sighting: Sighting) -> None:
        """An endpoint that answers an attack with 5xx after it answered with 2xx has something to it."""
        path, status = sighting.path, sighting.status
        if path is None or status is None:
            return
        if 200 <= status < 300:
            self._served.pop(path, None)
            self._served[path] = sighting.time
            if len(self._served) > MAX_PATHS:
                del self._served[next(iter(self._served))]
        elif status >= 500 and sighting.attack in ATTACKS and path in self._served and len(component.broke) < 10:
            component.broke[path] = None

    def _run_passes(self, now: float) -> None:
        if self._next == -math.inf:
            self._next = math.floor(now / PASS) * PASS + PASS
            self._swept = self._next
        while self._next <= now:
            at = self._next
            if not self._dirty and not self._touched:
                # Passes run only when something falls due, so that which ones run depends on the stream alone.
                at = max(at, math.ceil(self.wakes() / PASS) * PASS)
            if at > now:
                self._next = math.floor(now / PASS) * PASS + PASS
                return
            self._pass(at)
            self._next = at + PASS

    def _pass(self, now: float) -> None:
        self._take_waves(now)
        for name in self._dirty:
            actor = self._actors.get(name)
            if actor is not None and actor.level >= LINKABLE:
                self._link(actor)
        self._dirty = {}
        for component in self._touched:
            self._tell(component, now)
        self._touched = {}
        if now - self._swept >= DAY or len(self._actors) > self._most or self._postings.full:
            self._sweep(now)

    def _take_waves(self, now: float) -> None:
        changes = self._waves.advance(now)
        for wave, name in changes.joined:
            actor = self._actors.get(name)
            if actor is not None:
                self._join(wave, actor)
        for name in changes.released:
            self._release(name)
        for name, account, _ in changes.breached:
            self._break_in(name, account)

    def _join(self, wave: Wave, actor: Actor) -> None:
        before = actor.level
        actor.in_wave = max(actor.in_wave, wave.confidence)
        actor.wave = wave.target[1] if wave.target[0] != "service" else wave.target[1] + " log-ins"
        component = self._of[actor.name]
        component.rescore(before, actor.level)
        component.waves[wave.id] = None
        component.dirty[actor.name] = None
        self._dirty[actor.name] = None
        self._touched[component] = None
        anchor = self._anchors.setdefault(wave.id, actor.name)
        if anchor not in self._actors:
            self._anchors[wave.id] = anchor = actor.name
        what = {"account": "account", "form": "form", "service": "service"}[wave.target[0]]
        self._unite(
            actor, self._actors[anchor], f"failed log-ins of many addresses on the {what} {quote(wave.target[1])}"
        )

    def _release(self, name: str) -> None:
        """An actor that a wave drew in turned out not to belong to it."""
        actor = self._actors.get(name)
        if actor is None:
            return
        component = self._of[name]
        component.drop(actor)
        self._touched[component] = None
        actor.in_wave, actor.wave = 0.0, ""
        self._of[name] = Component(actor)
        self._touched[self._of[name]] = None

    def _break_in(self, name: str, account: str) -> None:
        component = self._of.get(name)
        if component is not None:
            component.breached[account] = None
            component.dirty[name] = None
            self._touched[component] = None

    def _link(self, actor: Actor) -> None:
        self._link_items(actor)
        self._link_network(actor)
        self._link_alike(actor)

    def _link_items(self, actor: Actor) -> None:
        fresh, actor.fresh = actor.fresh, []
        candidates: dict[str, None] = {}
        for item in fresh:
            candidates |= self._postings.candidates(item, self._of, self._of[actor.name])
        for name in candidates:
            other = self._actors[name]
            if other.level < LINKABLE or self._of[name] is self._of[actor.name]:
                continue
            near = actor.network is not None and actor.network == other.network
            why = self._postings.bond(actor.items, other.items, self._of, self._of[name], near=near)
            if why is not None:
                self._unite(actor, other, why)

    def _link_network(self, actor: Actor) -> None:
        if actor.network is None:
            return
        crowd = self._suspects.setdefault(actor.network, {})
        crowd.pop(actor.name, None)
        crowd[actor.name] = actor.last
        recent = [n for n, last in crowd.items() if last >= actor.last - CROWD_WINDOW and n in self._actors]
        if len(recent) >= CROWD and not self._neighbourhood.ordinary(actor.network, self._actors):
            for name in recent:
                self._unite(actor, self._actors[name], f"the network {actor.network}, where nobody else was seen")

    def _link_alike(self, actor: Actor) -> None:
        found = company(actor, self._of, self._postings, self._alike)
        if found is not None:
            self._unite(actor, self._actors[found.actor], found.why)

    def _unite(self, actor: Actor, other: Actor, why: str) -> None:
        mine, theirs = self._of[actor.name], self._of[other.name]
        if mine is theirs:
            return
        if len(mine.members) < len(theirs.members):
            mine, theirs = theirs, mine
        self._inherit(mine, theirs)
        mine.absorb(theirs)
        if len(mine.links) < assemble.LINKS:
            mine.links[why] = None
        for name in theirs.members:
            self._of[name] = mine
        self._touched.pop(theirs, None)
        self._touched[mine] = None

    def _inherit(self, mine: Component, theirs: Component) -> None:
        """Of two campaigns the older lives on."""
        pair = sorted((c for c in (mine.campaign, theirs.campaign) if c is not None), key=_age)
        if len(pair) == 2:
            kept, gone = pair
            kept.members |= {n: m for n, m in gone.members.items() if n not in kept.members}
            kept.fresh |= dict.fromkeys(gone.members)  # what was too little for one may be enough for the other
            cidrs = {n.cidr for n in kept.networks}
            kept.networks += [n for n in gone.networks if n.cidr not in cidrs]
            self._merged[gone.id] = kept.id
            del self._campaigns[gone.id]
            self._changed.pop(gone.id, None)
        mine.campaign = pair[0] if pair else None

    def _tell(self, component: Component, now: float) -> None:
        """Update the component's campaign, or open one when there is enough for it."""
        together = len(component.members) >= TOGETHER and component.doubt <= FOUND_TOGETHER
        found = component.waves or component.breached or component.top >= FOUND or together
        if not component.members or (component.campaign is None and not found):
            return
        campaign = component.campaign or self._open(component, now)
        assemble.refresh(component, campaign)
        assemble.propose(component, campaign, self._neighbourhood, self._actors)
        self._changed[campaign.id] = None

    def _open(self, component: Component, now: float) -> Campaign:
        campaign = component.campaign = Campaign(_name(component, now), "scan", component.first, component.last, now)
        self._campaigns[campaign.id] = campaign
        component.dirty = dict.fromkeys(component.members)
        return campaign

    def _sweep(self, now: float) -> None:
        """Forget what is older than the retention, and what is beyond the caps."""
        self._swept = now
        old = [a.name for a in self._actors.values() if a.last < now - RETENTION]
        spare = len(self._actors) - len(old) - self._most * 9 // 10
        if len(self._actors) > self._most and spare > 0:
            gone = set(old)
            rest = sorted(
                (a.last + MEMBERS_STAY * (self._of[a.name].campaign is not None), a.name)
                for a in self._actors.values()
                if a.name not in gone
            )
            old += [name for _, name in rest[:spare]]
        for name in old:
            self._drop(self._actors.pop(name))
        self._postings.trim()
        self._suspects = {n: c for n, c in self._suspects.items() if any(a in self._actors for a in c)}
        self._anchors = {w: a for w, a in self._anchors.items() if a in self._actors}
        self._merged = {a: b for a, b in self._merged.items() if self.current(b) in self._campaigns}
        self._waves.forget(now - RETENTION)
        self._neighbourhood.forget(now - RETENTION)

    def _drop(self, actor: Actor) -> None:
        self._postings.drop(actor.name, actor.items)
        component = self._of.pop(actor.name)
        component.drop(actor)
        if actor.network in self._suspects:
            self._suspects[actor.network].pop(actor.name, None)
        if not component.members and component.campaign is not None:
            self._campaigns.pop(component.campaign.id, None)


def _age(campaign: Campaign) -> tuple[float, float, str]:
    return campaign.detected_at, campaign.first_seen, campaign.id


def _name(component: Component, now: float) -> str:
    """A campaign's id: its day and a digest of who began it when, the same in every run over the same lines."""
    founder = min(component.members.values(), key=lambda a: (a.first, a.name))
    digest = hashlib.blake2s(f"{founder.name} {founder.first:.6f} {now:.0f}".encode(), digest_size=4).hexdigest()
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d}-{digest}"
