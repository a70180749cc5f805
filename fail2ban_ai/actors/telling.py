"""The tokens of the events that were picked, from what was counted for every row of a chunk."""

from dataclasses import dataclass

import numpy as np

from fail2ban_ai.actors.chunk import Chunk
from fail2ban_ai.actors.counters import DAY, Counters
from fail2ban_ai.actors.features import Seen, numeric
from fail2ban_ai.actors.groups import Bools, Ints
from fail2ban_ai.actors.items import Accounts, Touched
from fail2ban_ai.actors.people import Actors
from fail2ban_ai.actors.tokens import Tokens

NAMES_KEPT = 64  # agents and accounts of one actor that are told apart


@dataclass(frozen=True, slots=True)
class Walked:
    """What was counted of a chunk, row by row."""

    actors: Actors
    counters: Counters
    path: Touched
    agent: Touched
    account: Touched
    tried: Accounts
    times: Ints  # how often the event was seen from its actor, this time included
    familiar: Ints  # other networks that had success with the path before
    answered: Bools  # whether any had
    population: Ints  # actors so far
    total: Ints  # events so far


def told(chunk: Chunk, walked: Walked, picked: Ints) -> Tokens:
    """The tokens of the rows `picked`."""
    counters = walked.counters
    requests = chunk.requests.at(picked)
    referer = chunk.referers.at(picked)
    agents = np.minimum(walked.agent.count[picked], NAMES_KEPT)
    seen = Seen(
        service=chunk.services.at(picked),
        kind=chunk.kind[picked],
        method=chunk.method[picked],
        status=chunk.status[picked],
        day=(chunk.clock[picked] // DAY).astype(np.int64),
        gap=walked.actors.lives.gap[picked],
        age=counters.age[picked],
        repeat=walked.times[picked],
        layers=np.array([request.layers for request in requests], np.int64),
        changed=np.array([request.changed for request in requests], np.float64),
        familiar=walked.familiar[picked],
        touched=walked.path.before[picked],
        agent_known=walked.agent.before[picked],
        warm=walked.population[picked],
        has_referer=np.array([text != "" for text in referer], np.bool_),
        account_known=walked.tried.known[picked],
        account_own=walked.tried.own[picked],
        account_pressed=walked.tried.pressed[picked],
        answered=walked.answered[picked],
        events=counters.events[picked],
        failed=counters.failed[picked],
        missing=counters.missing[picked],
        ordinary=counters.ordinary[picked],
        agents=agents,
        accounts=np.minimum(walked.account.count[picked], NAMES_KEPT),
        services=counters.services[picked],
        logins=counters.logins[picked],
        login_days=counters.login_days[picked],
        last_login_day=counters.last_login_day[picked],
    )
    items = (walked.path, walked.agent, walked.account)
    return Tokens(
        actor=chunk.actors.at(picked),
        time=chunk.times[picked],
        request=[request.text for request in requests],
        second=chunk.seconds.at(picked),
        referer=referer,
        path=[request.path for request in requests],
        numeric=numeric(seen),
        row=chunk.rows[picked],
        count=counters.acts[picked],
        touched=np.stack([item.after[picked] for item in items], axis=1),
        population=walked.population[picked],
        agents=agents,
        forgetful=counters.forgetful[picked].astype(np.int64),
        total=walked.total[picked],
    )
