"""How often strangers fail on one target (an account, or a service as a whole), and when that stops being usual.

A stranger is an actor that failed there and was not known there. The detector is a Poisson CUSUM (Lucas 1985,
https://doi.org/10.1080/00401706.1985.10488030): each new stranger adds 1, time takes away a reference rate that lies
between the usual rate and the one to be found; the last moment the sum was zero brackets the event in time.
"""

import math
from dataclasses import dataclass, field

DAY = 86400.0
PRIOR_COUNT, PRIOR_DAYS = 1.0, 2.0  # before any history: one stranger in two days (a Gamma prior on the rate)
RAISED = 4.0  # a wave is at least so many times the usual rate
RAISED_LEAST = 6.0  # and at least so many strangers a day
SURE_COUNT = 7.0  # strangers beyond the reference that open a wave: eight of them in a few hours
SURE_NATS = 14.0  # and log-likelihood that it takes, which rules where the usual rate is high
FORGET = 7 * DAY  # a stranger that stays away so long is counted anew
MAX_MET = 5_000  # strangers whose names are known; the longest idle are forgotten first


@dataclass(slots=True)
class History:
    """The strangers of one target: the usual ones as a count, those of the current bracket by name, the last ones last.

    Only who is in `met` has a name: of a crowd that has been at it for months the last ones are enough.
    """

    born: float  # from when on the target could have been attacked: the start of the log
    past: float = 0.0  # strangers before the bracket
    bracket: dict[str, None] = field(default_factory=dict)
    unnamed: int = 0  # further ones of the bracket
    onset: float = 0.0
    excess: float = 0.0  # the CUSUM
    at: float = 0.0
    met: dict[str, float] = field(default_factory=dict)  # actor -> last failure, so that a stranger counts once

    @property
    def strangers(self) -> int:
        """How many the bracket has, by name or not."""
        return len(self.bracket) + self.unnamed

    def usual(self) -> float:
        """Strangers a day that the time before the bracket makes one expect."""
        days = max(0.0, (self.onset if self.strangers else self.at) - self.born) / DAY
        return (PRIOR_COUNT + self.past) / (PRIOR_DAYS + days)

    def _reference(self) -> tuple[float, float]:
        """The reference rate per day, and the excess at which a wave is sure."""
        usual = self.usual()
        raised = max(RAISED * usual, RAISED_LEAST)
        ratio = math.log(raised / usual)
        return (raised - usual) / ratio, max(SURE_COUNT, SURE_NATS / ratio)

    def fade(self, now: float) -> None:
        """Let time pass; a bracket whose excess is used up becomes history."""
        rate, sure = self._reference()
        self.excess = min(self.excess, 2 * sure) - rate * max(0.0, now - self.at) / DAY
        self.at = max(self.at, now)
        if self.excess <= 0 and self.strangers:
            self.close(usual=True)
        self.excess = max(0.0, self.excess)

    def meet(self, actor: str, time: float) -> float | None:
        """The actor failed; when it did so last."""
        before = self.met.pop(actor, None)
        self.met[actor] = time  # popped and put back: the order is that of the last failure
        if len(self.met) > MAX_MET:
            self._unname(next(iter(self.met)))
        return before

    def count(self, actor: str, first: float, now: float) -> None:
        """A stranger that was met failed, first at `first`, and no success explained it until `now`."""
        self.fade(now)
        if not self.strangers:
            self.onset = first
        if actor in self.met:
            self.bracket[actor] = None
        else:
            self.unnamed += 1
        self.excess += 1.0

    def forgive(self, actor: str) -> None:
        """The stranger turned out to belong here."""
        if actor in self.bracket:
            del self.bracket[actor]
            self.excess = max(0.0, self.excess - 1.0)

    def forget(self, before: float) -> None:
        """Drop the names of those who last failed before `before`."""
        for actor in [actor for actor, time in self.met.items() if time < before]:
            self._unname(actor)

    def _unname(self, actor: str) -> None:
        del self.met[actor]
        if actor in self.bracket:
            del self.bracket[actor]
            self.unnamed += 1

    def close(self, *, usual: bool) -> None:
        """End the bracket; its strangers become part of what is usual, or, after an attack, do not."""
        self.past += self.strangers if usual else 0
        self.bracket, self.unnamed = {}, 0
        self.excess = 0.0

    def is_raised(self) -> bool:
        """Whether the excess is beyond what chance explains."""
        return self.excess >= self._reference()[1]

    def contrast(self, now: float, times: float) -> float:
        """Chance to see so many strangers in the bracket were the rate at most `times` that of the time before.

        The conditional test of two Poisson rates (Przyborowski & Wilenski 1940); 1 when there was no time before.
        """
        before, within = max(0.0, self.onset - self.born), max(1.0, now - self.onset)
        share = times * within / (before + times * within)
        return binomial_tail(self.strangers, self.strangers + int(self.past), share)


def binomial_tail(at_least: int, trials: int, chance: float) -> float:
    """P(X >= at_least) for X ~ Binomial(trials, chance)."""
    if chance >= 1.0 or at_least <= 0:
        return 1.0
    total = 0.0
    for k in range(at_least, trials + 1):
        log_choose = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        term = math.exp(log_choose + k * math.log(chance) + (trials - k) * math.log1p(-chance))
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)
