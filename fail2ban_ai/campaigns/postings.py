"""Which suspects touched which item, and whether what two of them share is rare enough to link them."""

from collections import Counter

from fail2ban_ai.campaigns.components import Component
from fail2ban_ai.campaigns.items import RARE_WEIGHT, STRONG_DF, STRONG_WEIGHT, Item, rare_limit, weight
from fail2ban_ai.campaigns.quoting import quote

MAX_POSTING = 512  # suspects remembered of one item, the last ones: what more of them touched is popular
ALIKE = 0.25  # share of the longer list of two actors that they must have in common
NAMED = 3  # shared items that an explanation names

_LISTED = ("account", "path")  # kinds that come from lists
_NOUNS = {"account": "account", "path": "path", "agent": "user agent", "walk": "order of a wordlist"}


def worded(item: Item) -> str:
    """An item in the words of an explanation."""
    kind, value = item
    return f"the {_NOUNS[kind]} {quote(value.replace(chr(31), ', '))}"


class Postings:
    """Item -> the suspects that touched it, and the item's document frequency in all traffic."""

    def __init__(self, most: int) -> None:
        """`most`: items held; beyond it those of a single suspect are forgotten, oldest first."""
        self._most = most
        self.population = 0  # distinct actors in all traffic
        self._actors: dict[Item, dict[str, None]] = {}
        self._df: dict[Item, int] = {}

    @property
    def full(self) -> bool:
        """Whether `trim` has something to do."""
        return len(self._actors) > self._most

    def of(self, item: Item) -> dict[str, None]:
        """Suspects that touched the item."""
        return self._actors.get(item, {})

    def touch(self, item: Item, actor: str, df: int) -> None:
        """A suspect touched an item that by now `df` distinct actors touched."""
        names = self._actors.setdefault(item, {})
        if actor not in names and len(names) == MAX_POSTING:
            del names[next(iter(names))]
        names[actor] = None
        self._df[item] = max(df, len(names), self._df.get(item, 0))

    def candidates(self, item: Item, of: dict[str, Component], mine: Component) -> dict[str, None]:
        """Suspects outside the component that touched the item, as far as it is rare for them."""
        names = self._actors.get(item, {})
        limit = rare_limit(self.population)
        if self._df.get(item, 0) <= limit:
            return {n: None for n in names if of[n] is not mine}
        if self._df[item] - len(names) >= limit:
            return {}  # no component can make up for so many others
        sizes = Counter(id(of[n]) for n in names)
        # One of each component suffices where the item is the component's own.
        return {n: None for n in names if of[n] is not mine and self._df[item] - sizes[id(of[n])] < limit}

    def _outside(self, item: Item, of: dict[str, Component], theirs: Component) -> int:
        """The item's frequency with the other one's component counted as one: its own fame must not hide it."""
        df = self._df[item]
        if len(theirs.members) == 1:
            return df
        return df - sum(of[n] is theirs for n in self._actors[item]) + 1

    def bond(
        self,
        mine: dict[Item, None],
        other: dict[Item, None],
        of: dict[str, Component],
        theirs: Component,
        *,
        near: bool,
    ) -> str | None:
        """Why two actors belong together, in words, or None; `near` when they live in one /24 or /48."""
        limit = rare_limit(self.population)
        few, many = (mine, other) if len(mine) <= len(other) else (other, mine)
        shared: dict[Item, float] = {}
        strong = False
        for item in few:
            if item not in many or item not in self._actors:
                continue
            df = self._outside(item, of, theirs)
            if df > limit or (item[0] == "walk" and any(kind == "walk" for kind, _ in shared)):
                continue  # stretches of a wordlist overlap: however many are shared, they are one fact
            shared[item] = weight(df, self.population)
            strong = strong or (df <= STRONG_DF and shared[item] >= STRONG_WEIGHT)
        enough = len(shared) >= 2 and sum(shared.values()) >= RARE_WEIGHT and self._is_alike(shared, mine, other)
        if not enough and not (near and strong):
            return None
        best = sorted(shared, key=lambda item: (-shared[item], item))
        words = [worded(item) for item in best[:NAMED]]
        more = f" and {len(best) - NAMED} more" if len(best) > NAMED else ""
        return "rare in all traffic, shared by them: " + ", ".join(words) + more

    def _is_alike(self, shared: dict[Item, float], mine: dict[Item, None], other: dict[Item, None]) -> bool:
        """Whether it takes more than two long lists to explain what two actors share.

        Lists of the same trade have entries in common, few of them well known on this host. So either the kinds differ
        (a path and a user agent), or the order is the same, or it is a good part of all that either asked for.
        """
        if len({kind for kind, _ in shared}) > 1:
            return True
        counted = sum(kind in _LISTED for kind, _ in shared)
        longer = max(sum(kind in _LISTED for kind, _ in items) for items in (mine, other))
        return counted >= ALIKE * longer

    def drop(self, actor: str, items: dict[Item, None]) -> None:
        """Forget a suspect."""
        for item in items:
            names = self._actors.get(item)
            if names is not None:
                names.pop(actor, None)
                if not names:
                    del self._actors[item], self._df[item]

    def trim(self) -> None:
        """Keep to the cap."""
        if not self.full:
            return
        spare = len(self._actors) - self._most * 9 // 10
        for item in [i for i, names in self._actors.items() if len(names) == 1][:spare]:
            del self._actors[item], self._df[item]
