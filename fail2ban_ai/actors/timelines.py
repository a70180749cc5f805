"""From event frames to tokens, one event after the other, each judged by what came before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fail2ban_ai.actors.chunk import Chunk, Row
from fail2ban_ai.actors.features import NUMERIC, numeric
from fail2ban_ai.actors.logins import Logins
from fail2ban_ai.actors.rarity import FAMILIAR, Rarity
from fail2ban_ai.actors.state import ACTORS_KEPT, NAMES_KEPT, NETWORKS_COUNTED, RETENTION, ActorState, Context
from fail2ban_ai.addresses import network_of

_OTHERS = ("ban", "unban", "http_error")  # what fail2ban did; a second line about a request or its script
# Connections that closed before they asked for anything (nginx "", Apache "-"): browsers open them ahead of need.
_UNASKED = ["", "-"]
# Certificate authorities look there from addresses of their own choice (RFC 8555, section 8.3); one that is banned ends
# the site's certificates, and a token that nobody was given leads nowhere.
_CHALLENGE = r"^/\.well-known/acme-challenge/[A-Za-z0-9_-]*$"
_PRUNE_EVERY = 50_000  # events

Counts = tuple[int, ...]  # acts of the actor; actors of its path, agent, account; all actors; agents; events; forgetful


@dataclass(slots=True)
class Tokens:
    """The events worth a look, in order of time; every list and array has one entry for each."""

    actor: list[str]
    time: npt.NDArray[np.float64]  # seconds since the epoch, UTC
    request: list[str]
    second: list[str]
    referer: list[str]
    path: list[str | None]
    numeric: npt.NDArray[np.float32]  # [n, len(NUMERIC)]
    row: npt.NDArray[np.int64]  # of the frame
    count: npt.NDArray[np.int64]  # acts of the actor so far, this one included: two lines about one attempt are one
    touched: npt.NDArray[np.int64]  # [n, 3] actors that touched its path, agent and account so far, this one included
    population: npt.NDArray[np.int64]  # actors seen so far
    agents: npt.NDArray[np.int64]  # distinct user agents of the actor so far, at most state.NAMES_KEPT
    forgetful: npt.NDArray[np.int64]  # 1: so far it did only what somebody does who forgot a password
    total: npt.NDArray[np.int64]  # events of all actors so far

    def __len__(self) -> int:
        return len(self.actor)


class Timelines:
    """All actors of a host. Feed frames in order of time; chunk borders change nothing."""

    def __init__(self) -> None:
        self.actors: dict[str, ActorState] = {}
        self.rarity = Rarity()
        self.logins = Logins()
        self._total = 0

    def update(self, frame: pl.DataFrame) -> Tokens:
        """The tokens of these events (events.SCHEMA). What says nothing about how its address behaves yields none."""
        chunk = Chunk(frame.with_row_index("row").filter(~_says_nothing()))
        picked: list[int] = []
        rows: list[list[float]] = []
        counts: list[Counts] = []
        states = chunk.states
        for i, fields in enumerate(chunk.rows()):
            actor, time = fields[0], fields[7]
            self._total += 1
            if not self._total % _PRUNE_EVERY:
                self._prune(time)
                chunk.forget()
            state = states[actor]
            if state is None or time - state.last > RETENTION:
                state = states[actor] = self._state(chunk.actors[actor], time)
            if _passes_by(chunk, state, fields):
                continue
            made = self._event(chunk, i, state, Row(*fields))
            if made is not None:
                picked.append(i)
                rows.append(made[0])
                counts.append(made[1])
        return _tokens(chunk, picked, rows, counts)

    def _event(self, chunk: Chunk, i: int, state: ActorState, row: Row) -> tuple[list[float], Counts] | None:
        """Count one event. None when it says nothing new, else its features and counts."""
        time, kind, status = row.time, row.kind, row.status
        gap = max(0.0, time - state.last)  # a line may come a little late
        state.first, state.last = min(state.first, time), max(state.last, time)
        state.events += 1
        state.services.add(row.service)
        request, second = chunk.requests.values[row.request], chunk.seconds.values[row.second]
        times = state.count(hash((request.text, second, status // 100, kind)))
        path, agent, account = request.path, second if kind == "request" else "", chunk.accounts[row.account]
        place = self.rarity.look("path", path, time)
        came_with = self.rarity.look("agent", agent, time)
        tried = self.rarity.look("account", account, time)
        chunk.meet(row, place if path else None, came_with if agent else None)
        good = kind == "request" and 200 <= status < 400
        others = place.networks
        familiar = len(others) - (state.network in others)
        ordinary = good and familiar >= FAMILIAR
        before = (place.actors, came_with.actors, tried.pressed, tried.known, bool(others))
        if times == 1:
            state.touch("path", path, place)
            state.touch("agent", agent, came_with)
            state.touch("account", account, tried)
            if agent and len(state.agents) < NAMES_KEPT:
                state.agents.add(hash(agent))
        if good and len(others) < NETWORKS_COUNTED:
            others.add(state.network)
        own = account is not None and account in state.own_accounts
        state.acts += kind != "login_hint"
        state.strange += _is_strange(state, kind, account, known=tried.known) or (kind == "request" and not good)
        self._count(state, chunk.actors[row.actor], row, account, ordinary=ordinary)
        if not _worth_a_look(state, times, good=good, ordinary=ordinary):
            return None
        asked, agent_known, pressed, known, answered = before
        features = numeric(
            state,
            Context(
                time=time,
                gap=gap,
                service=row.service,
                kind=kind,
                method=chunk.methods[i],
                status=status,
                repeat=times,
                layers=request.layers,
                changed=request.changed,
                familiar=familiar,
                touched=asked,
                agent_known=agent_known,
                warm=self.rarity.actors(),
                has_referer=chunk.referers.values[chunk.referers.codes[i]] != "",
                account_known=known,
                account_own=own,
                account_pressed=pressed,
                breaks=status >= 500 and answered,
            ),
        )
        touched = (place.actors, came_with.actors, tried.actors)
        told = (len(state.agents), self._total, int(state.forgetful))
        return features, (state.acts, *touched, self.rarity.actors(), *told)

    def _state(self, actor: str, time: float) -> ActorState:
        state = self.actors.get(actor)
        if state is None or time - state.last > RETENTION:
            network = network_of(actor)
            number = hash(network) if network else hash(actor)
            state = self.actors[actor] = ActorState(first=time, last=time, network=number)
            self.rarity.new_actor()
        return state

    def _prune(self, now: float) -> None:
        old = [a for a, s in self.actors.items() if now - s.last > RETENTION]
        if len(self.actors) - len(old) > ACTORS_KEPT:
            by_age = sorted(self.actors, key=lambda a: self.actors[a].last)
            old = by_age[: len(self.actors) - ACTORS_KEPT]
        for actor in old:
            del self.actors[actor]
        self.rarity.prune(now)

    def _count(self, state: ActorState, actor: str, row: Row, account: str | None, *, ordinary: bool) -> None:
        if row.kind == "login_ok":
            day = row.time // 86400
            state.logins += 1
            state.login_days += day != state.last_login_day
            state.last_login_day = day
            if account is not None and len(state.own_accounts) < NAMES_KEPT:
                state.own_accounts.add(account)
            self.rarity.log_in(account, row.time)
            self.logins.success(actor, row.time)
        elif row.kind in ("login_failed", "invalid_user", "reject", "failure"):
            state.failed += 1
            self.rarity.press(account, row.time, state)
        elif row.status >= 400:
            state.failed += 1
            state.missing += row.status == 404
        elif ordinary:
            state.ordinary += 1
        elif row.kind == "request":
            state.fresh += 1
        if account is not None and len(state.accounts) < NAMES_KEPT:
            state.accounts.add(account)


def _says_nothing() -> pl.Expr:
    unasked = pl.col("method").is_null() & pl.col("target").is_in(_UNASKED)
    challenge = pl.col("target").str.contains(_CHALLENGE)
    return pl.col("kind").is_in(_OTHERS) | (unasked | challenge).fill_null(value=False)


def _passes_by(chunk: Chunk, state: ActorState, fields: tuple[int, int, int, int, str, str, int, float]) -> bool:
    """Count an event that is ordinary and not worth a look, which most of a log is, at a quarter of _event's cost.

    False, and nothing counted, for every other one and for what this chunk has not met before.
    """
    _, asked, named, tried, service, kind, status, time = fields
    place, agent = chunk.places[asked], chunk.agents[named]
    if place is None or agent is None or kind != "request" or not 200 <= status < 400:
        return False
    networks = place.networks
    known = len(networks)
    if known - (state.network in networks) < FAMILIAR or not state.ordinary & (state.ordinary + 1):
        return False
    if time - place.last > RETENTION or time - agent.last > RETENTION or chunk.accounts[tried] is not None:
        return False
    place.last = agent.last = time
    if time > state.last:
        state.last = time
    elif time < state.first:
        state.first = time
    state.events += 1
    state.acts += 1
    state.ordinary += 1
    if known < NETWORKS_COUNTED:
        networks.add(state.network)
    path, second = chunk.requests.values[asked], chunk.seconds.values[named]
    if state.count(hash((path.text, second, status // 100, kind))) == 1:
        state.services.add(service)
        state.touch("path", path.path, place)
        state.touch("agent", second, agent)
        if len(state.agents) < NAMES_KEPT:
            state.agents.add(hash(second))
    return True


def _is_strange(state: ActorState, kind: str, account: str | None, *, known: bool) -> bool:
    """Whether a failed log-in is none that the account's owner would make."""
    if kind in ("invalid_user", "reject", "failure"):
        return True
    return kind == "login_failed" and not (known and (not state.accounts or state.accounts == {account}))


