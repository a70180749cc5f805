"""What a world promises, whatever is in it: the same bytes for a seed, allowed addresses only, the whole truth."""

import ipaddress
import re
from datetime import date
from pathlib import Path

import pytest

from fail2ban_ai import addresses
from fail2ban_ai.training.simulator import Part, Scenario, World, demo_world, simulate, training_world

ALLOWED = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
]
V4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
CLIENT = re.compile(
    r"^(?:\S+:443 )?([0-9a-f.:]+) - "  # access logs
    r"|, client: ([0-9a-f.:]+),|rip=([0-9a-f.:]+),|rhost=([0-9a-f.:]+)"
    r"|\[([0-9a-f]*[.:][0-9a-f.:]+)\]| ([0-9a-f]*[.:][0-9a-f.:]+)(?: port|$)|Client \"([0-9a-f.:]+)\""
)
NAME = re.compile(r"invalid user .*(?= \S+ port \d+)", re.IGNORECASE)  # what an attacker writes there is no client
BROWSER_VERSION = re.compile(r"(?:Chrome|Firefox|Version|Safari)/[\d.]+")


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [training_world(seed, days=2.0, size=0.6) for seed in range(16)]


@pytest.fixture(scope="module")
def demo() -> World:
    return demo_world()


def _text(world: World) -> dict[str, list[str]]:
    return {name: [line for _, line in lines] for name, lines in world.lines.items()}


def test_a_seed_gives_the_same_bytes(tmp_path: Path, worlds: list[World]) -> None:
    again = training_world(3, days=2.0, size=0.6)
    assert again.truth == worlds[3].truth
    one, two = worlds[3].write(tmp_path / "a"), again.write(tmp_path / "b")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert _text(worlds[4]) != _text(worlds[3])


def test_files_are_in_order_and_end_with_their_last_line(tmp_path: Path, worlds: list[World]) -> None:
    for path in worlds[3].write(tmp_path):
        lines = worlds[3].lines[str(path.relative_to(tmp_path))]
        times = [time for time, _ in lines]
        assert times == sorted(times)
        assert times[-1] <= path.stat().st_mtime <= times[-1] + 1
        assert path.read_bytes().count(b"\n") == len(lines)  # no line breaks smuggled into a line


def test_only_addresses_kept_for_examples(worlds: list[World], demo: World) -> None:
    for world in [*worlds, demo]:
        for actor in world.truth:
            address = ipaddress.ip_address(actor.address)
            assert any(address in net for net in ALLOWED), actor
        for lines in _text(world).values():
            for line in lines:
                for text in V4.findall(re.sub(r'"[^"]*"$', "", line)):
                    if "Chrome/" in line and f"Chrome/{text}" in line:
                        continue  # a browser's version, cut from an agent
                    if any(int(part) > 255 for part in text.split(".")):
                        continue
                    assert re.search(rf"/{re.escape(text)}", line) or any(
                        ipaddress.ip_address(text) in net for net in ALLOWED
                    ), line


def test_the_truth_covers_every_client(worlds: list[World]) -> None:
    for world in worlds:
        known = {actor.address for actor in world.truth}
        seen = set()
        for lines in _text(world).values():
            for line in lines:
                for groups in CLIENT.findall(NAME.sub("", line)):
                    address = addresses.parse(next(text for text in groups if text))
                    if address is not None:
                        seen.add(str(address))
        assert seen == known


def test_truth_says_when_and_what(worlds: list[World]) -> None:
    for world in worlds:
        for actor in world.truth:
            assert world.start <= actor.first <= actor.last < world.end
            assert (actor.kind is None) == (actor.campaign is None) == (actor.label == "benign")
            assert actor.must == {"benign": "spare", "hostile": "ban"}[actor.label]


