"""The whole way of the data on one page: frames of events in, campaigns and verdicts out.

    sources ─> actors.Timelines ─> model.Scorer ─> sightings.Observer ─> campaigns.Linker ─> judge.Judge

Frames come in order of time and in chunks of any size; every room behind them knows only what came before an event, so
where the chunks were cut changes nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.timelines import Timelines
from fail2ban_ai.addresses import within
from fail2ban_ai.campaigns import Linker, TrafficBaselines
from fail2ban_ai.campaigns.items import Item
from fail2ban_ai.caps import Caps
from fail2ban_ai.findings import Anomaly, Campaign, Member, Verdict
from fail2ban_ai.judge import Held, Judge, Limits
from fail2ban_ai.model.labels import GROUPS, group_of
from fail2ban_ai.model.scorer import Scorer, Scores
from fail2ban_ai.sightings import Observation, Observer
from fail2ban_ai.visitors import User, Visitors

BUSY = 0.1  # share of all events from which an actor may be a proxy (a setting of the gate says what is enough)
TICK = 60.0  # seconds of event time between two looks at the campaigns
# Tokens that are scored at once: scoring many is quicker, but an actor that is found guilty among them is scored on.
_SCORED_AT_ONCE = 8192


class Snapshot:
    """How rare items are as of the present event (campaigns.items.Rarity), whatever its chunk holds after it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._touched: dict[Item, int] = {}
        self._population = 0

    def note(self, seen: Observation) -> None:
        """Take in the counts that came with an event; the longest unseen items go first."""
        self._population = seen.population or self._population
        for item, count in seen.touched.items():
            self._touched.pop(item, None)
            self._touched[item] = count
            if len(self._touched) > self._most:
                del self._touched[next(iter(self._touched))]

    def df(self, kind: str, value: str) -> int:
        """Distinct actors that touched the item."""
        return self._touched.get((kind, value), 0)

    def actors(self) -> int:
        """Distinct actors seen."""
        return self._population


@dataclass(frozen=True, slots=True)
class Asked:
    """A target that is about to be banned, and what was seen of it up to now. Times are seconds since the epoch."""

    target: str  # actor or network
    campaign: Campaign
    at: float
    logins: dict[str, int]  # address seen in it: days with log-ins before the first hostile event
    agents: int
    share: float  # of all events
    clients: int
    edges: float = 0.0  # part of the web log's addresses that look like edges of a CDN, if the target does; else 0


Protection = Callable[[Asked], str | None]


@dataclass(frozen=True, slots=True)
class Scored:
    """Events, the tokens of those worth a look, and what the model says of these."""

    frame: pl.DataFrame
    tokens: Tokens
    scores: Scores


@dataclass(slots=True)
class Result:
    """What a run found. Times are seconds since the epoch."""

    campaigns: list[Campaign] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    first: float | None = None  # time of the first and the last event
    last: float | None = None
    scores: dict[str, float] = field(default_factory=dict)  # the highest score of each actor


