"""The arithmetic behind the published figures and the thresholds."""

import numpy as np
import pytest

pytest.importorskip("torch")

from fail2ban_ai.model.labels import GROUPS
from fail2ban_ai.model.weights import SENSITIVITIES
from fail2ban_ai.training import calibrate
from fail2ban_ai.training.calibrate import Left
from fail2ban_ai.training.evaluate import auc

pytestmark = pytest.mark.torch


def test_auc_counts_ties_half() -> None:
    assert auc([0.9, 0.8, 0.1, 0.2], [True, True, False, False]) == 1.0
    assert auc([0.1, 0.9], [True, False]) == 0.0
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.5], [True]) is None


def left_out(n: int = 400, host: str = "one", odd: float = 0.0) -> list[Left]:
    rng = np.random.default_rng(3)
    found = []
    for i in range(n):
        for hostile in (True, False):
            logits = rng.normal(2.0 if hostile else -2.0 + odd, 1.0, 1 + i % 4).astype(np.float32)
            said = rng.normal(0.5 if hostile else -0.5, 1.0, len(logits)).astype(np.float32)
            found.append(
                Left(
                    host, f"{i}", i % 3, hostile, logits, said, np.ones(len(logits), bool), np.zeros(len(logits), bool)
                )
            )
    return found


def test_thresholds_keep_their_rate_where_they_were_chosen() -> None:
    actors = left_out(2000)
    calibration = calibrate.platt(actors)
    limits = calibrate.thresholds(actors, calibration)
    table = np.array([calibration[group] for group in GROUPS])
    for i, group in enumerate(GROUPS):
        peaks = [calibrate.peak(one, table) for one in actors if not one.hostile and one.group == i]
        for name in SENSITIVITIES:
            assert np.mean([peak >= limits[group][name] for peak in peaks]) <= calibrate.RATES[name]


def test_one_odd_host_does_not_choose_the_threshold_alone() -> None:
    plain = [one for part in range(8) for one in left_out(100, f"host{part}")]
    crowd = [one for one in left_out(900, "odd", odd=2.5) if not one.hostile]
    calibration = calibrate.platt(plain)
    without = calibrate.thresholds(plain, calibration)["web"]["strict"]
    table = np.array([calibration[group] for group in GROUPS])
    rooted = calibrate.thresholds(plain + crowd, calibration)["web"]["strict"]
    web = [one for one in plain + crowd if one.group == 0 and not one.hostile]
    counted = np.quantile([calibrate.peak(one, table) for one in web], 1 - calibrate.RATES["strict"])
    assert without < rooted < counted + 0.001


def test_calibrated_scores_are_probabilities_at_the_assumed_prior() -> None:
    actors = left_out(3000)
    table = np.array([calibrate.platt(actors)[group] for group in GROUPS])
    first = [
        (
            calibrate.peak(
                Left(a.host, a.actor, a.group, a.hostile, a.logits[:1], a.said[:1], a.counted[:1], a.single[:1]), table
            ),
            a.hostile,
        )
        for a in actors
    ]
    scores, truth = (np.array(part) for part in zip(*first, strict=True))
    for low, high in ((0.05, 0.3), (0.3, 0.7), (0.7, 0.95)):
        inside = (scores >= low) & (scores < high)
        hostile = calibrate.PRIOR * truth[inside].sum()
        benign = (1 - calibrate.PRIOR) * (~truth[inside]).sum()
        assert low - 0.1 <= hostile / (hostile + benign) <= high + 0.1


def test_a_group_without_actors_takes_the_common_calibration() -> None:
    web_only = [one for one in left_out() if one.group == 0]
    calibration = calibrate.platt(web_only)
    assert calibration["mail"] == [*calibration["web"][:2], 0.0]
    assert calibrate.thresholds(web_only, calibration)["mail"] == calibrate.thresholds(web_only, calibration)["web"]


def test_events_that_the_judge_passes_over_count_for_nothing() -> None:
    actors = left_out(200)
    table = np.array([calibrate.platt(actors)[group] for group in GROUPS])
    loud = Left(
        "one",
        "x",
        0,
        False,
        np.array([9.0, -2.0], np.float32),
        np.zeros(2),
        np.array([False, True]),
        np.array([True, False]),
    )
    assert calibrate.peak(loud, table) < 0.5
    loud.counted[:] = False
    assert calibrate.peak(loud, table) == 0.0


def test_one_request_is_enough_only_beyond_what_benign_first_requests_reach() -> None:
    actors = left_out()
    calibration = calibrate.platt(actors)
    limits = calibrate.thresholds(actors, calibration)
    quiet = calibrate.singles(actors, calibration, limits)
    assert quiet == {group: limits[group]["normal"] for group in GROUPS}, "none of them looks like an attack"
    loudest = {
        i: max((one for one in actors if not one.hostile and one.group == i), key=lambda o: o.logits.max())
        for i in range(3)
    }
    for one in loudest.values():
        one.logits[0] = 20.0
        one.single[0] = True
    loud = calibrate.singles(actors, calibration, limits)
    assert all(loud[group] > 0.99 for group in GROUPS)
