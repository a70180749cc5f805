"""From scored tokens to what the campaigns are told: sightings of suspects, successful log-ins, mere presence."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import polars as pl

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.against import against
from fail2ban_ai.actors.columns import ordinary
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.campaigns.items import GUESSING, LOGIN_KINDS, Item
from fail2ban_ai.canonical import path_key
from fail2ban_ai.edges import Edges
from fail2ban_ai.events import TEXT_LIMIT
from fail2ban_ai.findings import Evidence, Sighting
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS, KINDS
from fail2ban_ai.model.runtime import Floats
from fail2ban_ai.model.scorer import NAMED, Scores

WATCHED = 0.2  # the score from which an event is handed to the campaigns
STILL_LOOKED_AT = 32  # events of an actor after it crossed its threshold: what it broke may show only later
HOSTILE = 0.5  # the score that ends an actor's innocence: log-ins from then on protect nobody
_NOTHING: Mapping[Item, int] = MappingProxyType({})
_GONE = (404, 410)
_ASKED_UNTOLD = re.compile(r"\.(?:ico|png|css|js|map|txt)$")
"""What browsers and previews ask for by themselves, beside the page."""
_REDIRECT = (302, 303)  # how web log-in forms answer a success
_POSTED = (pl.col("method") == "POST") & pl.col("status").is_in(_REDIRECT)


@dataclass(slots=True)
class Standing:
    """The last the model said about an actor."""

    score: float = 0.0
    intent: str = "benign"
    left: int = STILL_LOOKED_AT  # events that will be looked at after the crossing
    crossed: bool = False
    events: int = 0  # of the actor, as of the last token
    agents: int = 0
    share: float = 0.0  # of all events
    address: str = ""  # the last one seen: an actor may be a /64
    hostile_since: float | None = None  # time of the first event that scored HOSTILE
    last: float = 0.0  # time of the last event that was looked at
    web_only: bool = True  # no edge of a CDN logs in by SSH or sends mail
    gone: str | None = None  # the one page that is not there and that it asked for
    beyond: bool = False  # it did more against the site than to ask for that


class Observation(NamedTuple):
    """One event as the judge and the campaigns see it."""

    time: float
    actor: str
    service: str
    score: float | None = None  # None where the model was not asked
    attack: str | None = None
    against: int = 0  # see `against`; 0 where the model was not asked
    unmistakable: bool = False  # this one request may convict its actor
    success: str | None = None  # account, or path of a web form, that the actor logged in to
    sighting: Sighting | None = None
    touched: Mapping[Item, int] = _NOTHING  # actors that touched its path, agent and account so far; none if not asked
    population: int = 0  # actors seen so far; 0 where not asked


class Observer:
    """Remembers where each actor stands, and turns tokens and log-ins into observations in order of time."""

    def __init__(self) -> None:
        self.edges = Edges()
        self.settled: set[str] = set()  # actors that need no more looking at: only a log-in of theirs still counts
        self._standing: dict[str, Standing] = {}

    def standing(self, actor: str) -> Standing:
        """Where an actor stands; an empty Standing for one never seen."""
        return self._standing.get(actor) or Standing()

    def busy(self, share: float) -> dict[str, tuple[float, int]]:
        """Actors that bring at least a `share` of all events: their share, and how many user agents they have."""
        return {a: (s.share, s.agents) for a, s in self._standing.items() if s.share >= share}

    def crossed(self, actor: str) -> None:
        """This actor's score reached the threshold."""
        self._standing[actor].crossed = True

    def renew(self, actor: str) -> None:
        """Look at this actor again as at any other."""
        standing = self._standing.get(actor)
        if standing is not None:
            standing.crossed, standing.left = False, STILL_LOOKED_AT
            self.settled.discard(actor)

    def forget(self, most: int) -> tuple[set[str], float]:
        """Keep the `most` actors last seen; those, and the time before which the others were last seen."""
        times = sorted((standing.last for standing in self._standing.values()), reverse=True)
        before = times[most] if len(times) > most else 0.0
        self._standing = {a: s for a, s in self._standing.items() if s.last > before}
        self.settled.intersection_update(self._standing)
        return set(self._standing), before

    def observe(self, frame: pl.DataFrame, tokens: Tokens, scores: Scores) -> Iterator[Observation]:
        """The observations of one frame. `crossed` may be called between two of them."""
        token = np.full(frame.height, -1, np.int64)
        token[tokens.row] = np.arange(len(tokens))
        worth, got_in = frame.select(
            pl.col("kind").is_in(list(LOGIN_KINDS)).alias("failed"),
            ((pl.col("kind") == "login_ok") | _POSTED).fill_null(value=False).alias("got_in"),
        )
        done = frame["address"].is_in(list(self.settled)).to_numpy() & ~got_in.to_numpy()
        picked = np.flatnonzero((worth.to_numpy() | got_in.to_numpy() | (token >= 0)) & ~done)
        told = _Told(tokens, scores)
        for event, at in zip(_events(frame[picked.tolist()]), token[picked].tolist(), strict=True):
            actor = event.actor
            if actor is None:
                continue
            standing = self._standing.get(actor)
            if standing is None:
                standing = self._standing[actor] = Standing()
            standing.address = event.address
            standing.last = max(standing.last, event.time)
            standing.web_only = standing.web_only and event.service == "web"
            if at >= 0:
                seen = self._told_of(actor, standing, event, told, at)
            elif event.kind == "login_ok":
                seen = Observation(event.time, actor, event.service, success=event.account)
            else:
                seen = _untold(actor, standing, event)
            if standing.left or seen.success is not None:
                yield seen
            if standing.crossed and standing.left:
                standing.left -= 1
                if not standing.left:
                    self.settled.add(actor)

    def _told_of(self, actor: str, standing: Standing, event: "_Event", told: "_Told", token: int) -> Observation:
        """What is seen of an event that is a token: the place of that is given."""
        score, attack, company = told.take(standing, token)
        attack = attack if event.kind == "request" else None  # the classes are those of web requests
        if standing.hostile_since is None and standing.score >= HOSTILE:
            standing.hostile_since = event.time
        count, agents, path = told.count[token], told.agents[token], told.path[token]
        usual = told.ordinary[token] and event.method != "POST" and (attack is None or ATTACKS.index(attack) in NAMED)
        if not (usual or standing.beyond):
            _note_beyond(standing, event, path, unmistakable=told.unmistakable[token])
        standing.events, standing.agents = count, agents
        standing.share = count / told.total[token]
        if event.service == "web" and standing.left:
            hostile = standing.hostile_since is not None
            self.edges.note(actor, event.agent, requests=count, agents=agents, hostile=hostile)
        of_path, of_agent, of_account = told.touched[token]
        touched: dict[Item, int] = {}
        if path:
            touched["path", path] = of_path
        if event.agent:
            touched["agent", event.agent] = of_agent
        if event.account:
            touched["account", event.account] = of_account
        return Observation(
            event.time,
            actor,
            event.service,
            score,
            attack,
            told.against[token] if standing.beyond else 0,
            told.unmistakable[token],
            _success(event, path),
            _sighting(standing, event, actor=actor, path=path, attack=attack, company=company),
            touched,
            told.population[token],
        )


