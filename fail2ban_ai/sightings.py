"""From scored tokens to what the campaigns are told: sightings of suspects, successful log-ins, mere presence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fail2ban_ai.actors import Tokens
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.campaigns.items import GUESSING, LOGIN_KINDS, Item
from fail2ban_ai.canonical import path_key
from fail2ban_ai.edges import Edges
from fail2ban_ai.events import TEXT_LIMIT
from fail2ban_ai.findings import Evidence, Sighting
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS, KINDS
from fail2ban_ai.model.scorer import Scores

WATCHED = 0.2  # the score from which an event is handed to the campaigns
STILL_LOOKED_AT = 32  # events of an actor after it crossed its threshold: what it broke may show only later
HOSTILE = 0.5  # the score that ends an actor's innocence: log-ins from then on protect nobody
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


@dataclass(frozen=True, slots=True)
class Observation:
    """One event as the judge and the campaigns see it."""

    time: float
    actor: str
    service: str
    score: float | None  # None where the model was not asked
    attack: str | None
    against: int  # see `against`; 0 where the model was not asked
    unmistakable: bool  # this one request may convict its actor
    success: str | None  # account, or path of a web form, that the actor logged in to
    sighting: Sighting | None
    touched: dict[Item, int]  # actors that touched its path, agent and account so far; empty where not asked
    population: int  # actors seen so far; 0 where not asked


class Observer:
    """Remembers where each actor stands, and turns tokens and log-ins into observations in order of time."""

    def __init__(self) -> None:
        self.edges = Edges()
        self._standing: dict[str, Standing] = {}

    def settled(self) -> set[str]:
        """Actors that need no more looking at: only a log-in of theirs still counts."""
        return {actor for actor, standing in self._standing.items() if not standing.left}

    def standing(self, actor: str) -> Standing:
        """Where an actor stands; an empty Standing for one never seen."""
        return self._standing.get(actor) or Standing()

    def crossed(self, actor: str) -> None:
        """This actor's score reached the threshold."""
        self._standing[actor].crossed = True

    def renew(self, actor: str) -> None:
        """Look at this actor again as at any other."""
        standing = self._standing.get(actor)
        if standing is not None:
            standing.crossed, standing.left = False, STILL_LOOKED_AT

    def forget(self, most: int) -> tuple[set[str], float]:
        """Keep the `most` actors last seen; those, and the time before which the others were last seen."""
        times = sorted((standing.last for standing in self._standing.values()), reverse=True)
        before = times[most] if len(times) > most else 0.0
        self._standing = {a: s for a, s in self._standing.items() if s.last > before}
        return set(self._standing), before

    def observe(self, frame: pl.DataFrame, tokens: Tokens, scores: Scores) -> Iterator[Observation]:
        """The observations of one frame. `crossed` may be called between two of them."""
        token = np.full(frame.height, -1, np.int64)
        token[tokens.row] = np.arange(len(tokens))
        worth, got_in = frame.select(
            pl.col("kind").is_in(list(LOGIN_KINDS)).alias("failed"),
            ((pl.col("kind") == "login_ok") | _POSTED).fill_null(value=False).alias("got_in"),
        )
        done = frame["address"].is_in(list(self.settled())).to_numpy() & ~got_in.to_numpy()
        picked = np.flatnonzero((worth.to_numpy() | got_in.to_numpy() | (token >= 0)) & ~done)
        told = _Told(tokens, scores)
        rows = frame[picked].select((pl.col("time").dt.timestamp("us") / 1e6), *_Event._fields[1:]).rows()
        for row, at in zip(rows, token[picked].tolist(), strict=True):
            event = _Event(*row)
            actor = actor_of(event.address)
            if actor is None:
                continue
            seen = self._observation(actor, event, told, at)
            standing = self._standing[actor]
            if standing.left or seen.success is not None:
                yield seen
            standing.left -= standing.crossed and standing.left > 0

    def _observation(self, actor: str, event: "_Event", told: "_Told", token: int) -> Observation:
        """`token`: the event's place among the tokens, -1 if it is none."""
        standing = self._standing.setdefault(actor, Standing())
        standing.address = event.address
        standing.web_only = standing.web_only and event.service == "web"
        score, attack, path = None, None, None
        touched: dict[Item, int] = {}
        if token >= 0:
            score, attack = told.take(standing, token)
            attack = attack if event.kind == "request" else None  # the classes are those of web requests
            if standing.hostile_since is None and standing.score >= HOSTILE:
                standing.hostile_since = event.time
            standing.events, standing.agents = told.count[token], told.agents[token]
            standing.share = standing.events / told.total[token]
            if event.service == "web" and standing.left:
                hostile = standing.hostile_since is not None
                counts = {"requests": standing.events, "agents": standing.agents}
                self.edges.note(actor, event.agent, **counts, hostile=hostile)
            path = told.path[token]
            values = (("path", path), ("agent", event.agent), ("account", event.account))
            touched = {(kind, value): n for (kind, value), n in zip(values, told.touched[token], strict=True) if value}
        elif event.kind == "request":
            path = path_key(event.target or "")
        success = None
        if event.kind == "login_ok":
            success = event.account
        elif event.method == "POST" and event.status in _REDIRECT:
            success = path
        return Observation(
            time=event.time,
            actor=actor,
            service=event.service,
            score=score,
            attack=attack,
            against=told.against[token] if token >= 0 else 0,
            unmistakable=token >= 0 and told.unmistakable[token],
            success=success,
            sighting=_sighting(standing, event, actor=actor, path=path, attack=attack),
            touched=touched,
            population=told.population[token] if token >= 0 else 0,
        )


class _Event(NamedTuple):
    """The columns of the event table that an observation is made of."""

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


def against(tokens: Tokens) -> npt.NDArray[np.int64]:
    """Acts so far that speak against each event's actor, 0 where nothing but company can convict it at that event.

    One address that fails on one mailbox in use may be its owner: only company tells (campaigns.waves).
    """
    found: npt.NDArray[np.int64] = np.where(tokens.forgetful > 0, 0, tokens.count)
    return found


class _Told:
    """What was counted and scored, one entry for each token: reading numbers one by one out of arrays takes longer."""

    def __init__(self, tokens: Tokens, scores: Scores) -> None:
        self.count: list[int] = tokens.count.tolist()
        self.agents: list[int] = tokens.agents.tolist()
        self.total: list[int] = tokens.total.tolist()
        self.population: list[int] = tokens.population.tolist()
        self.against: list[int] = against(tokens).tolist()
        self.unmistakable: list[bool] = scores.unmistakable.tolist()
        self.touched: list[list[int]] = tokens.touched.tolist()
        self.path = tokens.path
        self._hostile: list[float] = scores.hostile.tolist()
        self._kind: list[int] = np.argmax(scores.kind, axis=1).tolist()
        best = np.argmax(scores.attack, axis=1)
        seen = (best > 0) & (scores.attack[np.arange(len(best)), best] >= ATTACK_SEEN)
        self._attack: list[int] = np.where(seen, best, 0).tolist()

    def take(self, standing: Standing, token: int) -> tuple[float | None, str | None]:
        """Note the model's word on a token; (None, None) for an actor that is settled."""
        score = self._hostile[token]
        if not standing.left or math.isnan(score):
            return None, None
        standing.score = score
        standing.intent = KINDS[self._kind[token]]
        attack = self._attack[token]
        return score, ATTACKS[attack] if attack else None


def _sighting(
    standing: Standing, event: _Event, *, actor: str, path: str | None, attack: str | None
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
    )