def _worth_a_look(state: ActorState, times: int, *, good: bool, ordinary: bool) -> bool:
    """Ordinary successes at powers of two; everything else once and then at powers of two, thinned after 64."""
    if ordinary:
        return state.ordinary & (state.ordinary - 1) == 0
    if times & (times - 1):
        return False
    if good:
        return state.fresh <= 64 or state.fresh % 16 == 0
    return state.failed <= 256 or state.failed % 16 == 0


def _tokens(chunk: Chunk, picked: list[int], rows: list[list[float]], counts: list[Counts]) -> Tokens:
    index = np.array(picked, dtype=np.int64)
    counted = np.array(counts, dtype=np.int64).reshape(len(counts), 8)
    asked = [chunk.requests.values[code] for code in _at(chunk.requests.codes, picked)]
    return Tokens(
        actor=[chunk.actors[code] for code in _at(chunk.actor_codes, picked)],
        time=chunk.times[index],
        request=[request.text for request in asked],
        second=[chunk.seconds.values[code] for code in _at(chunk.seconds.codes, picked)],
        referer=[chunk.referers.values[code] for code in _at(chunk.referers.codes, picked)],
        path=[request.path for request in asked],
        numeric=np.array(rows, dtype=np.float32).reshape(len(rows), len(NUMERIC)),
        row=chunk.numbers()[index],
        count=counted[:, 0],
        touched=counted[:, 1:4],
        population=counted[:, 4],
        agents=counted[:, 5],
        total=counted[:, 6],
        forgetful=counted[:, 7],
    )


def _at(codes: list[int], picked: list[int]) -> list[int]:
    return [codes[i] for i in picked]