def _note_beyond(standing: Standing, event: "_Event", path: str | None, *, unmistakable: bool) -> None:
    """Note whether an actor did more than follow a dead link, by an event that is not usual here.

    Whoever asks for one page that is not there, and else for what is usual here, may have clicked on a link of years
    ago. Only the name of that page speaks against it, and old sites had names like those that scanners try.
    """
    if unmistakable or event.status not in _GONE or event.method not in ("GET", "HEAD"):
        standing.beyond = True
    elif path is not None and not _ASKED_UNTOLD.search(path):
        standing.beyond = standing.gone not in (None, path)
        standing.gone = path


def _untold(actor: str, standing: Standing, event: "_Event") -> Observation:
    """What is seen of an event that says nothing new: a failed log-in, or a form that may have let somebody in."""
    path = path_key(event.target or "") if event.kind == "request" else None
    sighting = _sighting(standing, event, actor=actor, path=path)
    return Observation(event.time, actor, event.service, success=_success(event, path), sighting=sighting)


def _success(event: "_Event", path: str | None) -> str | None:
    """Account, or path of a web form, that the event is a log-in to."""
    if event.kind == "login_ok":
        return event.account
    return path if event.method == "POST" and event.status in _REDIRECT else None


class _Event(NamedTuple):
    """The columns of the event table that an observation is made of, and whose it is."""

    actor: str | None
    time: float
    source: str
    line: int
    service: str
    kind: str
    address: str
    account: str | None
    method: str | None
    target: str | None
    status: int | None
    agent: str | None
    text: str


