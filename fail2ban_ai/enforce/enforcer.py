"""Carries decisions out: reads the decisions log, asks the gate, bans through fail2ban, records every outcome.

Standard library only: this runs as root. Crash safety rests on four things. The position in the decisions log is
remembered only behind decisions that have a final outcome, so a crash loses none; what has a final outcome is not
carried out again, whoever repeats it; before anything is asked of fail2ban its list is looked at, so that a crash
between ban and outcome does not ban twice; and while an outcome cannot be written nothing more is done.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import Decision
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce import breaker, notices
from fail2ban_ai.enforce.breaker import BreakerSettings
from fail2ban_ai.enforce.effects import OLDEST, banned_since, effect_of, lasting, retry_is_due
from fail2ban_ai.enforce.jails import Jails
from fail2ban_ai.enforce.no_effect import SETTLED
from fail2ban_ai.errors import DecisionError, Fail2banAbsent, Fail2banDown, Fail2banError, JailMissing, TargetError
from fail2ban_ai.facts import Banned, Facts
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft
from fail2ban_ai.gate import Gate, GateSettings
from fail2ban_ai.gate.rules import DAY, HOUR, counts_as_network

BATCH = 20  # decisions carried out before their outcomes are written
RETRY_SECONDS = 60.0  # before a decision that failed is tried again
RETRIES = 3  # of what failed for its own sake; then an admin is told
ALERTS = 30  # notices of alerts within an hour: whoever writes decisions must not be able to flood a mailbox
WAITING = 10_000  # decisions kept in memory; more stay in the log until some are done
AHEAD_SECONDS = 300.0  # how far ahead of our clock a decision may be
BANTIME = jails.BANTIMES[jails.ADDRESSES]
# Failures of one decision. Everything else that fails (fail2ban down, a budget, facts missing) holds up many, and
# passes without anybody being banned meanwhile: those wait until they are too old.
_OWN_FAILURES = ("crawler-unverified", "rule-failed", "not-listed", "not-blocked")


@dataclass(frozen=True, slots=True)
class _Failure:
    at: float
    code: str
    tries: int


@dataclass(slots=True)
class Enforcer:
    """`facts_of` learns what the gate has to know; it is called once in each step that has work."""

    client: Client
    nft: Nft
    gate: GateSettings
    facts_of: Callable[[], Facts]
    banning: bool  # False: observe, nothing is touched
    clock: Callable[[], float] = time.time
    severity: Mapping[str, str] = field(default_factory=dict)  # what is done at most; see effects.effect_of
    breaker: BreakerSettings | None = None
    longest: float | None = None  # seconds a ban may last: while enforcing is on trial
    bad_lines: int = 0
    _reader: decisions_log.Reader[Decision] = field(init=False)
    _outcomes: decisions_log.Reader[Outcome] = field(init=False)
    _done: set[str] = field(default_factory=set)
    _recent: dict[str, Outcome] = field(default_factory=dict)  # by id, the newest of the last day, others' too
    _banned: dict[str, float] = field(default_factory=dict)  # target: when its ban was made
    _waiting: dict[str, Decision] = field(default_factory=dict)  # by id, in order
    _failed: dict[str, _Failure] = field(default_factory=dict)
    _unwritten: list[Outcome] = field(default_factory=list)
    _told: dict[str, float] = field(default_factory=dict)
    _alerts: list[float] = field(default_factory=list)  # when, of the last hour

    def __post_init__(self) -> None:
        self._reader = decisions_log.Reader(paths.decisions(), decisions.from_line, paths.position())
        self._outcomes = decisions_log.Reader(paths.outcomes(), decisions_outcomes.from_line)
        self._learn()

    def step(self) -> list[Outcome]:
        """Carry out what is waiting; returns the outcomes written.

        Raises Fail2banError when fail2ban cannot be asked, OSError when an outcome cannot be written: what is waiting
        then keeps waiting.
        """
        written = self._write()
        self._read()
        now = self.clock()
        due = [each for each in self._waiting.values() if self._due(each, now)]
        if due:
            self._learn()
            with self.client.together():
                facts = self.facts_of()
                known = Jails(self.client, self.nft, bool(self._observing()))
                for batch in _batches(due):
                    written += self._record(self._carry_out(batch, facts, known))
                    self._look_at_breaker()
        if not self._waiting:
            self._reader.commit()
        return written

    def recent_bans(self) -> list[Banned]:
        """The bans carried out within the last day, for the budgets."""
        self._learn()
        made = (each for each in self._recent.values() if each.result in ("banned", "limited"))
        return [Banned(each.at, counts_as_network(jails.normalise(each.target))) for each in made]

    def tell(self, kind: str, key: str, text: str, *, every: float = HOUR) -> None:
        """Leave a notice, unless the same was said within `every` seconds."""
        now = self.clock()
        if 0 <= now - self._told.get(key, float("-inf")) < every:
            return
        if len(self._told) > WAITING:
            self._told.clear()
        self._told[key] = now
        if kind == "alert":
            self._alerts = [at for at in self._alerts if 0 <= now - at < HOUR] + [now]
            if len(self._alerts) > ALERTS:
                return
            if len(self._alerts) == ALERTS:
                text = f"{text}; {ALERTS} alerts within an hour, further ones are in the outcomes only"
        print(f"fail2ban-ai enforce: {text}", file=sys.stderr, flush=True)
        with suppress(OSError):  # a full disk; the outcomes say so too
            notices.say(kind, text, now)

    def _learn(self) -> None:
        """Take in the outcomes that are new in the log: our own of earlier runs, and `unban`'s."""
        now = self.clock()
        for outcome in self._outcomes.poll():
            if outcome.result == "failed":
                self._done.discard(outcome.id)
            else:
                self._done.add(outcome.id)
            self._recent.pop(outcome.id, None)
            if now - outcome.at < DAY:
                self._recent[outcome.id] = outcome
            banned_since(self._banned, outcome)
        while self._recent and now - (oldest := next(iter(self._recent.values()))).at >= DAY:
            del self._recent[oldest.id]

    def _read(self) -> None:
        if len(self._waiting) < WAITING:
            for decision in self._reader.poll():
                # A withdrawal lifts nothing: whoever may write the log must not be able to. `unban` is root's.
                if decision.action in ("ban", "limit", "alert") and decision.id not in self._done:
                    self._waiting.setdefault(decision.id, decision)
                    if len(self._waiting) >= WAITING:
                        break
        if self._reader.bad > self.bad_lines:
            self.bad_lines = self._reader.bad
            print(
                f"{self.bad_lines} lines of the decisions log are no decisions: {self._reader.errors[-1]}",
                file=sys.stderr,
            )

    def _due(self, decision: Decision, now: float) -> bool:
        failure = self._failed.get(decision.id)
        return failure is None or retry_is_due(failure.at, now, RETRY_SECONDS)

    def _observing(self) -> str:
        """Why nothing may be touched; "" when bans are to be made."""
        if not self.banning:
            return "observe: nothing is touched"
        open_ = breaker.tripped() if self.breaker is not None else None
        return f"breaker: the circuit breaker is open ({open_.why})" if open_ else ""

    def _look_at_breaker(self) -> None:
        if self.breaker is None or self._observing():
            return
        self._learn()
        reset, now = breaker.since(), self.clock()
        why = breaker.judge((each for each in self._recent.values() if each.at > reset), self.breaker, now)
        if why is not None:
            print(f"fail2ban-ai enforce: {breaker.trip(why, now).why}", file=sys.stderr, flush=True)

    def _record(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Write outcomes down; a failure is written once, not at every new try."""
        for outcome in outcomes:
            before = self._failed.pop(outcome.id, None)
            final = outcome
            if outcome.result == "failed":
                tries = before.tries + 1 if before is not None else 1
                code = outcome.reason.partition(":")[0]
                if code in _OWN_FAILURES and tries > RETRIES:
                    final = replace(
                        outcome, result="alerted", reason=f"given up after {RETRIES} retries; {outcome.reason}"
                    )
                    self.tell("alert", outcome.id, f"{outcome.target} was not banned: {final.reason}")
                else:
                    self._failed[outcome.id] = _Failure(outcome.at, code, tries)
                    if code not in _OWN_FAILURES:
                        self.tell("waiting", code, f"Decisions wait. {outcome.reason}")
                    if before is not None and before.code == code:
                        continue
            self._unwritten.append(final)
        return self._write()

    def _write(self) -> list[Outcome]:
        """Write what is not on disk yet; only then does a decision count as done."""
        news = list(self._unwritten)
        if news:
            decisions_log.append(paths.outcomes(), *(decisions_outcomes.to_line(outcome) for outcome in news))
            self._unwritten.clear()
        for outcome in news:
            if outcome.result != "failed":
                self._done.add(outcome.id)
                self._waiting.pop(outcome.id, None)
        return news

    def _carry_out(self, batch: list[Decision], facts: Facts, known: Jails) -> Iterator[Outcome]:
        """The outcome of each decision; one target at most once, which `_batches` sees to."""
        observing = self._observing()
        if observing:  # no budget holds back what is not done
            facts = replace(facts, bans=[])
        passed: dict[str, list[tuple[Decision, bool]]] = {}
        for decision in batch:
            try:
                target = jails.normalise(decision.target)
                effect = effect_of(decision, self.severity)
                jail = jails.LIMITS if effect == "limit" else jails.jail_of(target)
                outcome = self._judge(replace(decision, action=_ASKED[effect]), jail, facts, known)
                if outcome is None and observing and effect != "alert":
                    outcome = self._outcome(decision, f"would-{_ASKED[effect]}", observing)
                if outcome is not None:
                    yield outcome
                    continue
                if effect == "alert":
                    yield self._alert(decision, jail, known)
                    continue
                before = decision.target in known.listed(jail)
                if not before:
                    # Counts against the budgets at once, not only when its outcome is written.
                    facts.bans.append(Banned(self.clock(), counts_as_network(target)))
                    known.ask_for(jail, decision.target, [_headline(decision), *decision.matches], self.clock())
                passed.setdefault(jail, []).append((decision, before))
            except (TargetError, DecisionError) as error:
                yield self._outcome(decision, "refused", f"not-bannable: {error}")
            except (Fail2banAbsent, Fail2banDown):
                raise
            except Fail2banError as error:  # one jail missing or off: the others' decisions go on
                yield self._outcome(decision, "failed", f"fail2ban: {error}")
        for jail, those in passed.items():
            yield from self._confirm(jail, those, known)

    def _alert(self, decision: Decision, jail: str, known: Jails) -> Outcome:
        """Tell an admin, whatever state the jails are in."""
        why = ""
        with suppress(JailMissing):
            if not self._observing() and decision.target in known.listed(jail):
                why = self._without_effect(decision)
        if not why and decision.campaign == decisions.NO_EFFECT:
            return self._outcome(decision, "expired", "ended: the ban is over, so lines may arrive")
        if not why:
            self.tell("alert", decision.id, f"{decision.target}: {decision.reason or decision.kind}")
        return self._outcome(decision, "alerted", why)

    def _judge(self, decision: Decision, jail: str, facts: Facts, known: Jails) -> Outcome | None:
        """Why nothing is done about it, if so."""
        bantime = BANTIME if decision.action == "alert" else known.bantime(jail)
        now = self.clock()
        age = now - decision.at
        if -OLDEST < age < -AHEAD_SECONDS:
            return self._outcome(decision, "failed", "ahead: the decision lies in the future; is the clock right?")
        if not -OLDEST < age <= lasting(bantime):
            return self._outcome(
                decision, "expired", f"old: the decision is {age:.0f} s old, the jail's bantime {bantime:.0f} s"
            )
        refusal = Gate(replace(self.gate, bantime=bantime), facts).check(decision, now)
        if refusal is not None:
            return self._outcome(decision, "failed" if refusal.temporary else "refused", str(refusal))
        if self.longest is not None and decision.action != "alert" and not 0 <= bantime <= self.longest:
            why = f"trial: jail {jail} would ban for {bantime:.0f} s, on trial {self.longest:.0f} s are the most"
            return self._outcome(decision, "failed", why)
        return None

    def _without_effect(self, decision: Decision) -> str:
        """What to say when there is evidence of a target from well after it was banned; "" when there is none."""
        since = self._banned.get(decision.target)
        if since is None or decision.evidence_at < since + SETTLED:
            return ""
        text = f"no-effect: lines of {decision.target} still arrive {decision.evidence_at - since:.0f} s after its ban"
        self.tell("no-effect", f"no-effect {decision.target}", f"{text}; {_LOOK}", every=DAY)
        return text

    def _confirm(self, jail: str, passed: list[tuple[Decision, bool]], known: Jails) -> Iterator[Outcome]:
        """Whether what was asked for came about, in fail2ban's list and in the firewall."""
        found = known.confirm(jail, [decision.target for decision, _ in passed])
        for decision, before in passed:
            if decision.target in found.missing:
                yield self._outcome(decision, "failed", "not-listed: fail2ban took the ban but does not list it")
            elif decision.target in (found.unblocked or ()):
                why = "not-blocked: fail2ban lists it, the firewall does not block it; `fail2ban-ai enforce --repair`"
                yield self._outcome(decision, "failed", why)
            elif before:
                yield self._outcome(decision, "already", self._without_effect(decision))
            else:
                why = "" if found.unblocked is not None else "the firewall could not be asked"
                if not found.saved:
                    why = "fail2ban has not written it to its database yet; a crash of fail2ban would forget it"
                days = max(decision.known_logins.values(), default=0)
                if days:
                    why = f"{breaker.DOUBTFUL}somebody logged in from there on {days} days before; {why}".rstrip("; ")
                yield self._outcome(decision, "limited" if jail == jails.LIMITS else "banned", why)

    def _outcome(self, decision: Decision, result: str, reason: str) -> Outcome:
        return Outcome(id=decision.id, at=self.clock(), target=decision.target, result=result, reason=reason)


_ASKED = {"block": "ban", "limit": "limit", "alert": "alert"}  # effect: action
_LOOK = (
    "does its traffic come through a proxy, or is it forwarded to a container (chain_hook = prerouting in "
    "jail.d/fail2ban-ai.local)?"
)


def _headline(decision: Decision) -> str:
    return f"fail2ban-ai {decision.id} {decision.kind}: {decision.reason}"


def _batches(found: Iterable[Decision]) -> Iterator[list[Decision]]:
    """At most BATCH decisions each, none of them twice about one target."""
    batch: list[Decision] = []
    for decision in found:
        if len(batch) == BATCH or any(decision.target == each.target for each in batch):
            yield batch
            batch = []
        batch.append(decision)
    if batch:
        yield batch
