"""The AI jails during one step of the enforcer: their lists and bantimes, asked for once. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fail2ban_ai.fail2ban import database, jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft, await_blocked


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What became of bans that were asked for."""

    missing: frozenset[str]  # not listed by fail2ban
    unblocked: frozenset[str] | None  # not in the firewall; None: it could not be asked
    saved: bool  # in fail2ban's database, as far as there is one


@dataclass(slots=True)
class Jails:
    """`assumed`: go by the shipped bantimes, as fail2ban must not be needed (observe); else ask each jail."""

    client: Client
    nft: Nft
    assumed: bool
    _listed: dict[str, set[str]] = field(default_factory=dict)
    _bantimes: dict[str, float] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)  # jail: when we first asked it for a ban

    def bantime(self, jail: str) -> float:
        """The jail's bantime in seconds; raises what Client raises."""
        if self.assumed:
            return jails.BANTIMES[jail]
        self._look(jail)
        return self._bantimes[jail]

    def listed(self, jail: str) -> set[str]:
        """What the jail listed as banned when this step began; raises what Client raises."""
        self._look(jail)
        return self._listed[jail]

    def ask_for(self, jail: str, target: str, evidence: Sequence[str], now: float) -> None:
        """Ask fail2ban for a ban."""
        self._asked.setdefault(jail, now)
        self._listed[jail].add(target)
        self.client.attempt(jail, target, evidence)

    def confirm(self, jail: str, targets: Sequence[str]) -> "Confirmed":
        """Whether the targets came to be listed, blocked and remembered; takes a few seconds where they do not."""
        unblocked = await_blocked(self.nft, jail, targets)
        listed, dbfile = self.client.ask([("get", jail, "banip"), ("get", "dbfile")])
        missing = set(targets) - set(listed.split())
        if missing:  # the firewall could not be asked, or held them before
            missing = self.client.await_banned(jail, sorted(missing))
        saved = True
        if jail in self._asked:
            where = database.path_in(dbfile)
            saved = where is None or database.await_saved(where, jail, set(targets) - missing, self._asked[jail])
            if not saved:  # is it still there at all?
                missing |= set(targets) - set(self.client.banned(jail))
        return Confirmed(frozenset(missing), unblocked, saved)

    def _look(self, jail: str) -> None:
        if jail not in self._listed:
            listed, bantime = self.client.ask([("get", jail, "banip"), ("get", jail, "bantime")])
            self._listed[jail] = set(listed.split())
            self._bantimes[jail] = float(bantime)
