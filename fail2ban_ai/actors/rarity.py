"""How rare and how familiar paths, agents and accounts are on this host, by what was seen so far.

An attacker alone cannot make a path familiar: only distinct networks that fetched it with success count.
"""

from fail2ban_ai.actors.state import ITEMS_KEPT, RETENTION, ActorState, Item

FAMILIAR = 3  # other networks with success on a path before a request for it is ordinary


class Rarity:
    """Items by kind ("path", "agent", "account") and value; the counts that campaigns weigh links with."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        self._actors = 0

    def actors(self) -> int:
        """Distinct actors seen so far."""
        return self._actors

    def look(self, kind: str, value: str | None, time: float) -> Item:
        """What is known of an item; an empty Item, not kept, for none."""
        if not value:
            return Item(time)
        item = self._items.get((kind, value))
        if item is None or time - item.last > RETENTION:
            item = self._items[kind, value] = Item(time)
        item.last = time
        return item

    def log_in(self, account: str | None, time: float) -> None:
        """Somebody logged in to the account."""
        self.look("account", account, time).known = True

    def press(self, account: str | None, time: float, state: ActorState) -> None:
        """An actor failed on the account; each counts once."""
        if account is not None and account not in state.accounts:
            self.look("account", account, time).pressed += 1

    def new_actor(self) -> None:
        """Count an actor."""
        self._actors += 1

    def prune(self, now: float) -> None:
        """Forget items idle for RETENTION, and the longest idle beyond ITEMS_KEPT."""
        old = [key for key, item in self._items.items() if now - item.last > RETENTION]
        if len(self._items) - len(old) > ITEMS_KEPT:
            by_age = sorted(self._items, key=lambda key: self._items[key].last)
            old = by_age[: len(self._items) - ITEMS_KEPT * 3 // 4]
        for key in old:
            del self._items[key]
