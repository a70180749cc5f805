"""What each actor did so far, as of each event: the counters that features and thinning go by."""

from dataclasses import dataclass

import numpy as np

from fail2ban_ai.actors.chunk import Chunk
from fail2ban_ai.actors.groups import Bools, Groups, Ints, Reals
from fail2ban_ai.actors.items import Accounts, Touched
from fail2ban_ai.actors.people import Actors, People

FORGETS = 5  # failures that still pass for a forgotten password; fail2ban's own default maxretry
_BITS = 62  # services told apart; later ones count as one
DAY = 86400


@dataclass(frozen=True, slots=True)
class Counters:
    """The actor's counters after each row, that row included."""

    ordinary_now: Bools  # one for a path that is familiar here
    events: Ints
    acts: Ints
    failed: Ints
    missing: Ints
    strange: Ints
    ordinary: Ints
    fresh: Ints
    logins: Ints
    login_days: Ints
    last_login_day: Ints
    new_day: Bools  # the actor's first log-in of a day
    services: Ints
    age: Reals  # seconds since the actor's first event

    @property
    def forgetful(self) -> Bools:
        """Whether all it did is what somebody does who forgot a password: a few failures on one account in use here."""
        found: Bools = (self.failed > 0) & (self.failed <= FORGETS) & (self.strange == 0)
        return found


def count(
    people: People, actors: Actors, chunk: Chunk, *, ordinary: Bools, excused: Bools, account: Touched, tried: Accounts
) -> Counters:
    """Count a chunk's rows. `ordinary`: a path that is familiar here. `excused`: see `excuses`."""
    logged_in = chunk.kinds("login_ok")
    error = (chunk.status >= 400) & ~logged_in & ~chunk.refused & ~excused
    strange = _is_strange(chunk, account, tried) | (chunk.is_request & ~chunk.good & ~excused)
    base_day = people.base(actors, "last_login_day")
    day = (chunk.clock // DAY).astype(np.int64)
    new_day = actors.groups.changes(day, logged_in, base_day)
    last_day = actors.groups.latest(day, logged_in, base_day)
    people.table["last_login_day"][actors.lives.slots] = last_day[actors.groups.lasts]
    return Counters(
        ordinary_now=ordinary,
        events=people.count(actors, "events", np.ones(chunk.size, np.bool_)),
        acts=people.count(actors, "acts", ~chunk.kinds("login_hint") & ~excused),
        failed=people.count(actors, "failed", chunk.refused | error),
        missing=people.count(actors, "missing", error & (chunk.status == 404)),
        strange=people.count(actors, "strange", strange),
        ordinary=people.count(actors, "ordinary", ordinary),
        fresh=people.count(actors, "fresh", chunk.is_request & ~error & ~ordinary & ~excused),
        logins=people.count(actors, "logins", logged_in),
        login_days=people.count(actors, "login_days", new_day),
        last_login_day=last_day,
        new_day=new_day,
        services=people.count(actors, "services", _new_services(people, actors, chunk)),
        age=chunk.clock - people.base(actors, "first")[actors.groups.of_row],
    )


def _is_strange(chunk: Chunk, account: Touched, tried: Accounts) -> Bools:
    """Failed log-ins that the account's owner would not make."""
    before = account.count - account.new
    only_one = (before == 0) | ((before == 1) & ~account.new)
    found: Bools = chunk.kinds("login_failed") & ~(tried.known & only_one)
    return found | chunk.kinds("invalid_user", "reject", "failure")


def _new_services(people: People, actors: Actors, chunk: Chunk) -> Bools:
    bits = np.array([people.service(name) for name in chunk.services.values], np.int64)
    pairs = Groups(actors.groups.of_row * max(len(bits), 1) + chunk.services.codes)
    first = pairs.firsts
    who, bit = actors.groups.of_row[first], bits[chunk.services.codes[first]]
    known = people.base(actors, "service_bits")
    new = (known[who] >> np.minimum(bit, _BITS)) & 1 == 0
    np.bitwise_or.at(known, who, np.left_shift(1, np.minimum(bit, _BITS)))
    people.table["service_bits"][actors.lives.slots] = known
    found = np.zeros(chunk.size, np.bool_)
    found[first[new]] = True
    return found
