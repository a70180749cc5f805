"""Log-in waves: a distributed attack on one account is one campaign, and what only looks like it is none.

Each twin runs alone and inside the attack.
"""

import tracemalloc

import pytest
from campaign_stream import DAY, HOUR, MONDAY, Event, Success, failed, population, run, web

from fail2ban_ai.addresses import network_of
from fail2ban_ai.campaigns.waves import Waves
from fail2ban_ai.findings import Campaign, Sighting

ATTACK = MONDAY + 10 * DAY + 9 * HOUR  # there is history before it
NEIGHBOURS = [f"192.0.2.{i}" for i in range(20, 44)]
STRANGERS = [f"198.{18 + i % 2}.{3 * i}.{i + 7}" for i in range(24)]
HOME, OFFICE = "203.0.113.5", "203.0.113.200"


def history(account: str = "alice") -> list[Event]:
    """Ten days of ordinary log-ins of the account, from home and from the office it shares with bob."""
    days = [MONDAY + DAY * d for d in range(10)]
    at_home: list[Event] = [Success(d + 7 * HOUR, HOME, account) for d in days]
    at_work: list[Event] = [
        Success(d + 10 * HOUR + i, OFFICE, who) for d in days for i, who in enumerate((account, "bob"))
    ]
    return at_home + at_work


def attack(actors: list[str], account: str = "alice", gap: float = 700.0, service: str = "dovecot") -> list[Sighting]:
    """One to three failures of each address, one address after the other."""
    return [
        failed(ATTACK + gap * i + 90.0 * k, actor, account, service=service)
        for i, actor in enumerate(actors)
        for k in range(1 + i % 3)
    ]


def of(campaigns: list[Campaign]) -> set[str]:
    return {actor for c in campaigns for actor in c.members}


@pytest.mark.parametrize("actors", [NEIGHBOURS, STRANGERS])
@pytest.mark.parametrize("service", ["dovecot", "sshd"])
def test_many_addresses_on_one_account_are_one_campaign(actors: list[str], service: str) -> None:
    (campaign,) = run(history() + attack(actors, service=service))
    assert campaign.kind == "credential_stuffing"
    assert campaign.severity == "high"
    assert campaign.targets == ["alice"]
    assert set(campaign.members) == set(actors)
    assert campaign.detected_at < ATTACK + 12 * 700 + 700  # by the twelfth address, after the grace


def test_a_wave_on_a_web_form_is_found_by_its_posts() -> None:
    post = {"intent": "brute_force", "method": "POST", "status": 200, "score": 0.15}
    background: list[Event] = [
        web(MONDAY + DAY * i + 5 * HOUR, f"198.19.{200 + i}.1", "/wp-login.php", **post) for i in range(9)
    ]
    events = background + [web(ATTACK + 400.0 * i, a, "/wp-login.php", **post) for i, a in enumerate(STRANGERS)]
    (campaign,) = run(events, population(2000, ("path", "/wp-login.php")))
    assert campaign.kind == "credential_stuffing"
    assert set(campaign.members) == set(STRANGERS)


def test_the_network_of_the_attack_is_proposed_unless_somebody_lives_there() -> None:
    (campaign,) = run(history() + attack(NEIGHBOURS))
    (network,) = campaign.networks
    assert (network.cidr, network.hostile_seen, network.benign_seen) == ("192.0.2.0/26", 24, 0)
    resident: list[Event] = [Success(MONDAY, "192.0.2.40", "carol")]
    (campaign,) = run(history() + attack(NEIGHBOURS) + resident)
    assert "192.0.2.40" not in campaign.members
    assert all(n.cidr != "192.0.2.40" and n.benign_seen == 0 for n in campaign.networks)
    assert "192.0.2.0/26" not in [n.cidr for n in campaign.networks]


def test_unrelated_networks_are_not_proposed() -> None:
    (campaign,) = run(history() + attack(STRANGERS))
    assert campaign.networks == []


def mistypes() -> list[Event]:
    """alice mistypes three times at home, and gets in half an hour later."""
    events: list[Event] = [failed(ATTACK + HOUR + 20.0 * i, HOME, "alice") for i in range(3)]
    return [*events, Success(ATTACK + 1.5 * HOUR, HOME, "alice")]


def on_the_road() -> list[Event]:
    """alice at an address never seen before: two failures, then success within minutes."""
    events: list[Event] = [failed(ATTACK + HOUR + 20.0 * i, "198.51.100.8", "alice") for i in range(2)]
    return [*events, Success(ATTACK + HOUR + 120, "198.51.100.8", "alice")]


def office() -> list[Event]:
    """Twelve people behind one address, two of whom forgot their passwords."""
    users: list[Event] = [Success(ATTACK + 60.0 * i, OFFICE, f"user{i}") for i in range(12)]
    return users + [failed(ATTACK + HOUR + 100.0 * i, OFFICE, ("alice", "bob")[i % 2]) for i in range(8)]


def old_password() -> list[Event]:
    """A mail client that goes on with the password of yesterday, every five minutes, at an address never seen."""
    return [failed(ATTACK + 300.0 * i, "198.51.100.77", "alice") for i in range(60)]


