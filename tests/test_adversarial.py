"""An attacker who knows the detector: whom he frames is spared, and what he writes about himself helps him nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.analysis import Logs, run
from fail2ban_ai.config import Settings
from fail2ban_ai.training.simulator import Part, Scenario, World, simulate
from fail2ban_ai.training.simulator.adversarial import adversarial, encoded


def _banned(name: str, folder: Path) -> dict[str, bool]:
    return _judged(adversarial(name, 1), folder)


def _judged(world: World, folder: Path) -> dict[str, bool]:
    """Whether each address of a world was banned, by what must become of it."""
    found = run(Logs([str(p) for p in world.write(folder)], zones={"*": ZoneInfo("UTC")}), Settings(), compare=False)
    targets = [d.target for d in found.report.decisions if d.action == "ban"]
    return {
        f"{one.must} {one.address}": any(within(str(actor_of(one.address)), target) for target in targets)
        for one in world.truth
    }


@pytest.mark.parametrize("name", ["named", "forced"])
def test_whom_an_attacker_frames_is_spared(name: str, tmp_path: Path) -> None:
    victims = {actor: hit for actor, hit in _banned(name, tmp_path).items() if actor.startswith("spare")}
    assert len(victims) >= 6
    assert not any(victims.values()), victims


def test_who_follows_a_link_to_a_page_that_is_gone_is_mostly_spared(tmp_path: Path) -> None:
    """Of one request by a stranger, answered 404, nothing tells it from a probe but its name."""
    followers = _banned("linked", tmp_path)
    assert len(followers) == 80
    assert sum(followers.values()) <= 10, followers


@pytest.mark.parametrize("name", ["jitter", "agent_rotation", "decoys", "planted", "poisoning"])
def test_evasion_is_seen_through(name: str, tmp_path: Path) -> None:
    hostile = _banned(name, tmp_path)
    assert len(hostile) == 3
    assert all(hostile.values()), hostile


@pytest.mark.parametrize("encode", [quote, lambda text: quote(quote(text, safe=""), safe="")])
def test_injections_into_a_popular_page_that_are_answered(tmp_path: Path, encode: Callable[[str], str]) -> None:
    hostile = _judged(encoded(encode, 1), tmp_path)
    assert len(hostile) == 24
    assert sum(hostile.values()) >= 22, hostile


def test_whose_parameters_hold_code_for_good_reasons_is_spared(tmp_path: Path) -> None:
    parts = [Part("visitors", settings={"per_day": 60.0})]
    parts += [Part("filters", settings={"n": 15}) for _ in range(5)] + [Part("searches", settings={"n": 15})]
    world = simulate(4, Scenario("filters", datetime(2026, 11, 2, tzinfo=UTC).timestamp(), 4.0, None, tuple(parts)))
    assert sum(one.role == "filter" for one in world.truth) == 75
    assert not any(_judged(world, tmp_path).values())
