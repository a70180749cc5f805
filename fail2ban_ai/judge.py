"""From scores to verdicts: who is banned, as of when and why. The campaigns themselves are made by `campaigns`.

An actor crosses its line at one of its own events: its score reaches the threshold of the service group on its second
event or later (several times, for one that behaved well before), stays high for long, or a single request is an
unmistakable attack. A member of a campaign that did not cross it is banned for its company where another member is
certain enough. The verdict on a crossing is spoken at that event, on company and networks at the campaigns' ticks of 60
seconds.

Nobody is banned for its company who did nothing but fetch what is there: strange programs share rare agents and files.
"""

import hashlib
import math
from collections.abc import Callable, Container
from dataclasses import dataclass

from fail2ban_ai.addresses import within
from fail2ban_ai.findings import Campaign, Member, ProposedNetwork, Verdict

LASTING = 8  # scored events in a row: an honest visitor may look odd for a moment
QUIET = 0.2  # a score at which an event speaks for its actor
QUIET_EACH = 4  # so many of them ask for one more event at the threshold …
MOST_HITS = 4  # … but never for more than so many: decoys must not buy freedom
COMPANY = 0.9
"""Score of a campaign's surest member from which others are banned for their company. The sum of weak signs is not
enough: a broken link somewhere brings many honest visitors, who all look a little odd in the same way. A log-in wave is
no such sum: that many strangers fail at once was tested against the target's own history."""
MEMBER = 0.5  # and the least score of such a member, its part in the campaign counted in
LEAST_COMPANY = 3  # members that make a company

