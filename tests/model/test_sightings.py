"""What the campaigns are told of a suspect's request: the name of a file is no offence where it is an ordinary page."""

from collections.abc import Sequence

import numpy as np
import pytest
from tokens_of import frame, request

from fail2ban_ai.actors.columns import FAMILIAR, ordinary
from fail2ban_ai.actors.timelines import Timelines
from fail2ban_ai.campaigns.components import Actor
from fail2ban_ai.findings import Sighting
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS, KINDS
from fail2ban_ai.model.runtime import COMPANY
from fail2ban_ai.model.scorer import Scores
from fail2ban_ai.sightings import Observer

SUSPECT = "203.0.113.9"


def last(
    attack: str,
    target: str,
    *,
    sure: float = 0.9,
    status: int = 200,
    before: Sequence[tuple[str, int]] = (),
    unmistakable: bool = False,
) -> Sighting:
    """Of a suspect's last request, after a few visitors have fetched /css.css; the encoder takes it for this attack.

    `before`: targets and statuses of what it asked for first.
    """
    rows = [request(f"198.18.{i}.1", 60.0 * i, "/css.css") for i in range(FAMILIAR + 2)]
    rows += [request(SUSPECT, 3000.0 + 60 * i, first, answer) for i, (first, answer) in enumerate(before)]
    seen = frame([*rows, request(SUSPECT, 4000.0, target, status)])
    tokens = Timelines().update(seen)
    assert tokens.actor[-1] == SUSPECT
    n = len(tokens)
    classes = np.zeros((n, len(ATTACKS)), np.float32)
    classes[:, ATTACKS.index(attack)] = sure
    scores = Scores(
        hostile=np.full(n, 0.6, np.float32),
        kind=np.eye(len(KINDS), dtype=np.float32)[np.zeros(n, int)],
        attack=classes,
        unmistakable=np.full(n, unmistakable),
        company=np.arange(n * COMPANY, dtype=np.float32).reshape(n, COMPANY),
    )
    assert ordinary(tokens.numeric)[-1] == (target == "/css.css" and status == 200)
    *_, seen_last = Observer().observe(seen, tokens, scores)
    sighting = seen_last.sighting
    assert sighting is not None
    assert np.array_equal(sighting.company, scores.company[-1])
    assert seen_last.attack == sighting.attack
    return sighting


def offended(sighting: Sighting) -> bool:
    actor = Actor(sighting.actor, None, sighting.time, sighting.time)
    actor.add(sighting)
    return actor.offended


@pytest.mark.parametrize("attack", ["secret", "webshell", "scan"])
def test_an_ordinary_file_is_no_offence_whatever_its_name_looks_like(attack: str) -> None:
    sighting = last(attack, "/css.css")
    assert sighting.attack is None
    assert not offended(sighting)


@pytest.mark.parametrize("attack", ["secret", "webshell", "scan"])
def test_the_same_name_is_one_where_it_is_not_ordinary(attack: str) -> None:
    sighting = last(attack, "/env.css")
    assert sighting.attack == attack
    assert offended(sighting)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    "before", [[], [("/old/plan.zip", 404)], [("/css.css", 200)], [("/favicon.ico", 404), ("/css.css", 200)]]
)
def test_who_follows_a_dead_link_did_nothing(before: list[tuple[str, int]], status: int) -> None:
    """However often, whatever the browser asks for beside it, and whatever the page's name looks like."""
    assert not offended(last("webshell", "/old/plan.zip", status=status, before=before))


@pytest.mark.parametrize(
    ("target", "status", "before", "unmistakable"),
    [
        ("/old/plan.zip", 404, [("/old/notes.zip", 404)], False),
        ("/old/plan.zip", 403, [], False),
        ("/old/plan.zip", 404, [("/setup", 500)], False),
        ("/.env", 404, [], True),
    ],
    ids=["two that are gone", "refused", "something else before", "unmistakable"],
)
def test_who_did_more_than_that_did_something(
    target: str, status: int, before: list[tuple[str, int]], *, unmistakable: bool
) -> None:
    assert offended(last("webshell", target, status=status, before=before, unmistakable=unmistakable))


@pytest.mark.parametrize("attack", sorted({*ATTACKS} - {"benign", "secret", "webshell", "scan"}))
def test_an_injection_into_an_ordinary_page_is_one(attack: str) -> None:
    sighting = last(attack, "/css.css")
    assert sighting.attack == attack
    assert offended(sighting)


def test_what_the_encoder_is_not_sure_of_is_none() -> None:
    assert last("sqli", "/css.css", sure=ATTACK_SEEN - 0.01).attack is None
    assert last("benign", "/env.css").attack is None
