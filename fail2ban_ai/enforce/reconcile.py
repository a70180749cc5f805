"""Keeps jail and firewall one: bans that something else took out of nftables are blocked again. Standard library only.

fail2ban's list is the truth: what it lists is to be blocked, what it does not list is not, whoever made or lifted it. A
ban that ended, or that an admin lifted, is never made again. A repair has fail2ban restart the jail, which builds the
table anew from its database; other jails are left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Effect, Nft, await_effective, repair

EVERY = 30.0  # seconds between two looks
AGAIN = 300.0  # seconds between two repairs of a jail: something may be at work against us

Tell = Callable[[str, str, str], None]  # kind of notice, what makes it the same, the sentence


@dataclass(slots=True)
class Reconciler:
    """`tell` leaves a notice; it is told the same again and again, and leaves repetitions out."""

    client: Client
    nft: Nft
    tell: Tell
    repairing: bool = True
    _repaired: dict[str, float] = field(default_factory=dict)  # jail: when, by the monotonic clock
    _missing: set[str] = field(default_factory=set)

    def look(self, now: float) -> list[Effect]:
        """Compare and repair; returns how those jails stand that differed. `now` is of a monotonic clock.

        Raises Fail2banDown or Fail2banAbsent when fail2ban cannot be asked.
        """
        running = self.client.jails()
        missing = {jail for jail in jails.JAILS if jail not in running}
        for jail in sorted(missing - self._missing):
            advice = "`fail2ban-ai doctor` says why; `fail2ban-ai setup` installs it"
            self.tell("waiting", f"missing {jail}", f"Jail {jail} does not run, its decisions wait: {advice}.")
        self._missing = missing
        ours = [jail for jail in jails.JAILS if jail in running]
        found = zip(ours, self.client.ask([("get", jail, "banip") for jail in ours]), strict=True)
        suspects = [jail for jail, listed in found if self.nft.blocked(jail) != frozenset(listed.split())]
        return [effect for jail in suspects if (effect := self._one(jail, now)) is not None]

    def _one(self, jail: str, now: float) -> Effect | None:
        effect = await_effective(self.client, self.nft, jail)  # a ban is listed a moment before it is blocked
        if effect is None or effect.whole:
            return effect
        found = _in_words(effect)
        if not self.repairing or now - self._repaired.get(jail, float("-inf")) < AGAIN:
            self.tell("not-blocked", f"not-blocked {jail}", f"{found}; `fail2ban-ai enforce --repair` mends it.")
            return effect
        self._repaired[jail] = now
        try:
            after = repair(self.client, self.nft, jail)
        except Fail2banError as error:
            self.tell("not-blocked", f"not-blocked {jail}", f"{found}, and the repair failed: {error}")
            return effect
        if after is not None and after.whole:
            self.tell("repaired", f"repaired {jail} {now}", f"{found}; repaired.")
        else:
            self.tell("not-blocked", f"not-blocked {jail}", f"{found}, and a repair did not change that.")
        return after


def _in_words(effect: Effect) -> str:
    some = sorted(effect.unblocked or effect.left)
    which = ", ".join(some[:5]) + (" …" if len(some) > 5 else "")
    if effect.unblocked:
        return (
            f"Jail {effect.jail}: {len(effect.unblocked)} of {len(effect.listed)} bans were listed but not blocked "
            f"({which}); something else changed the firewall"
        )
    return f"Jail {effect.jail}: {len(some)} targets were blocked that nobody lists ({which})"
