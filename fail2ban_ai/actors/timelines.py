"""From event frames to tokens: every event is counted by what came before it, those that say something new are told."""

import numpy as np
import polars as pl

from fail2ban_ai.actors.chunk import Chunk
from fail2ban_ai.actors.columns import FAMILIAR
from fail2ban_ai.actors.counters import Counters, count
from fail2ban_ai.actors.excuses import Excuses
from fail2ban_ai.actors.groups import Bools, Ints
from fail2ban_ai.actors.items import AccountItems, Paths, agents
from fail2ban_ai.actors.logins import Logins
from fail2ban_ai.actors.people import People
from fail2ban_ai.actors.repeats import repeats
from fail2ban_ai.actors.table import RETENTION
from fail2ban_ai.actors.telling import Walked, told
from fail2ban_ai.actors.texts import Texts
from fail2ban_ai.actors.tokens import Tokens, joined, none
from fail2ban_ai.caps import Caps

_OTHERS = ("ban", "unban", "http_error")  # what fail2ban did; a second line about a request or its script
# Connections that closed before they asked for anything (nginx "", Apache "-"): browsers open them ahead of need.
_UNASKED = ["", "-"]
# Certificate authorities look there from addresses of their own choice (RFC 8555, section 8.3); one that is banned ends
# the site's certificates, and a token that nobody was given leads nowhere.
_CHALLENGE = r"^/\.well-known/acme-challenge/[A-Za-z0-9_-]*$"
_PRUNE_EVERY = 65_536  # events: a property of the log, so that what is forgotten does not depend on how it was cut
_STATUS_CLASSES = 10


class Timelines:
    """All actors of a host. Feed frames in order of time; chunk borders change nothing."""

    def __init__(self, caps: Caps | None = None) -> None:
        caps = caps or Caps()
        self.logins = Logins()
        self._texts = Texts(caps.texts)
        self._people = People(caps.actors, caps.doings)
        self._paths, self._agents = Paths(caps.items), agents(caps.items)
        self._accounts = AccountItems(caps.items)
        self._excuses = Excuses(caps.items)
        self._clock = -np.inf  # the newest time seen
        self._total = 0
        self._population = 0

    def update(self, frame: pl.DataFrame) -> Tokens:
        """The tokens of these events (events.SCHEMA). What says nothing about how its address behaves yields none."""
        rows = frame.with_row_index("row").filter(~_says_nothing())
        parts = []
        while rows.height:
            size = _PRUNE_EVERY - self._total % _PRUNE_EVERY
            chunk = Chunk(rows.head(size), self._clock, self._texts)
            rows = rows.slice(size)
            if chunk.size:
                parts.append(self._walk(chunk))
            if not self._total % _PRUNE_EVERY:
                self.forget()
        return joined(parts) if parts else none()

    def _walk(self, chunk: Chunk) -> Tokens:
        people, clock = self._people, chunk.clock
        actors = people.meet(chunk.actors.values, chunk.actors.codes, clock)
        what = chunk.kind * _STATUS_CLASSES + np.minimum(chunk.status // 100, _STATUS_CLASSES - 1)
        times = repeats(people, actors, chunk.texts, chunk.seconds.as_text(str), what)
        path = self._paths.touch(people, actors, chunk.paths, clock)
        agent = self._agents.touch(people, actors, chunk.agents, clock)
        account = self._accounts.touch(people, actors, chunk.accounts, clock)
        familiar, answered = self._paths.familiar(path, actors, good=chunk.good, odd=chunk.odd)
        tried = self._accounts.tried(account, actors, chunk.kinds("login_ok"), chunk.refused)
        ordinary = chunk.good & (familiar >= FAMILIAR)  # one for a path that is familiar here
        excused = self._excuses.excused(people, actors, chunk, ordinary)
        counters = count(people, actors, chunk, ordinary=ordinary, excused=excused, account=account, tried=tried)
        for row in np.flatnonzero(counters.new_day).tolist():
            self.logins.success(chunk.actors.values[chunk.actors.codes[row]], float(clock[row]))
        population = self._population + np.cumsum(actors.new)
        total = self._total + 1 + np.arange(chunk.size)
        self._population, self._total, self._clock = int(population[-1]), int(total[-1]), float(clock[-1])
        return told(
            chunk,
            Walked(actors, counters, path, agent, account, tried, times, familiar, answered, population, total),
            np.flatnonzero(_worth_a_look(chunk.good, counters, times) & ~excused),
        )

    def forget(self) -> None:
        """Drop what was not seen for long, and beyond the caps what was not seen for longest."""
        before = self._clock - RETENTION
        for known in (self._people, self._paths, self._agents, self._accounts, self._excuses):
            known.forget(before)


def _says_nothing() -> pl.Expr:
    unasked = pl.col("method").is_null() & pl.col("target").is_in(_UNASKED)
    challenge = pl.col("target").str.contains(_CHALLENGE)
    return pl.col("kind").is_in(_OTHERS) | (unasked | challenge).fill_null(value=False)


def _worth_a_look(good: Bools, now: Counters, times: Ints) -> Bools:
    """Ordinary successes at powers of two; everything else once and then at powers of two, thinned after 64."""
    fresh = (now.fresh <= 64) | (now.fresh % 16 == 0)
    failed = (now.failed <= 256) | (now.failed % 16 == 0)
    new = (times & (times - 1) == 0) & np.where(good, fresh, failed)
    found: Bools = np.where(now.ordinary_now, now.ordinary & (now.ordinary - 1) == 0, new)
    return found
