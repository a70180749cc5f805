"""Carries decisions out: reads the decisions log, asks the gate, bans through fail2ban, records every outcome.

Standard library only: this runs as root. Crash safety rests on three things. The position in the decisions log is
remembered only behind decisions that have a final outcome, so a crash loses none; what has a final outcome is not
carried out again, whoever repeats it; and before anything is asked of fail2ban its list is looked at, so that a crash
between ban and outcome does not ban twice.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from fail2ban_ai import decisions, decisions_log, decisions_outcomes, paths
from fail2ban_ai.decisions import Decision
from fail2ban_ai.decisions_outcomes import Outcome
from fail2ban_ai.errors import Fail2banAbsent, Fail2banDown, Fail2banError, TargetError
from fail2ban_ai.facts import Banned, Facts
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft, await_effective
from fail2ban_ai.gate import Gate, GateSettings
from fail2ban_ai.gate_rules import counts_as_network

BATCH = 20  # decisions carried out before their outcomes are written
RETRY_SECONDS = 60.0  # before a decision that failed is tried again
AHEAD_SECONDS = 300.0  # how far ahead of our clock a decision may be
BANTIME = 86400.0  # what the jail of addresses is shipped with


@dataclass(frozen=True, slots=True)
class _Passed:
    decision: Decision
    jail: str
    before: bool  # listed as banned before we asked


@dataclass(slots=True)
class Enforcer:
    """`facts_of` learns what the gate has to know; it is called once in each step that has work."""

    client: Client
    nft: Nft
    gate: GateSettings
    facts_of: Callable[[], Facts]
    banning: bool  # False: observe, nothing is touched
    clock: Callable[[], float] = time.time
    _done: set[str] = field(init=False)
    _failed: dict[str, tuple[float, str]] = field(default_factory=dict)  # id: when it failed, why
    _bantimes: dict[str, float] = field(default_factory=dict)
    bad_lines: int = 0

    def __post_init__(self) -> None:
        known = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
        self._done = decisions_outcomes.final_ids(known)

    def step(self) -> list[Outcome]:
        """Carry out what is waiting; returns the outcomes written.

        Raises Fail2banError when fail2ban cannot be asked: what is waiting then keeps waiting.
        """
        reader = decisions_log.Reader(paths.decisions(), decisions.from_line, paths.position())
        written: list[Outcome] = []
        facts: Facts | None = None
        self._bantimes.clear()
        held = False  # something is unfinished: the position stays, and the finished ones are skipped by their ids
        for batch in _batches(reader.poll()):
            waiting = [each for each in batch if self._waits(each)]
            if waiting:
                facts = facts or self.facts_of()
                written += self._record(self._carry_out(waiting, facts))
            held = held or any(self._open(each) for each in batch)
        if not held:
            reader.commit()
        if reader.bad > self.bad_lines:
            print(f"{reader.bad} lines of the decisions log are no decisions: {reader.errors[-1]}", file=sys.stderr)
        self.bad_lines = reader.bad
        return written

    def _open(self, decision: Decision) -> bool:
        # Only bans: whoever may write the log must not be able to lift one. `unban` is root's and needs no decision.
        return decision.action == "ban" and decision.id not in self._done

    def _waits(self, decision: Decision) -> bool:
        failed_at, _ = self._failed.get(decision.id, (float("-inf"), ""))
        return self._open(decision) and self.clock() >= failed_at + RETRY_SECONDS

    def _record(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Write outcomes down; a failure is written once, not at every new try."""
        news = []
        for outcome in outcomes:
            if outcome.result == "failed":
                _, why = self._failed.get(outcome.id, (0.0, ""))
                self._failed[outcome.id] = (outcome.at, outcome.reason)
                if why == outcome.reason:
                    continue
            else:
                self._done.add(outcome.id)
                self._failed.pop(outcome.id, None)
            news.append(outcome)
        if news:
            decisions_log.append(paths.outcomes(), *(decisions_outcomes.to_line(outcome) for outcome in news))
        return news

    def _carry_out(self, batch: list[Decision], facts: Facts) -> Iterator[Outcome]:
        """The outcome of each decision; one target at most once, which `_batches` sees to."""
        listed: dict[str, set[str]] = {}
        passed: list[_Passed] = []
        for decision in batch:
            try:
                target = jails.normalise(decision.target)
                jail = jails.jail_of(target)
                outcome = self._refusal(decision, jail, facts)
                if outcome is not None:
                    yield outcome
                else:
                    if jail not in listed:
                        listed[jail] = set(self.client.banned(jail))
                    before = decision.target in listed[jail]
                    if not before:
                        # Counts against the budgets at once, not only when its outcome is written.
                        facts.bans.append(Banned(self.clock(), counts_as_network(target)))
                        self.client.attempt(jail, decision.target, [_headline(decision), *decision.matches])
                    passed.append(_Passed(decision, jail, before))
            except TargetError as error:
                yield self._outcome(decision, "refused", f"not-bannable: {error}")
            except (Fail2banAbsent, Fail2banDown):
                raise
            except Fail2banError as error:  # one jail missing or off: the other's decisions go on
                yield self._outcome(decision, "failed", f"fail2ban: {error}")
        for jail in jails.JAILS:
            yield from self._confirm(jail, [each for each in passed if each.jail == jail])

    def _refusal(self, decision: Decision, jail: str, facts: Facts) -> Outcome | None:
        """Why nothing is asked of fail2ban, if so."""
        bantime = self._bantime(jail)
        stale = self._stale(decision, bantime)
        if stale:
            return self._outcome(decision, "expired", stale)
        refusal = Gate(replace(self.gate, bantime=bantime), facts).check(decision, self.clock())
        if refusal is not None:
            return self._outcome(decision, "failed" if refusal.temporary else "refused", str(refusal))
        return None if self.banning else self._outcome(decision, "would-ban", "observe: nothing is touched")

    def _confirm(self, jail: str, passed: list[_Passed]) -> Iterator[Outcome]:
        """Whether what was asked for came about, in fail2ban's list and in the firewall."""
        if not passed:
            return
        missing = self.client.await_banned(jail, [each.decision.target for each in passed])
        effect = await_effective(self.client, self.nft, jail)
        for each in passed:
            if each.decision.target in missing:
                yield self._outcome(each.decision, "failed", "not-listed: fail2ban took the ban but does not list it")
            elif effect is not None and each.decision.target in effect.unblocked:
                why = "not-blocked: fail2ban lists it, the firewall does not block it; `fail2ban-ai enforce --repair`"
                yield self._outcome(each.decision, "failed", why)
            else:
                why = "" if effect is not None else "the firewall could not be asked"
                yield self._outcome(each.decision, "already" if each.before else "banned", why)

    def _bantime(self, jail: str) -> float:
        if jail not in self._bantimes:
            # Observing must work without fail2ban.
            self._bantimes[jail] = float(self.client.get(jail, "bantime")) if self.banning else BANTIME
        return self._bantimes[jail]

    def _stale(self, decision: Decision, bantime: float) -> str:
        """Why it is too late, or too early, for this decision; "" when it is not. The gate looks at the evidence."""
        age = self.clock() - decision.at
        if age < -AHEAD_SECONDS:
            return "ahead: the decision lies in the future"
        if age > bantime >= 0:  # negative: bans are for ever
            return f"old: the decision is {age:.0f} s old, the jail's bantime {bantime:.0f} s"
        return ""

    def _outcome(self, decision: Decision, result: str, reason: str) -> Outcome:
        return Outcome(id=decision.id, at=self.clock(), target=decision.target, result=result, reason=reason)


def _headline(decision: Decision) -> str:
    return f"fail2ban-ai {decision.id} {decision.kind}: {decision.reason}"


def _batches(found: Iterator[Decision]) -> Iterator[list[Decision]]:
    """At most BATCH decisions each, none of them twice about one target."""
    batch: list[Decision] = []
    for decision in found:
        if len(batch) == BATCH or any(decision.target == each.target for each in batch):
            yield batch
            batch = []
        batch.append(decision)
    if batch:
        yield batch
