"""From event frames to tokens, one event after the other, each judged by what came before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fail2ban_ai.actors import texts
from fail2ban_ai.actors.features import NUMERIC, numeric
from fail2ban_ai.actors.logins import Logins
from fail2ban_ai.actors.rarity import FAMILIAR, Rarity
from fail2ban_ai.actors.state import ACTORS_KEPT, NAMES_KEPT, NETWORKS_COUNTED, RETENTION, ActorState, Context, Item
from fail2ban_ai.addresses import actor_of, network_of

_HISTORY = ("ban", "unban")  # what fail2ban did is no behaviour of the actor
_PRUNE_EVERY = 50_000  # events


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
        self._since_prune = 0

    def update(self, frame: pl.DataFrame) -> Tokens:
        """The tokens of these events. `frame` has the columns of events.SCHEMA; bans and unbans yield none."""
        kept = frame.with_row_index("row").filter(~pl.col("kind").is_in(_HISTORY))
        requests, seconds, referers = texts.requests(kept), texts.seconds(kept), texts.referers(kept)
        times = kept["time"].dt.timestamp("us").to_numpy() / 1e6
        columns = (kept[name].to_list() for name in ("address", "service", "kind", "method", "status", "account"))
        picked: list[int] = []
        names: list[str] = []
        rows: list[list[float]] = []
        counts: list[tuple[int, ...]] = []
        for i, (address, service, kind, method, status, account) in enumerate(zip(*columns, strict=True)):
            actor = actor_of(address)
            if actor is None:
                continue
            event = (float(times[i]), service, kind, method, status or 0, account)
            made = self._event(actor, event, requests[i], seconds[i], referers[i])
            if made is not None:
                features, seen = made
                picked.append(i)
                names.append(actor)
                rows.append(features)
                counts.append(seen)
        index = np.array(picked, dtype=np.int64)
        counted = np.array(counts, dtype=np.int64).reshape(len(counts), 8)
        return Tokens(
            actor=names,
            time=times[index] if picked else np.empty(0),
            request=[requests[i].text for i in picked],
            second=[seconds[i] for i in picked],
            referer=[referers[i] for i in picked],
            path=[requests[i].path for i in picked],
            numeric=np.array(rows, dtype=np.float32).reshape(len(rows), len(NUMERIC)),
            row=kept["row"].to_numpy()[index].astype(np.int64) if picked else index,
            count=counted[:, 0],
            touched=counted[:, 1:4],
            population=counted[:, 4],
            agents=counted[:, 5],
            total=counted[:, 6],
            forgetful=counted[:, 7],
        )

    def _event(
        self,
        actor: str,
        event: tuple[float, str, str, str | None, int, str | None],
        request: texts.Request,
        second: str,
        referer: str,
    ) -> tuple[list[float], tuple[int, ...]] | None:
        """Count one event. None when it says nothing new, else its features and counts: the actor's events, the
        actors of its path, agent and account, all actors, its agents, all events."""
        time, service, kind, method, status, account = event
        state = self._state(actor, time)
        gap = max(0.0, time - state.last)  # a line may come a little late
        state.first, state.last = min(state.first, time), max(state.last, time)
        state.events += 1
        state.services.add(service)
        times = state.count(hash((request.text, second, status // 100, kind)))
        path, agent = request.path, second if kind == "request" else ""
        place = self.rarity.look("path", path, time)
        came_with = self.rarity.look("agent", agent, time)
        tried = self.rarity.look("account", account, time)
        good = kind == "request" and 200 <= status < 400
        others = place.networks
        familiar = len(others) - (state.network in others)
        ordinary = good and familiar >= FAMILIAR
        before = (place.actors, came_with.actors, tried.pressed, tried.known, bool(others))
        if times == 1:
            self._touch(state, path, agent, account, (place, came_with, tried))
        if good and len(others) < NETWORKS_COUNTED:
            others.add(state.network)
        own = account is not None and account in state.own_accounts
        state.acts += kind != "login_hint"
        state.strange += _is_strange(state, kind, account, known=tried.known) or (kind == "request" and not good)
        self._count(state, actor, event, ordinary=ordinary)
        if not _worth_a_look(state, times, good=good, ordinary=ordinary):
            return None
        asked, agent_known, pressed, known, answered = before
        features = numeric(
            state,
            Context(
                time=time,
                gap=gap,
                service=service,
                kind=kind,
                method=method,
                status=status,
                repeat=times,
                layers=request.layers,
                changed=request.changed,
                familiar=familiar,
                touched=asked,
                agent_known=agent_known,
                warm=self.rarity.actors(),
                has_referer=referer != "",
                account_known=known,
                account_own=own,
                account_pressed=pressed,
                breaks=status >= 500 and answered,
            ),
        )
        touched = (place.actors, came_with.actors, tried.actors)
        told = (len(state.agents), self._total, int(state.forgetful))
        return features, (state.acts, *touched, self.rarity.actors(), *told)

    def _touch(
        self,
        state: ActorState,
        path: str | None,
        agent: str,
        account: str | None,
        items: tuple[Item, Item, Item],
    ) -> None:
        for kind, value, item in zip(("path", "agent", "account"), (path, agent, account), items, strict=True):
            if value:
                self.rarity.touch(state, kind, value, item)
        if agent and len(state.agents) < NAMES_KEPT:
            state.agents.add(hash(agent))

    def _state(self, actor: str, time: float) -> ActorState:
        state = self.actors.get(actor)
        if state is None or time - state.last > RETENTION:
            network = network_of(actor)
            number = hash(network) if network else hash(actor)
            state = self.actors[actor] = ActorState(first=time, last=time, network=number)
            self.rarity.new_actor()
        self._total += 1
        self._since_prune += 1
        if self._since_prune >= _PRUNE_EVERY:
            self._since_prune = 0
            self._prune(time)
        return state

    def _prune(self, now: float) -> None:
        old = [a for a, s in self.actors.items() if now - s.last > RETENTION]
        if len(self.actors) - len(old) > ACTORS_KEPT:
            by_age = sorted(self.actors, key=lambda a: self.actors[a].last)
            old = by_age[: len(self.actors) - ACTORS_KEPT]
        for actor in old:
            del self.actors[actor]
        self.rarity.prune(now)

    def _count(
        self,
        state: ActorState,
        actor: str,
        event: tuple[float, str, str, str | None, int, str | None],
        *,
        ordinary: bool,
    ) -> None:
        time, _, kind, _, status, account = event
        if kind == "login_ok":
            day = time // 86400
            state.logins += 1
            state.login_days += day != state.last_login_day
            state.last_login_day = day
            if account is not None and len(state.own_accounts) < NAMES_KEPT:
                state.own_accounts.add(account)
            self.rarity.log_in(account, time)
            self.logins.success(actor, time)
        elif kind in ("login_failed", "invalid_user", "reject", "failure"):
            state.failed += 1
            self.rarity.press(account, time, state)
        elif status >= 400:
            state.failed += 1
            state.missing += status == 404
        elif ordinary:
            state.ordinary += 1
        elif kind == "request":
            state.fresh += 1
        if account is not None and len(state.accounts) < NAMES_KEPT:
            state.accounts.add(account)


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
