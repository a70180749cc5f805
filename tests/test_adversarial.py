"""An attacker who knows the detector: whom he frames is spared, and what he writes about himself helps him nothing."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.analysis import Logs, run
from fail2ban_ai.config import Settings
from fail2ban_ai.training.simulator.adversarial import adversarial


def _banned(name: str, folder: Path) -> dict[str, bool]:
    world = adversarial(name, 1)
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


@pytest.mark.parametrize("name", ["jitter", "agent_rotation", "decoys", "planted", "poisoning"])
def test_evasion_is_seen_through(name: str, tmp_path: Path) -> None:
    hostile = _banned(name, tmp_path)
    assert len(hostile) == 3
    assert all(hostile.values()), hostile
