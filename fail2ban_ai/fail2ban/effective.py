"""Whether the bans that fail2ban lists are in the firewall. Standard library only: the root process imports this.

After an outside `nft flush ruleset` fail2ban still lists every ban and blocks none (measured on 1.0.2).
"""

import json
import subprocess
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client

PATIENCE = 2.0  # seconds; fail2ban needs a quarter of one for a ban


@dataclass(frozen=True, slots=True)
class Effect:
    """How a jail's bans and its nftables sets differ."""

    jail: str
    listed: frozenset[str]
    unblocked: frozenset[str]  # listed as banned, yet not in the set or not reached by a rule
    left: frozenset[str]  # in a set, yet not listed as banned

    @property
    def whole(self) -> bool:
        """Whether the firewall does what fail2ban says."""
        return not self.unblocked and not self.left


class Nft:
    """`prefix` is what to put before `nft`, such as a namespace's command."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        self._prefix = tuple(prefix)

    def blocked(self, jail: str) -> frozenset[str] | None:
        """The targets that the jail's table really blocks: members of a set that a rule of the table drops or rejects.

        None when nft cannot be asked (not installed, not allowed); an empty set when the table is not there.
        """
        done = self._list("-j", "list", "table", "inet", jails.table_of(jail))
        if done is None:
            return None
        if done.returncode != 0:
            return frozenset() if "No such file or directory" in done.stderr else None
        items = json.loads(done.stdout)["nftables"]
        used = {name for item in items if "rule" in item for name in _sets_dropped(item["rule"])}
        sets = (item["set"] for item in items if "set" in item)
        return frozenset(
            jails.target_in(each["name"], element)
            for each in sets
            if each["name"] in used
            for element in each.get("elem", ())
            if isinstance(element, str)
        )

    def ruleset(self) -> str | None:
        """All rules of the host as text; None when nft cannot be asked."""
        done = self._list("list", "ruleset")
        return done.stdout if done is not None and done.returncode == 0 else None

    def _list(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                [*self._prefix, "nft", *words], capture_output=True, text=True, timeout=20, check=False
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return None


def _sets_dropped(rule: dict[str, object]) -> list[str]:
    expressions = rule.get("expr")
    if not isinstance(expressions, list) or not any("drop" in part or "reject" in part for part in expressions):
        return []
    matches = [part["match"]["right"] for part in expressions if "match" in part]
    return [right.removeprefix("@") for right in matches if isinstance(right, str) and right.startswith("@")]


def effective(client: Client, nft: Nft, jail: str) -> Effect | None:
    """Compare a jail's list with its sets; None when nft cannot be asked. Raises what Client raises."""
    before = frozenset(client.banned(jail))
    blocked = nft.blocked(jail)
    if blocked is None:
        return None
    # Asked twice, so that a ban which begins or ends in between is neither missing nor left over.
    after = frozenset(client.banned(jail))
    return Effect(jail, after, unblocked=(before & after) - blocked, left=blocked - (before | after))


def await_blocked(nft: Nft, jail: str, targets: Collection[str]) -> frozenset[str] | None:
    """Wait until the firewall blocks all targets, PATIENCE at most; those it does not, None when nft cannot be asked.

    Fifty times cheaper than asking fail2ban, which lists a ban just before it runs the action.
    """
    end = time.monotonic() + PATIENCE
    while True:
        blocked = nft.blocked(jail)
        if blocked is None:
            return None
        left = frozenset(targets) - blocked
        if not left or time.monotonic() >= end:
            return left
        time.sleep(0.05)


def await_effective(client: Client, nft: Nft, jail: str, *, seconds: float = PATIENCE) -> Effect | None:
    """Compare until both are one, `seconds` at most: fail2ban lists a ban just before it runs the action."""
    end = time.monotonic() + seconds
    while True:
        effect = effective(client, nft, jail)
        if effect is None or effect.whole or time.monotonic() >= end:
            return effect
        time.sleep(0.1)


def repair(client: Client, nft: Nft, jail: str) -> Effect | None:
    """Have fail2ban build the jail's sets anew from its database, and compare again."""
    client.restart_jail(jail)
    return await_effective(client, nft, jail, seconds=10.0)
