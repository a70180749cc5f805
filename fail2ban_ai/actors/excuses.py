"""Requests that their sender may not have meant: they say nothing about it, at first.

Any page can hold `<img src="https://your.example/?q=' union select">`, and whoever opens that page asks your server for
it, naming the page as the referer. And browsers greet a plain port in TLS where a link or a person said https. So an
unusual request that came from another site, and a TLS greeting, is excused in the first EXCUSED_HOURS clock hours of an
actor that show one: pages are open for a while, scanners go on.
"""

import numpy as np

from fail2ban_ai.actors.chunk import Chunk
from fail2ban_ai.actors.groups import Bools, Ints, Reals
from fail2ban_ai.actors.items import Items, nothing
from fail2ban_ai.actors.people import Actors, People
from fail2ban_ai.actors.table import Table

EXCUSED_HOURS = 2
OWN_SHARE = 4  # an origin is the site's own from 1 / OWN_SHARE of the visitors that the most frequent one brings
LEAST_VISITORS = 3  # of the most frequent origin, before anything is called foreign
_HOUR = 3600


class Excuses(Items[None]):
    """Origins of referers, by how many actors each brought to a page that is familiar here."""

    def __init__(self, most: int) -> None:
        super().__init__("origins", Table(nothing, {"actors": np.int64}), most)
        self._largest = 0

    def excused(self, people: People, actors: Actors, chunk: Chunk, ordinary: Bools) -> Bools:
        """Which rows are excused. `ordinary`: successes on familiar paths, which tell whose the site is."""
        unmeant = (chunk.is_greeting | self._foreign(people, actors, chunk, ordinary)) & ~ordinary
        found: Bools = unmeant & (_hours(people, actors, unmeant, chunk.clock) <= EXCUSED_HOURS)
        return found

    def forget(self, before: float) -> None:
        """See Items.forget; a site that has moved is known by its new name once the old one is forgotten."""
        super().forget(before)
        self._largest = int(self.table.live("actors").max(initial=0))

    def _foreign(self, people: People, actors: Actors, chunk: Chunk, ordinary: Bools) -> Bools:
        brought = self.touch(people, actors, chunk.origins, chunk.clock, only=ordinary)
        largest = np.maximum(np.maximum.accumulate(brought.after), self._largest)
        self._largest = int(largest[-1])
        # What stood before the row: a row does not make its own origin the site's.
        rare = (brought.before * OWN_SHARE < largest) & (largest >= LEAST_VISITORS)
        found: Bools = (chunk.origins.codes >= 0) & np.where(chunk.host_told, ~chunk.from_host, rare)
        return found


def _hours(people: People, actors: Actors, shown: Bools, clock: Reals) -> Ints:
    """In how many clock hours so far the row's actor had a row of `shown`; right for those rows."""
    hour = (clock // _HOUR).astype(np.int64)
    last = people.base(actors, "excused_hour")
    began = actors.groups.changes(hour, shown, last)
    people.table["excused_hour"][actors.lives.slots] = actors.groups.latest(hour, shown, last)[actors.groups.lasts]
    return people.count(actors, "excused_hours", began)
