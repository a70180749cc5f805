"""Log-in waves: many unrelated addresses failing on one account, or on one service, beyond what its history explains.

Failures are added up per target first; only when that sum is beyond doubt are they attributed to participants. An
attempt counts after GRACE without a success, so whoever mistypes and then gets in is never counted.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field

from fail2ban_ai.addresses import network_of
from fail2ban_ai.campaigns.components import is_guess
from fail2ban_ai.campaigns.history import DAY, FORGET, History
from fail2ban_ai.campaigns.items import LOGIN_KINDS
from fail2ban_ai.campaigns.known import Known
from fail2ban_ai.campaigns.repeats import Repeats
from fail2ban_ai.findings import Sighting

GRACE = 600.0  # seconds within which a success explains a failure
NETWORKS = 5  # strangers of so many /24s are unrelated
NEIGHBOURS = 10  # or so many of one /24: fewer could be one phone within its provider's pool
QUIET = 2 * DAY  # without a new stranger a wave is over
UNUSED_TIMES = 3.0  # a wave on an account that nobody uses is so many times the noise before it
STANDS_OUT, NOISE = 1e-3, 0.05  # chances under which it is, or is not, beyond doubt
SERVICE_TIMES, SERVICE_DAYS, SERVICE_ACCOUNTS = 6.0, 3.0, 5  # and on a service as a whole even more
FEW = 5  # failures of a participant of a service-wide wave, each of which stays below any threshold
CONFIDENT, SURE = 0.8, 0.98
MAX_EXCUSED = 2  # one user has few clients that repeat an old password; more regular ones are a botnet's
MAX_TRIED = 64  # targets of one actor that are told apart
MET_EACH = 50  # strangers remembered of one target, on average of all that are held

Target = tuple[str, str]  # ("account", name), ("form", path) or ("service", name)


@dataclass(slots=True)
class Wave:
    """One wave on one target."""

    id: str
    target: Target
    onset: float
    opened: float
    last: float
    participants: dict[str, None] = field(default_factory=dict)
    unnamed: int = 0  # participants that were forgotten
    excused: dict[str, None] = field(default_factory=dict)  # clients with an old password among them
    confidence: float = CONFIDENT


@dataclass(slots=True)
class Changes:
    """What a pass found: new participants by wave, actors let go again, break-ins."""

    joined: list[tuple[Wave, str]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    breached: list[tuple[str, str, float]] = field(default_factory=list)  # actor, account, time


def target_of(sighting: Sighting) -> Target | None:
    """What a sighting failed to get into, None when it is no failed log-in."""
    if sighting.kind in LOGIN_KINDS and sighting.account:
        return ("account", sighting.account.casefold())
    if is_guess(sighting) and sighting.path and (sighting.status is None or sighting.status not in (301, 302, 303)):
        return ("form", sighting.path)
    return None


class Waves:
    """Watches failed log-ins and successes in event time; `advance` is called at ticks."""

    def __init__(self, most: int) -> None:
        """`most`: targets held, idle ones twice as many, and MET_EACH strangers each; the longest idle go first."""
        self._most = most
        self._start: float | None = None
        self._known = Known(10 * most)
        self._repeats = Repeats(2 * most)
        self._targets: dict[Target, History] = {}
        self._pending: dict[tuple[Target, str], float] = {}  # when the stranger's attempt was
        self._due: list[tuple[float, int, Target, str]] = []
        self._order = 0
        self._met = 0  # strangers remembered, or a few more
        self._changes = Changes()
        self._tries: dict[str, dict[Target, int]] = {}  # failures of each actor by target
        self.open: dict[Target, Wave] = {}

    def failed(self, sighting: Sighting, network: str | None) -> None:
        """Count a sighting if it is a failed log-in."""
        target = target_of(sighting)
        if target is None:
            return
        if self._start is None:
            self._start = sighting.time
        tries = self._tries.pop(sighting.actor, {})
        self._tries[sighting.actor] = tries  # popped and put back: the order is that of the last failure
        if len(self._tries) > 2 * self._most:
            del self._tries[next(iter(self._tries))]
        if target in tries or len(tries) < MAX_TRIED:
            tries[target] = tries.get(target, 0) + 1
        service = ("service", sighting.service)
        self._repeats.add(sighting.actor, target, sighting.time)
        self._fail(target, sighting, network)
        if target[0] == "account":
            self._fail(service, sighting, network)

    def _fail(self, target: Target, sighting: Sighting, network: str | None) -> None:
        if self._known.belongs(sighting.actor, network, target, sighting.time):
            return
        history = self._targets.get(target)
        if history is None:
            history = self._targets[target] = History(born=self._start or sighting.time, at=sighting.time)
        seen_before = history.meet(sighting.actor, sighting.time)
        if seen_before is not None and sighting.time - seen_before < FORGET:
            return
        self._met += 1
        self._pending[target, sighting.actor] = sighting.time
        self._order += 1
        heapq.heappush(self._due, (sighting.time + GRACE, self._order, target, sighting.actor))

    def success(self, time: float, actor: str, network: str | None, account: str, service: str) -> None:
        """A log-in worked: it explains failures just before, or, for a participant, it is a break-in."""
        if self._start is None:
            self._start = time
        name = account.casefold()
        targets: list[Target] = [("account", name), ("form", account), ("service", service)]
        taking_part = self.open and any(t in self.open and actor in self.open[t].participants for t in targets)
        if taking_part and not self._known.belongs(actor, network, targets[0], time):
            self._changes.breached.append((actor, account, time))
            return  # a success after an attack protects nobody
        self._known.add(time, actor, network, targets)
        for target in targets:
            if self._pending:
                self._pending.pop((target, actor), None)
            history = self._targets.get(target)
            if history is not None and target not in self.open:
                history.forgive(actor)

    def advance(self, now: float) -> Changes:
        """Let time pass until `now`: count what no success explained, open and close waves."""
        for target in [t for t, wave in self.open.items() if now - wave.last > QUIET]:
            self._targets[target].close(usual=False)
            del self.open[target]
        touched: dict[Target, None] = {}
        while self._due and self._due[0][0] <= now:
            due, _, target, actor = heapq.heappop(self._due)
            first = self._pending.get((target, actor))
            if first is None or first + GRACE != due:
                continue  # explained meanwhile, or forgiven and pending anew
            del self._pending[target, actor]
            self._targets[target].count(actor, first, due)
            touched[target] = None
        for target in touched:
            if target not in self.open and self._is_wave(target, now):
                history = self._targets[target]
                self.open[target] = Wave(
                    f"{target[0]}:{target[1]}@{history.onset:.0f}", target, history.onset, now, now
                )
        self._attribute(touched, now)
        self._release()
        if len(self._targets) > 2 * self._most or self._met > MET_EACH * self._most:
            self.forget(float("-inf"))
        done, self._changes = self._changes, Changes()
        return done

    def belongs(self, actor: str, network: str | None, account: str, time: float) -> bool:
        """Whether the actor has a history of success on an earlier day, there or anywhere."""
        return self._known.belongs(actor, network, ("account", account.casefold()), time)

    def due(self) -> float:
        """When `advance` has something to do again (infinity when nothing waits)."""
        if self._changes.breached:
            return 0.0
        return self._due[0][0] if self._due else float("inf")

    def _is_wave(self, target: Target, now: float) -> bool:
        history = self._targets[target]
        if not history.is_raised():
            return False
        strangers = list(history.bracket)
        if target[0] == "service":
            # The cheap questions first: on an attacked server this is asked every minute.
            if history.onset - history.born < SERVICE_DAYS * DAY or not _stands_out(history, now, SERVICE_TIMES):
                return False
            # In a pool of accounts each of which has its own explanation, only what no account wave explains counts.
            strangers = [actor for actor in strangers if self._is_sprayer(actor)]
            if len({t for actor in strangers for t in self._tries.get(actor, {})}) < SERVICE_ACCOUNTS:
                return False
        elif self._is_noisy(target) and not _stands_out(history, now, UNUSED_TIMES):
            return False
        networks = Counter(map(network_of, strangers))
        return len(strangers) > 0 and (len(networks) >= NETWORKS or max(networks.values()) >= NEIGHBOURS)

    def _is_noisy(self, target: Target) -> bool:
        """What nobody uses draws noise, and so does every log-in form."""
        return target[0] == "form" or not self._known.is_used(target)

    def _is_sprayer(self, actor: str) -> bool:
        tries = self._tries.get(actor, {})
        return sum(tries.values()) <= FEW and not any(t in self.open for t in tries)

    def _attribute(self, touched: dict[Target, None], now: float) -> None:
        for target in touched:
            wave = self.open.get(target)
            if wave is None:
                continue
            wave.last = now
            for actor in self._targets[target].bracket:
                if actor not in wave.participants and self._takes_part(actor, target):
                    wave.participants[actor] = None
                    self._changes.joined.append((wave, actor))
            several = len(wave.participants) + wave.unnamed
            wave.confidence = SURE - (SURE - CONFIDENT) * 0.9 ** max(0, several - 8)

    def _takes_part(self, actor: str, target: Target) -> bool:
        """Participants do little else: most of their failures fall on accounts under a wave."""
        if target[0] == "service":
            return self._is_sprayer(actor)
        tries = self._tries.get(actor, {})
        within = sum(n for t, n in tries.items() if t in self.open)
        return 2 * within >= sum(tries.values()) and not self._is_excused(actor, target)

    def _is_excused(self, actor: str, target: Target) -> bool:
        """A client that repeats like clockwork is a machine with an old password, not a guesser among others."""
        excused = self.open[target].excused
        if actor not in excused and len(excused) < MAX_EXCUSED and self._repeats.is_regular(actor, target):
            excused[actor] = None
        return actor in excused

    def _release(self) -> None:
        for target, wave in self.open.items():
            for actor in self._repeats.take_regular(target, wave.participants):
                if self._is_excused(actor, target):
                    del wave.participants[actor]
                    self._changes.released.append(actor)

    def forget(self, before: float) -> None:
        """Drop what was last touched before `before`, and beyond the caps what was idle longest."""
        self._forget_strangers(before)
        idle = [t for t, h in self._targets.items() if t not in self.open and not h.met and h.at < before]
        for target in idle:
            del self._targets[target]
        spare = len(self._targets) - self._most
        if spare > 0:
            by_age = sorted((h.at, t) for t, h in self._targets.items() if t not in self.open)
            for _, target in by_age[:spare]:
                del self._targets[target]
        # A target may be gone while an attempt on it still waits; that attempt is then nobody's.
        self._pending = {k: s for k, s in self._pending.items() if k[0] in self._targets}
        self._met = sum(len(history.met) for history in self._targets.values())
        met = {actor for history in self._targets.values() for actor in history.met}
        self._tries = {a: t for a, t in self._tries.items() if a in met}
        self._known.forget(before)
        self._repeats.forget(before)

    def _forget_strangers(self, before: float) -> None:
        times = sorted((time for history in self._targets.values() for time in history.met.values()), reverse=True)
        most = MET_EACH * self._most
        if len(times) > most:
            before = max(before, times[most * 7 // 8])
        for history in self._targets.values():
            history.forget(before)
        for target, wave in self.open.items():
            known = [actor for actor in wave.participants if actor in self._targets[target].met]
            wave.unnamed += len(wave.participants) - len(known)
            wave.participants = dict.fromkeys(known)


def _stands_out(history: History, now: float, times: float) -> bool:
    """Whether the bracket is that many times as busy as the time before it; what clearly is not becomes usual."""
    chance = history.contrast(now, times)
    if chance > NOISE:
        history.close(usual=True)
    return chance <= STANDS_OUT