def test_neither_the_address_nor_the_length_gives_the_hostile_away(worlds: list[World]) -> None:
    octets: dict[str, list[float]] = {"benign": [], "hostile": []}
    lengths: dict[str, list[float]] = {"benign": [], "hostile": []}
    for world in worlds:
        labels = {actor.address: actor.label for actor in world.truth}
        for address, label in labels.items():
            if ":" not in address:
                octets[label].append(float(address.rsplit(".", 1)[1]))
        for name, lines in _text(world).items():
            if name.endswith("access.log"):
                for line in lines[::5]:
                    address = next(word for word in line.split(" ")[:2] if word in labels)
                    lengths[labels[address]].append(len(line))
    assert 0.44 < _auc(octets["benign"], octets["hostile"]) < 0.56
    assert 0.15 < _auc(lengths["benign"], lengths["hostile"]) < 0.85


def _auc(low: list[float], high: list[float]) -> float:
    """The probability that one of `high` is above one of `low`, ties counted half."""
    ranked = sorted([(value, 0) for value in low] + [(value, 1) for value in high])
    wins, below = 0.0, 0
    i = 0
    while i < len(ranked):
        j = i
        while j < len(ranked) and ranked[j][0] == ranked[i][0]:
            j += 1
        hits = sum(label for _, label in ranked[i:j])
        wins += hits * (below + (j - i - hits) / 2)
        below += j - i - hits
        i = j
    return wins / (len(low) * len(high))


def test_most_hostile_actors_use_agents_that_benign_ones_use_too(worlds: list[World]) -> None:
    used: dict[str, set[tuple[int, str, str]]] = {"benign": set(), "hostile": set()}
    for i, world in enumerate(worlds):
        labels = {actor.address: actor.label for actor in world.truth}
        for name, lines in _text(world).items():
            for line in lines if name.endswith("access.log") else []:
                address = next(word for word in line.split(" ")[:2] if word in labels)
                family = re.sub(r"[\d._]+", "", BROWSER_VERSION.sub("", line.rsplit('" "', 1)[-1]))
                used[labels[address]].add((i, address, family))
    benign = {family for _, _, family in used["benign"]}
    hostile = [family for _, _, family in used["hostile"]]
    assert sum(family in benign for family in hostile) > 0.8 * len(hostile)


def test_an_attack_added_to_the_cast_changes_no_other_line() -> None:
    quiet = (Part("visitors", None, {"per_day": 30.0}), Part("mail_clients"))
    start = 1_770_000_000.0
    alone = simulate(5, Scenario("x", start, 1, "wiki", quiet))
    both = simulate(5, Scenario("x", start, 1, "wiki", (*quiet, Part("brute_force", None, {"count": 5, "gap": 60.0}))))
    assert set(_text(alone)["mail.log"]) == set(_text(both)["mail.log"])
    assert "auth.log" not in alone.lines
    assert len(both.lines["auth.log"]) > 5


def test_the_demo_is_small_enough_and_ends_on_a_sunday(demo: World) -> None:
    assert 120_000 <= sum(map(len, demo.lines.values())) <= 200_000
    assert {actor.kind for actor in demo.truth if actor.label == "hostile"} >= {
        "slow_scan",
        "credential_stuffing",
        "injection",
        "scan",
        "traffic_anomaly",
        "compromise",
        "brute_force",
    }
    last = demo.end - 86400
    assert all(actor.first >= last for actor in demo.truth if actor.label == "hostile")
    with pytest.raises(ValueError, match="not a Sunday"):
        demo_world(sunday=date(2026, 3, 14))


def test_the_demo_has_a_baseline_and_a_surge_at_three(demo: World) -> None:
    def requests(hour: float, weeks_ago: int) -> int:
        start = demo.end - 86400 + hour * 3600 - weeks_ago * 7 * 86400
        return sum(start <= time < start + 3600 for time, _ in demo.lines["nginx/access.log"])

    usual = [requests(3, weeks) for weeks in range(1, 5)]
    assert min(usual) > 10
    assert requests(3, 0) > 10 * max(usual)
    newsletters = [requests(9, weeks) for weeks in range(1, 5)]
    assert requests(9, 0) < 2 * max(newsletters)
