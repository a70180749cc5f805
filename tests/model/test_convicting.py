"""Which single requests may convict: by class, by n-grams, by intent where they are refused; never an ordinary one."""

import numpy as np
import pytest

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model.labels import ATTACKS
from fail2ban_ai.model.scorer import convicting


def _may(
    *, attack: str = "benign", sure: float = 0.9, intent: float = 0.1, said: float = 0.0, **numbers: float
) -> bool:
    classes = np.full((1, len(ATTACKS)), 0.0, np.float32)
    classes[0, ATTACKS.index(attack)] = sure
    numeric = np.zeros((1, len(NUMERIC)), np.float32)
    for name, value in {"web": 1.0, "request": 1.0, **numbers}.items():
        numeric[0, NUMERIC.index(name)] = value
    made = convicting(classes, np.array([intent], np.float32), np.array([said], np.float32), numeric)
    return bool(made[0])


@pytest.mark.parametrize("status", ["ok", "missing"])
def test_an_attack_may_convict_whatever_the_answer(status: str) -> None:
    assert _may(attack="sqli", **{status: 1.0})
    assert _may(said=1.2, **{status: 1.0})


def test_hostile_intent_may_where_the_answer_is_a_refusal() -> None:
    assert _may(intent=0.95, denied=1.0)
    assert _may(intent=0.95, client_error=1.0, malformed=1.0)
    assert not _may(intent=0.95, ok=1.0), "a page that is there"
    assert not _may(intent=0.95, missing=1.0), "a dead link"
    assert not _may(intent=0.85, denied=1.0)


@pytest.mark.parametrize("attack", ["secret", "webshell", "scan"])
def test_of_a_name_alone_encoder_and_regression_must_think_so(attack: str) -> None:
    assert _may(attack=attack, said=0.8, missing=1.0)
    assert not _may(attack=attack, said=0.5, missing=1.0), "old pages are named so, too"
    assert not _may(said=0.8, missing=1.0)


def test_neither_a_panel_that_is_there_nor_what_is_ordinary_nor_another_line() -> None:
    assert _may(attack="scan", said=0.8, missing=1.0)
    assert not _may(attack="scan", said=0.8, ok=1.0)
    assert not _may(attack="sqli", ok=1.0, familiar=1.0)
    assert not _may(attack="sqli", missing=1.0, request=0.0)