# target, campaign, now -> why it must not be banned
Protected = Callable[[str, Campaign, float], str | None]
# actor, now -> the jail of fail2ban's own that keeps it out
Held = Callable[[str, float], str | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Scores that convict an actor: reached once, held over LASTING scored events in a row, or by a single request."""

    once: float
    lasting: float
    single: float  # if the model sees an attack in the text of the request too


@dataclass(frozen=True, slots=True)
class Crossing:
    """When an actor's own score reached the threshold."""

    time: float
    score: float
    events: int  # of the actor so far, this one included


@dataclass(slots=True)
class _Course:
    """What an actor's scores were so far."""

    lasting: int = 0  # in a row
    quiet: int = 0
    odd: int = 0  # at MEMBER
    hits: int = 0

    @property
    def well(self) -> bool:
        """Whether it behaved well but for a moment: what a visitor of an odd page does, who then loads its pictures."""
        return self.quiet >= QUIET_EACH and self.odd < needed(self.quiet)


class Judge:
    """Decides on actors that cross, and at each tick on the campaigns that changed; a decision stands `standing`."""

    def __init__(
        self,
        protected: Protected,
        events_of: Callable[[str], int],
        broke_in: float,
        *,
        held: Held | None = None,
        standing: Callable[[str], float] = lambda _: math.inf,
    ) -> None:
        """`events_of`: acts of an actor so far. `broke_in`: the score from which a log-in after failures is a break-in
        that is answered with a ban, not only told: it may have been the owner. `held`: who is banned by fail2ban
        already; a verdict on them waits until that ban is over and they go on. `standing`: seconds after a decision
        on a target from which what it does is judged anew: its ban has ended by then.
        """
        self._held = held
        self._standing = standing
        self._broke_in = broke_in
        self._protected = protected
        self._events_of = events_of
        self._crossings: dict[str, Crossing] = {}
        self._courses: dict[str, _Course] = {}
        self._settled: dict[str, dict[str, float]] = {}  # campaign -> actor -> when decided
        self._looked: dict[str, tuple[bool, str]] = {}  # campaign -> the last time: whether it was certain, its kind

    def look(self, actor: str, time: float, score: float, *, limits: Limits, unmistakable: bool, events: int) -> bool:
        """Note one scored event of an actor; whether it crossed by it.

        `unmistakable`: whether this one request may convict it (model.scorer.convicting). `events`: how many speak
        against it so far; 0 for an actor that nothing but company can convict.
        """
        if actor in self._crossings:
            return False
        course = self._courses.setdefault(actor, _Course())
        course.lasting = course.lasting + 1 if score >= limits.lasting else 0
        course.quiet += score < QUIET
        course.odd += score >= MEMBER
        course.hits += score >= limits.once and events > 0
        hit = score >= limits.once and course.hits >= needed(course.quiet)
        if not hit and course.lasting < LASTING:
            return False
        if events < 2 and (not events or not unmistakable or score < limits.single):
            return False
        self._crossings[actor] = Crossing(time, score, events)
        return True

    def convict(self, campaign: Campaign, actor: str, now: float) -> Verdict | None:
        """The verdict on an actor that crossed, noted on its member of the campaign; None where one was spoken."""
        crossing, member = self._crossings[actor], campaign.members[actor]
        settled = self._settled.setdefault(campaign.id, {})
        if self._stands(member, settled) or self._is_held(member, campaign, now):
            return None
        settled[actor] = now
        member.score = max(member.score, crossing.score)
        reason = f"its behaviour scores {crossing.score:.2f} after {_times(crossing.events, 'event')}"
        return self._settle(member, campaign, now, reason, crossing.events)

    def decide(self, campaign: Campaign, now: float) -> list[Verdict]:
        """New verdicts on a campaign's members and networks, noted on them too."""
        settled = self._settled.setdefault(campaign.id, {})
        certain = len(campaign.members) >= LEAST_COMPANY and campaign.surest >= COMPANY
        verdicts = []
        for actor, member in self._due(campaign, certain=certain):
            if self._stands(member, settled):
                continue
            if actor in self._crossings:
                crossed = self.convict(campaign, actor, now)
                verdicts += [crossed] if crossed else []
                continue
            if campaign.kind == "compromise" and member.score >= self._broke_in:
                reason = f"{member.reason}, and then got in"
            elif certain and member.score >= MEMBER and member.offended and not self._is_well(member):
                reason = (
                    f"{member.reason}, with {_times(len(campaign.members) - 1, 'other address', 'other addresses')}"
                )
            else:
                continue
            if self._is_held(member, campaign, now):
                continue
            settled[actor] = now
            verdicts.append(self._settle(member, campaign, now, reason, self._events_of(actor)))
        if certain:
            verdicts += [self._network(n, campaign, now) for n in campaign.networks if self._is_open(n, campaign, now)]
        return verdicts

    def _due(self, campaign: Campaign, *, certain: bool) -> list[tuple[str, Member]]:
        """Members that a new decision may be made on: those that changed, all once the campaign is another one.

        A botnet has thousands, of whom one or two came since the last tick.
        """
        fresh, campaign.fresh = campaign.fresh, {}
        looked = certain, campaign.kind
        if self._looked.get(campaign.id) != looked:
            self._looked[campaign.id] = looked
            return list(campaign.members.items())
        return [(actor, campaign.members[actor]) for actor in fresh if actor in campaign.members]

    def lapse(self, now: float) -> list[str]:
        """Actors whose crossing lies so far back that they may cross again; asked for now and then."""
        old = [actor for actor, crossing in self._crossings.items() if crossing.time < now - self._standing(actor)]
        for actor in old:
            del self._crossings[actor]
            self._courses.pop(actor, None)
        return old

    def forget(self, actors: Container[str], campaigns: Container[str]) -> None:
        """Drop what is held about others than these."""
        self._courses = {a: c for a, c in self._courses.items() if a in actors}
        self._settled = {c: s for c, s in self._settled.items() if c in campaigns}
        self._looked = {c: s for c, s in self._looked.items() if c in campaigns}

    def _stands(self, member: Member, settled: dict[str, float]) -> bool:
        """Whether a decision was made on a member that what it did since does not open again."""
        decided = settled.get(member.actor, member.decided_at)
        return decided is not None and member.last_seen < decided + self._standing(member.actor)

    def _is_well(self, member: Member) -> bool:
        """Whether only a moment's oddness speaks against it; a wave was told from what is usual on its target."""
        return not member.in_wave and member.actor in self._courses and self._courses[member.actor].well

    def _is_held(self, member: Member, campaign: Campaign, now: float) -> bool:
        """Whether fail2ban keeps the member out already, which is noted on it; it stays due then."""
        jail = self._held(member.actor, now) if self._held is not None else None
        if jail is not None:
            campaign.fresh[member.actor] = None
            member.reason = f"fail2ban has it (jail {jail})"
        return jail is not None

    def _settle(self, member: Member, campaign: Campaign, now: float, reason: str, events: int) -> Verdict:
        refusal = self._protected(member.actor, campaign, now)
        member.decision = "refused" if refusal else "ban"
        member.reason = f"not banned: {refusal}" if refusal else reason
        member.decided_at = now
        member.events_before_decision = None if refusal else events
        return _verdict(member.actor, campaign, now, member.decision, member.reason)

    def _is_open(self, network: ProposedNetwork, campaign: Campaign, now: float) -> bool:
        """Whether a network waits for its first decision, or its members went on after the last one has lapsed."""
        lapsed = -math.inf if network.decided_at is None else network.decided_at + self._standing(network.cidr)
        if network.decided_at is None or lapsed > now:
            return network.decided_at is None
        return any(m.last_seen >= lapsed for m in campaign.members.values() if within(m.actor, network.cidr))

    def _network(self, network: ProposedNetwork, campaign: Campaign, now: float) -> Verdict:
        refusal = self._protected(network.cidr, campaign, now)
        network.decision = "refused" if refusal else "ban"
        network.decided_at = now
        if refusal:
            network.reason = f"not banned: {refusal}"
        return _verdict(network.cidr, campaign, now, network.decision, network.reason)


def needed(quiet: int) -> int:
    """Events at the threshold that convict an actor with so many quiet ones: one odd request is no attack on a site
    that somebody reads.
    """
    return min(MOST_HITS, 1 + quiet // QUIET_EACH)


def _verdict(target: str, campaign: Campaign, now: float, action: str, reason: str) -> Verdict:
    digest = hashlib.blake2s(f"{target} {campaign.id} {action} {now:.0f}".encode(), digest_size=8).hexdigest()
    return Verdict(digest, now, target, action, campaign.id, reason)


def _times(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
