"""Scores are an actor's own: no chunk border, no batch-mate and no cache changes them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokens_of import cut, made_up

from fail2ban_ai.model.labels import ATTACKS, KINDS
from fail2ban_ai.model.onnx import OnnxRuntime
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
    for name in ("hostile", "kind", "attack"):
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
    for name in ("hostile", "kind"):
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
