"""Each campaign is found and each twin is spared, from log lines to verdicts, with the shipped weights.

A twin runs alone and inside the attack: alice mistypes her password while she is attacked.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.analysis import Analysis, Logs, run
from fail2ban_ai.config import Settings
from fail2ban_ai.training.simulator import World, attack, twin

KINDS = {
    "low_and_slow": {"slow_scan", "scan", "exploit_probe"},
    "stuffing_net": {"credential_stuffing"},
    "stuffing_spread": {"credential_stuffing"},
    "sqli": {"injection"},
    "scripted": {"scraping", "scan", "flood", "slow_scan", "exploit_probe"},
    "cross_service": {"scan", "slow_scan", "brute_force", "credential_stuffing", "exploit_probe"},
}
SEED = 11


def _analysed(world: World, folder: Path) -> Analysis:
    logs = [str(path) for path in world.write(folder)]
    return run(Logs(logs, zones={"*": ZoneInfo("UTC")}), Settings(), compare=False)


def _banned(found: Analysis) -> set[str]:
    return {d.target for d in found.report.decisions if d.action == "ban"}


def _split(world: World, found: Analysis) -> tuple[set[str], set[str], set[str]]:
    """Actors that must be banned and were, that must be banned and were not, that must be spared and were not."""
    banned = _banned(found)
    hit = {t: any(within(str(actor_of(t.address)), target) for target in banned) for t in world.truth}
    right = {t.address for t, was in hit.items() if was and t.must == "ban"}
    missed = {t.address for t, was in hit.items() if not was and t.must == "ban"}
    wrong = {f"{t.address} ({t.role})" for t, was in hit.items() if was and t.must == "spare"}
    return right, missed, wrong


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_attack_is_found_and_named(name: str, tmp_path: Path) -> None:
    world = attack(name, SEED)
    found = _analysed(world, tmp_path)
    right, missed, wrong = _split(world, found)
    assert not wrong
    assert len(right) >= 0.9 * (len(right) + len(missed)), missed
    named = {c.kind for c in found.report.campaigns if any(a.decision == "ban" for a in c.actors)}
    assert named & KINDS[name]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_twin_alone_is_spared(name: str, tmp_path: Path) -> None:
    world = twin(name, inside=False, seed=SEED)
    _, _, wrong = _split(world, _analysed(world, tmp_path))
    assert not wrong


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_twin_inside_the_attack_is_spared_and_the_attack_found(name: str, tmp_path: Path) -> None:
    world = twin(name, inside=True, seed=SEED)
    right, missed, wrong = _split(world, _analysed(world, tmp_path))
    assert not wrong
    assert len(right) >= 0.9 * (len(right) + len(missed)), missed


@pytest.mark.parametrize("service", ["sshd", "web"])
@pytest.mark.parametrize("name", ["stuffing_net", "stuffing_spread"])
def test_stuffing_is_found_on_other_services(name: str, service: str, tmp_path: Path) -> None:
    world = twin(name, inside=True, seed=SEED, service=service)
    right, missed, wrong = _split(world, _analysed(world, tmp_path))
    assert not wrong
    assert len(right) >= 0.9 * (len(right) + len(missed)), missed


def test_the_attacked_network_is_proposed_with_its_density(tmp_path: Path) -> None:
    found = _analysed(attack("stuffing_net", SEED), tmp_path)
    networks = [n for c in found.report.campaigns for n in c.networks if n.decision == "ban"]
    whole = next(n for n in networks if n.cidr == "203.0.113.0/24")  # a part of it may have been full before
    assert all(within(n.cidr, whole.cidr) for n in networks)
    assert whole.hostile_seen >= 8
    assert whole.benign_seen == 0


@pytest.mark.parametrize("inside", [False, True])
def test_out_of_hours_is_an_anomaly_and_the_weekly_backup_is_none(inside: bool, tmp_path: Path) -> None:
    world = twin("out_of_hours", inside=inside, seed=SEED)
    found = _analysed(world, tmp_path)
    _, _, wrong = _split(world, found)
    assert not wrong
    assert bool(found.report.anomalies) is inside


def test_every_finding_explains_itself(tmp_path: Path) -> None:
    found = _analysed(attack("sqli", SEED), tmp_path)
    acted = [c for c in found.report.campaigns if any(a.decision == "ban" for a in c.actors)]
    assert acted
    for campaign in acted:
        assert campaign.evidence
        assert campaign.summary
        assert campaign.why_missed
        assert campaign.recommendation
        assert campaign.techniques
