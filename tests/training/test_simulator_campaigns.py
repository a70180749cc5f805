"""Each campaign has the counts and the pace that the project promises to find, and its twin stays what it is."""

import re
from collections import defaultdict
from itertools import pairwise

import pytest

from fail2ban_ai.training.simulator import World, attack, twin
from fail2ban_ai.training.simulator.twins import NAMES

FINDTIME = 600.0  # stock fail2ban's, with a maxretry of 5
FAILED = re.compile(r"Failed password|auth failed|SASL LOGIN authentication failed")


def _hostile(world: World) -> dict[str, list[tuple[float, str, str]]]:
    """Time, file and line of each line that names a hostile address."""
    wanted = {actor.address for actor in world.truth if actor.label == "hostile"}
    found: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for name, lines in world.lines.items():
        for time, line in lines:
            for address in re.findall(r"[0-9a-f]*[.:][0-9a-f.:]*[0-9a-f]", line):
                if address in wanted:
                    found[address].append((time, name, line))
                    break
    return found


def _status(line: str) -> int:
    return int(line.split('" ')[1].split(" ", maxsplit=1)[0])


def _most_in(times: list[float], length: float) -> int:
    return max((sum(start <= time < start + length for time in times) for start in times), default=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_low_and_slow_waits_20_to_90_minutes_and_meets_404_only(seed: int) -> None:
    ((_, lines),) = _hostile(attack("low_and_slow", seed)).items()
    gaps = [b[0] - a[0] for a, b in pairwise(lines)]
    assert len(lines) >= 12
    assert all(1200 <= gap <= 5400 for gap in gaps)
    assert {_status(line) for _, _, line in lines} == {404}


@pytest.mark.parametrize("service", ["imap", "sshd", "web"])
@pytest.mark.parametrize("name", ["stuffing_net", "stuffing_spread"])
def test_stuffing_has_at_least_20_addresses_with_one_to_three_failures_each(name: str, service: str) -> None:
    world = attack(name, 3, service)
    lines = _hostile(world)
    assert len(lines) >= 20
    networks = {address.rsplit(".", 1)[0] for address in lines}
    assert networks == {"203.0.113"} if name == "stuffing_net" else len(networks) == len(lines)
    for seen in lines.values():
        if service == "web":
            tries = sum("POST /wp-login.php" in line for _, _, line in seen)
            assert all(_status(line) == 200 for _, _, line in seen)
        else:
            tries = sum(bool(FAILED.search(line)) for _, _, line in seen)
            assert all("alice" in line for _, _, line in seen if FAILED.search(line))
        assert 1 <= tries <= 3
        counted = [time for time, _, line in seen if FAILED.search(line) or "auth-worker" in line]
        assert _most_in(counted, FINDTIME) < 5


def test_injection_probing_breaks_the_page_and_uses_every_encoding() -> None:
    ((_, lines),) = _hostile(attack("sqli", 2)).items()
    assert _status(lines[0][2]) == 200
    assert 500 in {_status(line) for _, _, line in lines}
    text = "\n".join(line for _, _, line in lines)
    for sign in ("%27", "%2527", "%u0027", "/**/", "UNION"):
        assert sign.lower() in text.lower()


def test_scripted_clients_make_50_requests_in_two_minutes() -> None:
    found = _hostile(attack("scripted", 2))
    assert len(found) == 2
    agents = set()
    for lines in found.values():
        assert len(lines) == 50
        assert lines[-1][0] - lines[0][0] <= 120
        agents.add(lines[0][2].rsplit('"', 2)[1].startswith("Mozilla/5.0"))
    assert True in agents  # one of the two hides behind a browser's name


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_actor_across_services_stays_below_every_threshold(seed: int) -> None:
    ((_, lines),) = _hostile(attack("cross_service", seed)).items()
    by_file: dict[str, list[float]] = defaultdict(list)
    for time, name, line in lines:
        if name.endswith("access.log") or FAILED.search(line):
            by_file[name].append(time)
    assert set(by_file) >= {"nginx/access.log", "auth.log", "mail.log"}
    for times in by_file.values():
        assert 2 <= len(times) <= 4
        assert _most_in(times, FINDTIME) == 1


def test_out_of_hours_has_many_times_the_usual_requests_and_bytes() -> None:
    world = attack("out_of_hours", 1)
    three = world.end - 86400 + 3 * 3600
    hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])  # weeks before the last day: requests, bytes
    for time, line in world.lines["nginx/access.log"]:
        weeks, second = divmod(time - three, 7 * 86400)
        if second < 3600:
            hours[-int(weeks)][0] += 1
            hours[-int(weeks)][1] += int(line.split('" ')[1].split(" ")[1])
    now = hours[0]
    usual = [hours[k] for k in sorted(hours) if k > 0]
    assert len(usual) >= 4
    assert now[0] > 10 * max(count for count, _ in usual)
    assert now[1] > 10 * max(sent for _, sent in usual)
    assert {actor.must for actor in world.truth if actor.label == "hostile"} == {"report"}


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_is_the_same_with_and_without_the_attack(name: str) -> None:
    alone, inside = twin(name, False, 1), twin(name, True, 1)
    assert {actor.label for actor in alone.truth} == {"benign"}
    hostile = {actor.address for actor in inside.truth if actor.label == "hostile"}
    assert hostile
    assert [actor for actor in inside.truth if actor.address not in hostile] == alone.truth
    for file, lines in alone.lines.items():
        assert set(lines) <= set(inside.lines[file])


@pytest.mark.parametrize(("service", "file"), [("imap", "mail.log"), ("sshd", "auth.log")])
def test_alice_mistypes_during_the_attack_and_has_logged_in_on_other_days(service: str, file: str) -> None:
    world = twin("stuffing_net", True, 1, service)
    attackers = [actor for actor in world.truth if actor.label == "hostile"]
    begin, end = min(a.first for a in attackers), max(a.last for a in attackers)
    own = {actor.address for actor in world.truth if actor.role in {"mailbox_user", "sysadmin"}}
    success = "Login: user=<alice" if service == "imap" else "Accepted"
    by_address: dict[str, tuple[list[float], set[int]]] = {address: ([], set()) for address in own}
    for time, line in world.lines[file]:
        address = next((a for a in own if f"{a} " in line or f"{a}," in line), None)
        if address and "alice" in line and FAILED.search(line) and begin < time < end:
            by_address[address][0].append(time)
        elif address and "alice" in line and success in line and time < begin:
            by_address[address][1].add(int(time // 86400))
    assert any(len(failures) >= 2 and len(days) >= 2 for failures, days in by_address.values())