def _events(frame: pl.DataFrame) -> Iterator[_Event]:
    """The rows of an event table, made column by column: row by row takes twice as long."""
    frame = frame.select((pl.col("time").dt.timestamp("us") / 1e6), *_Event._fields[2:])
    actors = map(actor_of, frame["address"].to_list())
    return map(_Event._make, zip(actors, *(column.to_list() for column in frame.iter_columns()), strict=True))


class _Told:
    """What was counted and scored, one entry for each token: reading numbers one by one out of arrays takes longer."""

    def __init__(self, tokens: Tokens, scores: Scores) -> None:
        self.count: list[int] = tokens.count.tolist()
        self.agents: list[int] = tokens.agents.tolist()
        self.total: list[int] = tokens.total.tolist()
        self.population: list[int] = tokens.population.tolist()
        self.against: list[int] = against(tokens).tolist()
        self.unmistakable: list[bool] = scores.unmistakable.tolist()
        usual = ordinary(tokens.numeric)
        self.ordinary: list[bool] = usual.tolist()
        self.touched: list[list[int]] = tokens.touched.tolist()
        self.path = tokens.path
        self._hostile: list[float] = scores.hostile.tolist()
        self._company = scores.company
        self._kind: list[int] = np.argmax(scores.kind, axis=1).tolist()
        best = np.argmax(scores.attack, axis=1)
        seen = (best > 0) & (scores.attack[np.arange(len(best)), best] >= ATTACK_SEEN)
        seen &= ~(np.isin(best, NAMED) & usual)
        self._attack: list[int] = np.where(seen, best, 0).tolist()

    def take(self, standing: Standing, token: int) -> tuple[float | None, str | None, Floats | None]:
        """Note the model's word on a token: score, attack, company; None of them for an actor that is settled."""
        score = self._hostile[token]
        if not standing.left or math.isnan(score):
            return None, None, None
        standing.score = score
        standing.intent = KINDS[self._kind[token]]
        attack = self._attack[token]
        return score, ATTACKS[attack] if attack else None, self._company[token]


def _sighting(
    standing: Standing,
    event: _Event,
    *,
    actor: str,
    path: str | None,
    attack: str | None = None,
    company: Floats | None = None,
) -> Sighting | None:
    guess = event.kind in LOGIN_KINDS or (event.method == "POST" and standing.intent in GUESSING)
    if event.kind == "login_ok" or not (guess or standing.score >= WATCHED):
        return None
    return Sighting(
        time=event.time,
        actor=actor,
        address=event.address,
        service=event.service,
        kind=event.kind,
        score=standing.score,
        intent=standing.intent,
        account=event.account,
        path=path,
        agent=event.agent,
        method=event.method,
        status=event.status,
        attack=attack,
        evidence=Evidence(event.source, event.line, event.text[:TEXT_LIMIT], event.time),
        company=None if company is None else company.copy(),  # else the whole chunk would be held
        astray=not standing.beyond,
    )
