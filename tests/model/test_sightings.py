"""What the campaigns are told of a suspect's request: the name of a file is no offence where it is an ordinary page."""

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


def last(attack: str, target: str, *, sure: float = 0.9, status: int = 200) -> Sighting:
    """Of a suspect's last request, after a few visitors have fetched /css.css; the encoder takes it for this attack."""
    rows = [request(f"198.18.{i}.1", 60.0 * i, "/css.css") for i in range(FAMILIAR + 2)]
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
        unmistakable=np.zeros(n, bool),
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
@pytest.mark.parametrize(("target", "status"), [("/env.css", 200), ("/css.css", 404)])
def test_the_same_name_is_one_where_it_is_not_ordinary(attack: str, target: str, status: int) -> None:
    sighting = last(attack, target, status=status)
    assert sighting.attack == attack
    assert offended(sighting)


@pytest.mark.parametrize("attack", sorted({*ATTACKS} - {"benign", "secret", "webshell", "scan"}))
def test_an_injection_into_an_ordinary_page_is_one(attack: str) -> None:
    sighting = last(attack, "/css.css")
    assert sighting.attack == attack
    assert offended(sighting)


def test_what_the_encoder_is_not_sure_of_is_none() -> None:
    assert last("sqli", "/css.css", sure=ATTACK_SEEN - 0.01).attack is None
    assert last("benign", "/env.css").attack is None