class Pipeline:
    """One host's run. Feed frames, then `finish`.

    `protection` says who must not be banned, and why; `held` whom fail2ban bans already (fail2ban.feed.Held);
    `standing`: see Judge, with any but the default, `forget` has to be called now and then.
    """

    def __init__(
        self,
        scorer: Scorer,
        sensitivity: str,
        protection: Protection,
        *,
        held: Held | None = None,
        standing: Callable[[str], float] = lambda _: math.inf,
        caps: Caps | None = None,
    ) -> None:
        self.result = Result()
        caps = caps or Caps()
        self._timelines = Timelines(caps)
        self._scorer = scorer
        self._limits = {
            group: Limits(
                once=scorer.weights.threshold(group, sensitivity),
                lasting=scorer.weights.lasting(group, sensitivity),
                single=max(scorer.weights.single(group), scorer.weights.threshold(group, sensitivity)),
            )
            for group in GROUPS
        }
        self._observer = Observer()
        self._baselines = TrafficBaselines()
        self._snapshot = Snapshot(caps.items)
        self._linker = Linker(self._snapshot, caps.suspects, scorer.weights.alike)
        broke_in = scorer.weights.threshold("login", "cautious")
        self._judge = Judge(self._protected, self._events_of, broke_in, held=held, standing=standing)
        self._protection = protection
        self._next_tick: float | None = None
        self._now = -math.inf  # the latest time of an event so far: one may stand behind a younger one
        self._decided: dict[str, tuple[Campaign, Member]] = {}
        self._changed: dict[str, Campaign] = {}

    def feed(self, frame: pl.DataFrame) -> list[Verdict]:
        """Take in events (events.SCHEMA, in order of time); the verdicts spoken meanwhile."""
        return [verdict for part in self.score([self.walk(frame)]) for verdict in self.take(part)]

    # The three steps of `feed`. Each may run in a thread of its own, one piece ahead of the next, pieces in order.

    def walk(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, Tokens]:
        """What is told of these events by those before them."""
        return frame, self._timelines.update(frame)

    def score(self, walked: Iterable[tuple[pl.DataFrame, Tokens]]) -> Iterator[Scored]:
        """What the model says of them, in pieces. Who is settled when it is asked is not looked at any more.

        Which of them that are depends on how far `take` is; what it makes of the piece does not.
        """
        for frame, tokens in walked:
            if frame.is_empty():
                continue
            edges = [0, *tokens.row[_SCORED_AT_ONCE::_SCORED_AT_ONCE].tolist(), frame.height]
            for low, high in pairwise(edges):
                part = tokens.between(low, high)
                yield Scored(frame[low:high], part, self._scorer.score(part, skip=self._observer.settled))

    def take(self, scored: Scored) -> list[Verdict]:
        """The verdicts spoken on a piece."""
        spoken = len(self.result.verdicts)
        frame = scored.frame
        first, last = (frame["time"].dt.timestamp("us")[at] / 1e6 for at in (0, -1))
        self.result.first = first if self.result.first is None else self.result.first
        self.result.last = last
        self._baselines.update(frame)
        self.result.anomalies += self._baselines.close(last)
        for seen in self._observer.observe(frame, scored.tokens, scored.scores):
            self._now = max(self._now, seen.time)
            if self._next_tick is None or self._now >= self._next_tick:
                self._tick(self._now)
            self._take(seen)
        return self.result.verdicts[spoken:]

    def tick(self, now: float) -> list[Verdict]:
        """Close the ticks up to `now` (seconds since the epoch): nothing earlier will be fed any more."""
        spoken = len(self.result.verdicts)
        self._now = max(self._now, now)
        self._tick(self._now)
        return self.result.verdicts[spoken:]

    def changed(self) -> tuple[list[Campaign], dict[str, str]]:
        """Campaigns that changed since this was last asked, and the ids of those that became part of others."""
        changed, self._changed = self._changed, {}
        merged = {gone: now for gone in changed if (now := self._linker.current(gone)) != gone}
        return [campaign for name, campaign in changed.items() if name not in merged], merged

    def crossed(self, actor: str) -> bool:
        """Whether the actor's own score reached the threshold, and is not judged anew yet."""
        return self._observer.standing(actor).crossed

    def forget(self, most: int) -> None:
        """For a run without end: keep the `most` actors last seen, tell nothing twice, judge anew whose ban has ended.

        What was told (`result`) is dropped, but not what the linker holds, which bounds itself.
        """
        for actor in self._judge.lapse(self._now):
            self._observer.renew(actor)
        self._timelines.forget()
        self._timelines.logins.forget(self._now)
        kept, before = self._observer.forget(most)
        self._scorer.forget(before)
        self._judge.forget(kept, {campaign.id for campaign in self._linker.campaigns()})
        self._decided = {}
        self.result = Result(first=self.result.first, last=self.result.last)

    def visitors(self, now: float) -> Visitors:
        """Who must not be banned by what the logs say, for the bans of rules; `now` is in seconds since the epoch."""
        logins, users = self._timelines.logins, {}
        for actor in logins.actors():
            days = logins.days_before(actor, self._observer.standing(actor).hostile_since or now)
            if days:
                users[actor] = User(days, logins.last(actor))
        edges = self._observer.edges.networks()
        return Visitors(now, self._snapshot.actors(), users, edges, self._observer.busy(BUSY))

    def finish(self, until: float | None = None) -> Result:
        """Close the ticks up to `until` (seconds since the epoch), or the one that the last event is in."""
        if self.result.last is not None:
            end = self.result.last + TICK if until is None else until
            self._tick(end)
            self.result.anomalies += self._baselines.close(end)
        found = {campaign.id: campaign for campaign in self._linker.campaigns()}
        for actor, (campaign, member) in self._decided.items():
            # The linker forgets what was idle for weeks; what was decided on stays in the report.
            home = found.setdefault(self._linker.current(campaign.id), campaign)
            home.members.setdefault(actor, member)
        self.result.campaigns = sorted(found.values(), key=lambda c: (c.detected_at, c.id))
        return self.result

    def _events_of(self, actor: str) -> int:
        return self._observer.standing(actor).events

    def _speak(self, campaign: Campaign, verdicts: list[Verdict]) -> None:
        self.result.verdicts += verdicts
        self._changed[campaign.id] = campaign
        for verdict in verdicts:
            member = campaign.members.get(verdict.target)
            if member is not None:
                self._decided[verdict.target] = (campaign, member)

    def _take(self, seen: Observation) -> None:
        self._snapshot.note(seen)
        crossed = False
        if seen.score is not None:
            limits = self._limits[group_of(seen.service)]
            crossed = self._judge.look(
                seen.actor,
                seen.time,
                seen.score,
                limits=limits,
                unmistakable=seen.unmistakable,
                events=seen.against,
            )
            if crossed:
                self._observer.crossed(seen.actor)
            self.result.scores[seen.actor] = max(seen.score, self.result.scores.get(seen.actor, 0.0))
        if seen.success is None:
            self._linker.seen(seen.time, seen.actor)
        else:
            self._linker.success(seen.time, seen.actor, seen.success, seen.service)
        if seen.sighting is not None:
            self._linker.add(seen.sighting)
        campaign = self._linker.campaign_of(seen.actor, self._now) if crossed else None
        if campaign is not None:
            verdict = self._judge.convict(campaign, seen.actor, self._now)
            self._speak(campaign, [verdict] if verdict else [])

    def _tick(self, now: float) -> None:
        if self._next_tick is None:
            self._next_tick = now // TICK * TICK + TICK
        at = self._next_tick
        while at <= now and not self._linker.rests(now):
            for campaign in self._linker.tick(at):
                self._changed[campaign.id] = campaign
                self._speak(campaign, self._judge.decide(campaign, at))
            # Without events a tick has something new only when the linker says so, wherever the run is cut.
            at = max(at + TICK, math.ceil(min(self._linker.wakes(), now + TICK) / TICK) * TICK)
        self._next_tick = max(self._next_tick, now // TICK * TICK + TICK)

    def _protected(self, target: str, campaign: Campaign, now: float) -> str | None:
        standing = self._observer.standing(target)
        actors = [target] if target in campaign.members else [a for a in campaign.members if within(a, target)]
        logins = {}
        for actor in actors:
            # A mistyped password is no hostile event: days before the first one that looks hostile count.
            since = self._observer.standing(actor).hostile_since or now
            # An actor that was forgotten since is asked about by its name.
            logins[self._observer.standing(actor).address or actor] = self._timelines.logins.days_before(actor, since)
        web = bool(actors) and all(self._observer.standing(actor).web_only for actor in actors)
        edges = max(map(self._observer.edges.share, actors)) if web else 0.0
        return self._protection(
            Asked(target, campaign, now, logins, standing.agents, standing.share, self._snapshot.actors(), edges)
        )
