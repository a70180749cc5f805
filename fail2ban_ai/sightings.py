"""From scored tokens to what the campaigns are told: sightings of suspects, successful log-ins, mere presence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
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
    web_only: bool = True  # no edge of a CDN logs in by SSH or sends mail


@dataclass(frozen=True, slots=True)
class Observation:
    """One event as the judge and the campaigns see it."""

    time: float
    actor: str
    service: str
    score: float | None  # None where the model was not asked
    attack: str | None
    count: int  # acts of the actor so far; 0 where the model was not asked
    forgetful: bool  # so far it did only what somebody does who forgot a password
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

    def observe(self, frame: pl.DataFrame, tokens: Tokens, scores: Scores) -> Iterator[Observation]:
        """The observations of one frame. `crossed` may be called between two of them."""
        token_of = dict(zip(tokens.row.tolist(), range(len(tokens)), strict=True))
        log_in = pl.col("kind").is_in([*LOGIN_KINDS, "login_ok"])
        posted = (pl.col("method") == "POST") & pl.col("status").is_in(_REDIRECT)
        indexed = frame.with_row_index("row")
        worth = (log_in | posted).fill_null(value=False) | pl.col("row").is_in(tokens.row.tolist())
        got_in = posted.fill_null(value=False) | (pl.col("kind") == "login_ok")
        done = pl.col("address").is_in(list(self.settled())) & ~got_in
        picked = indexed.filter(worth & ~done)
        seconds = (picked["time"].dt.timestamp("us") / 1e6).to_list()
        for event, time in zip(picked.iter_rows(named=True), seconds, strict=True):
            token = token_of.get(event["row"])
            actor = actor_of(event["address"])
            if actor is None:
                continue
            seen = self._observation(actor, time, event, tokens, scores, token)
            standing = self._standing[actor]
            if standing.left or seen.success is not None:
                yield seen
            standing.left -= standing.crossed and standing.left > 0

    def _observation(  # noqa: PLR0917 - private, called in one place
        self, actor: str, time: float, event: dict[str, Any], tokens: Tokens, scores: Scores, token: int | None
    ) -> Observation:
        standing = self._standing.setdefault(actor, Standing())
        standing.address = event["address"]
        standing.web_only = standing.web_only and event["service"] == "web"
        score, attack, path = None, None, None
        touched: dict[Item, int] = {}
        if token is not None:
            score, attack = _take(standing, scores, token)
            attack = attack if event["kind"] == "request" else None  # the classes are those of web requests
            if standing.hostile_since is None and standing.score >= HOSTILE:
                standing.hostile_since = time
            standing.events, standing.agents = int(tokens.count[token]), int(tokens.agents[token])
            standing.share = standing.events / int(tokens.total[token])
            if event["service"] == "web" and standing.left:
                hostile = standing.hostile_since is not None
                counts = {"requests": standing.events, "agents": standing.agents}
                self.edges.note(actor, event["agent"], **counts, hostile=hostile)
            path = tokens.path[token]
            values = (("path", path), ("agent", event["agent"]), ("account", event["account"]))
            counts = tokens.touched[token].tolist()
            touched = {(kind, value): n for (kind, value), n in zip(values, counts, strict=True) if value}
        elif event["kind"] == "request":
            path = path_key(event["target"] or "")
        success = None
        if event["kind"] == "login_ok":
            success = event["account"]
        elif event["method"] == "POST" and event["status"] in _REDIRECT:
            success = path
        # A log-in page or panel that is there is what an honest visitor asks for too (model.scorer.convicting).
        there = attack == "scan" and 200 <= (event["status"] or 0) < 300
        return Observation(
            time=time,
            actor=actor,
            service=event["service"],
            score=score,
            attack=None if there else attack,
            count=int(tokens.count[token]) if token is not None else 0,
            forgetful=token is not None and bool(tokens.forgetful[token]),
            success=success,
            sighting=_sighting(standing, event, actor=actor, time=time, path=path, attack=attack),
            touched=touched,
            population=int(tokens.population[token]) if token is not None else 0,
        )


def _take(standing: Standing, scores: Scores, token: int) -> tuple[float | None, str | None]:
    """Note the model's word on a token; (None, None) for an actor that is settled."""
    score = float(scores.hostile[token])
    if not standing.left or np.isnan(score):
        return None, None
    standing.score = score
    standing.intent = KINDS[int(np.argmax(scores.kind[token]))]
    best = int(np.argmax(scores.attack[token]))
    seen = best > 0 and float(scores.attack[token, best]) >= ATTACK_SEEN
    return score, ATTACKS[best] if seen else None


def _sighting(
    standing: Standing, event: dict[str, Any], *, actor: str, time: float, path: str | None, attack: str | None
) -> Sighting | None:
    guess = event["kind"] in LOGIN_KINDS or (event["method"] == "POST" and standing.intent in GUESSING)
    if event["kind"] == "login_ok" or not (guess or standing.score >= WATCHED):
        return None
    return Sighting(
        time=time,
        actor=actor,
        address=event["address"],
        service=event["service"],
        kind=event["kind"],
        score=standing.score,
        intent=standing.intent,
        account=event["account"],
        path=path,
        agent=event["agent"],
        method=event["method"],
        status=event["status"],
        attack=attack,
        evidence=Evidence(event["source"], event["line"], event["text"][:TEXT_LIMIT], time),
    )