def roaming() -> list[Event]:
    """A phone that meets seven addresses of three networks in a day, fails a little at each and then gets in."""
    events: list[Event] = []
    for i in range(7):
        address = f"198.51.{100 + i % 3}.{10 + i}"
        events += [failed(ATTACK + HOUR * i + 30.0 * k, address, "alice") for k in range(2)]
        events.append(Success(ATTACK + HOUR * i + 400, address, "alice"))
    return events


def roaming_with_an_old_password() -> list[Event]:
    """The same phone, whose old password works nowhere until it is corrected in the evening."""
    events: list[Event] = [failed(ATTACK + HOUR * i, f"198.51.{100 + i % 3}.{10 + i}", "alice") for i in range(7)]
    return [*events, Success(ATTACK + 7 * HOUR, "198.51.100.16", "alice")]


TWINS = [mistypes, on_the_road, office, old_password, roaming, roaming_with_an_old_password]


@pytest.mark.parametrize("twin", TWINS)
def test_a_twin_alone_is_no_campaign(twin) -> None:  # type: ignore[no-untyped-def]
    assert run(history() + twin()) == []


@pytest.mark.parametrize("actors", [NEIGHBOURS, STRANGERS])
@pytest.mark.parametrize("twin", TWINS[:-1])
def test_a_twin_inside_the_attack_is_no_member_of_it(twin, actors: list[str]) -> None:  # type: ignore[no-untyped-def]
    (campaign,) = run(history() + attack(actors) + twin())
    assert set(campaign.members) == set(actors)
    assert campaign.kind == "credential_stuffing"


def test_a_user_without_history_mistypes_inside_the_attack() -> None:
    (campaign,) = run(history()[:10] + attack(STRANGERS) + office()[12:14] + on_the_road())
    assert "198.51.100.8" not in campaign.members


def test_a_participant_that_gets_in_is_a_break_in() -> None:
    (campaign,) = run([*history(), *attack(STRANGERS), Success(ATTACK + 5 * HOUR, STRANGERS[3], "alice")])
    assert campaign.kind == "compromise"
    assert campaign.severity == "critical"
    assert campaign.breached == ["alice"]


def test_the_success_of_the_user_during_the_attack_is_no_break_in() -> None:
    (campaign,) = run([*history(), *attack(STRANGERS), Success(ATTACK + 2 * HOUR, HOME, "alice")])
    assert campaign.breached == []


def test_noise_on_an_account_that_nobody_uses_is_history_not_a_wave() -> None:
    """Guesses of "root" trickle in from everywhere, from the first hour on."""
    noise: list[Event] = [
        failed(MONDAY + 1800.0 * i, f"198.{18 + i % 2}.{i // 2 % 250}.{i % 200 + 1}", "root") for i in range(400)
    ]
    assert run(noise) == []
    burst: list[Event] = [failed(ATTACK + 60.0 * i, f"203.0.{113 + i % 6}.{i}", "root") for i in range(60)]
    (campaign,) = run(noise + burst)
    assert {e.actor for e in burst} <= set(campaign.members)


def test_a_spray_over_many_accounts_of_a_service_is_a_wave() -> None:
    users: list[Event] = [
        Success(MONDAY + DAY * d + 60.0 * u, f"203.0.113.{u}", f"user{u}") for d in range(10) for u in range(20)
    ]
    slips: list[Event] = [failed(MONDAY + DAY * d + 50.0, f"203.0.113.{d}", f"user{d}") for d in range(10)]
    spray: list[Event] = [failed(ATTACK + 120.0 * i, a, f"user{i % 20}") for i, a in enumerate(STRANGERS)]
    (campaign,) = run(users + slips + spray)
    assert set(campaign.members) == set(STRANGERS)
    outage: list[Event] = [failed(ATTACK + 5.0 * u, f"203.0.113.{u}", f"user{u}") for u in range(20)]
    assert run(users + slips + outage) == []  # the password server was down: everybody fails, all of them known


def test_ever_new_strangers_are_not_all_remembered_and_a_wave_goes_on() -> None:
    waves = Waves(20)
    for number in range(10):
        waves.success(MONDAY + DAY * number, HOME, network_of(HOME), "alice", "dovecot")
    for sighting in attack(STRANGERS):
        waves.failed(sighting, network_of(sighting.actor))
    (opened,) = {wave.id: wave for wave, _ in waves.advance(ATTACK + 700 * len(STRANGERS)).joined}.values()
    held = []
    tracemalloc.start()
    for number in range(24_000):
        actor = f"198.18.{number >> 8}.{number & 255}"
        time = ATTACK + DAY + 3.0 * number
        waves.failed(failed(time, actor, "carol" if number % 2 else f"user{number % 10}"), network_of(actor))
        if number % 1000 == 999:
            waves.advance(time)
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[-1] < 1.2 * held[11]
    late = [failed(ATTACK + 2 * DAY, actor, "alice") for actor in NEIGHBOURS]
    for sighting in late:
        waves.failed(sighting, network_of(sighting.actor))
    assert {actor for wave, actor in waves.advance(ATTACK + 2 * DAY + 700).joined if wave is opened} == set(NEIGHBOURS)
    assert opened.confidence > 0.97  # it has as many participants as ever
