"""Scores are an actor's own: no chunk border, no batch-mate and no cache changes them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokens_of import cut, made_up

from fail2ban_ai.campaigns.belonging import Together
from fail2ban_ai.model import weights
from fail2ban_ai.model.labels import ATTACKS, KINDS
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.runtime import COMPANY
from fail2ban_ai.model.scorer import Scorer, Scores

N = 400


@pytest.fixture(scope="module")
def runtime() -> OnnxRuntime:
    return OnnxRuntime()


@pytest.fixture(scope="module")
def whole(runtime: OnnxRuntime) -> Scores:
    return Scorer(runtime).score(made_up(N, actors=9, texts=120, seed=7))


def test_shapes_and_ranges(whole: Scores) -> None:
    assert whole.hostile.shape == (N,)
    assert whole.kind.shape == (N, len(KINDS))
    assert whole.attack.shape == (N, len(ATTACKS))
    for part in (whole.hostile, whole.kind, whole.attack):
        assert part.dtype == np.float32
        assert ((part >= 0) & (part <= 1)).all()
    assert np.allclose(whole.attack.sum(axis=1), 1, atol=0.01)
    assert np.allclose(whole.kind.sum(axis=1), 1, atol=0.01)


@settings(max_examples=12, deadline=None)
@given(borders=st.lists(st.integers(0, N), max_size=6))
def test_any_chunking_gives_the_same_bits(runtime: OnnxRuntime, whole: Scores, borders: list[int]) -> None:
    tokens = made_up(N, actors=9, texts=120, seed=7)
    scorer = Scorer(runtime)
    edges = [0, *sorted(borders), N]
    parts = [scorer.score(cut(tokens, a, b)) for a, b in pairwise(edges)]
    for name in ("hostile", "kind", "attack", "company"):
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), mates=st.integers(1, 300))
def test_batch_mates_change_nothing(runtime: OnnxRuntime, seed: int, mates: int) -> None:
    texts = [f"/own/{i}?q={'union select ' * i}" for i in range(5)]
    others = made_up(mates, actors=2, texts=mates, seed=seed).request
    alone = runtime.encode(texts)
    among = runtime.encode([*others, *texts])[-5:]
    assert np.array_equal(alone, among)


def test_another_actor_cannot_move_a_score(runtime: OnnxRuntime) -> None:
    tokens = made_up(120, actors=6, texts=50, seed=3)
    own = [i for i, actor in enumerate(tokens.actor) if actor == tokens.actor[0]]
    without = Scorer(runtime).score(tokens).hostile[own]
    for i in range(120):
        if i not in own:
            tokens.request[i] = "/etc/passwd?x=' or 1=1 union select password from users--"
    assert np.array_equal(Scorer(runtime).score(tokens).hostile[own], without)


def test_a_score_looks_back_two_blocks_and_never_ahead(runtime: OnnxRuntime) -> None:
    tokens = made_up(200, actors=1, texts=50, seed=5)
    before = Scorer(runtime).score(tokens)
    tokens.numeric[100] = 1 - tokens.numeric[100]
    after = Scorer(runtime).score(tokens)
    for name in ("hostile", "kind", "company"):
        was, now = getattr(before, name), getattr(after, name)
        assert np.array_equal(was[:100], now[:100])
        assert np.array_equal(was[128 + 32 :], now[128 + 32 :])
    assert not np.array_equal(before.kind[100:128], after.kind[100:128])


def test_actors_to_skip_are_left_alone(runtime: OnnxRuntime) -> None:
    tokens = made_up(60, actors=3, texts=30, seed=1)
    skipped = {"198.51.100.1"}
    full, part = Scorer(runtime).score(tokens), Scorer(runtime).score(tokens, skip=skipped)
    left_out = np.array([actor in skipped for actor in tokens.actor])
    assert np.isnan(part.hostile[left_out]).all()
    assert np.isnan(part.company[left_out]).all()
    assert np.array_equal(part.hostile[~left_out], full.hostile[~left_out])


def test_a_text_is_encoded_once() -> None:
    asked: list[str] = []

    class Counting(OnnxRuntime):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            asked.extend(texts)
            return super().encode(texts)

    tokens = made_up(200, actors=20, texts=10, seed=2)
    scorer = Scorer(Counting())
    scorer.score(tokens)
    scorer.score(tokens)
    assert len(asked) == len(set(asked)) <= 10
    assert "" not in asked


def test_forgotten_actors_start_anew(runtime: OnnxRuntime) -> None:
    tokens = made_up(80, actors=4, texts=30, seed=4)
    scorer = Scorer(runtime)
    first = scorer.score(tokens)
    assert scorer.forget(before=float(tokens.time[-1]) + 1) == 4
    assert np.array_equal(scorer.score(tokens).hostile, first.hostile)


def test_no_tokens_no_scores(runtime: OnnxRuntime) -> None:
    scores = Scorer(runtime).score(cut(made_up(3, 1, 3, 0), 0, 0))
    assert scores.hostile.shape == (0,)
    assert scores.kind.shape == (0, len(KINDS))


@pytest.mark.parametrize("calibration", [[1.7, -0.9], [0.3, 2.0], [1.0, 0.0]])
def test_two_vectors_make_the_calibrated_logit(runtime: OnnxRuntime, calibration: list[float]) -> None:
    """Vectors are calibrated one by one, so that the logit of any two is a * logit + b of the model's."""
    shipped = weights.load()
    tokens = made_up(90, actors=7, texts=40, seed=6)
    a, b = calibration

    def company(*values: float) -> np.ndarray:
        card = shipped.card | {"membership": shipped.card["membership"] | {"calibration": list(values)}}
        made = Scorer(runtime, replace(shipped, card=card)).score(tokens).company
        assert made.shape == (90, COMPANY)
        assert made.dtype == np.float32
        return made

    def logits(made: np.ndarray) -> np.ndarray:
        found: np.ndarray = made[:, :-1] @ made[:, :-1].T + made[:, -1:] + made[:, -1]
        return found

    plain = logits(company(1.0, 0.0))
    assert plain.std() > 0.1
    assert np.allclose(logits(company(a, b)), a * plain + b, atol=0.001)
    # And of an actor with a campaign, whose vector is the mean of its members'.
    together = Together()
    for row in company(a, b)[:5]:
        together.put(row)
    expected = 1 / (1 + np.exp(-(a * plain[:5, 9].mean() + b)))
    assert together.score(company(a, b)[9]) == pytest.approx(expected, abs=0.001)
