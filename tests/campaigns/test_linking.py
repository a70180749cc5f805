"""Linking: one campaign is found whole, two stay two, and the cut of the stream does not matter."""

import random
import time as clock
from dataclasses import asdict, replace

import pytest
from campaign_stream import ALIKE, DAY, HOUR, MONDAY, SUSPECTS, Event, Success, failed, feed, population, run, web
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.campaigns import Linker
from fail2ban_ai.campaigns.components import Actor, Component
from fail2ban_ai.findings import Campaign, Member

POPULAR = ["/wp-login.php", "/xmlrpc.php", "/.env", "/admin"]
POPULAR_ITEMS = [("path", p) for p in POPULAR]


def scan(
    first: int, size: int, paths: list[str], *, seed: int, start: float = MONDAY, score: float = 0.6
) -> list[Event]:
    """Actors of unrelated networks that each ask for the popular paths and for four of `paths`."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    events: list[Event] = []
    for i in range(size):
        actor = f"198.18.{first + i}.{rng.randrange(1, 255)}"
        for path in rng.sample(POPULAR, 4) + rng.sample(paths, 4):
            events.append(web(start + rng.random() * 8 * HOUR, actor, path, score=score))
    return events


def members(campaigns: list[Campaign]) -> list[set[str]]:
    return sorted((set(c.members) for c in campaigns), key=sorted)


def test_a_distributed_scan_is_one_campaign() -> None:
    events = scan(0, 12, [f"/odd-{i}" for i in range(6)], seed=1)
    assert members(run(events, population(2000, *POPULAR_ITEMS))) == [{e.actor for e in events}]


def test_independent_campaigns_with_popular_targets_in_common_stay_apart() -> None:
    one = scan(0, 12, [f"/odd-{i}" for i in range(6)], seed=1)
    two = scan(100, 12, [f"/rare-{i}" for i in range(6)], seed=2)
    found = members(run(one + two, population(2000, *POPULAR_ITEMS)))
    assert found == sorted([{e.actor for e in one}, {e.actor for e in two}], key=sorted)


def test_campaigns_found_together_are_those_found_alone() -> None:
    groups = [scan(20 * g, 8, [f"/g{g}-{i}" for i in range(5)], seed=g) for g in range(6)]
    alone = [m for g in groups for m in members(run(g, population(2000, *POPULAR_ITEMS)))]
    together = members(run([e for g in groups for e in g], population(2000, *POPULAR_ITEMS)))
    assert together == sorted(alone, key=sorted)
    assert len(together) == 6


def test_scanners_that_share_only_popular_targets_are_not_linked() -> None:
    events: list[Event] = [
        web(MONDAY + 100 * i + j, f"198.18.{i}.7", path) for i in range(20) for j, path in enumerate(POPULAR)
    ]
    assert all(len(c.members) == 1 for c in run(events, population(2000, *POPULAR_ITEMS)))


def test_a_long_wordlist_does_not_swallow_a_short_one_that_overlaps_it() -> None:
    """On a small site both lists are rare: three entries in common of sixteen and fifty are those of the trade."""
    fast: list[Event] = [web(MONDAY + i, "198.18.1.1", f"/w{i}") for i in range(50)]
    slow: list[Event] = [web(MONDAY + HOUR * i, "198.19.1.1", f"/w{i}" if i < 3 else f"/s{i}") for i in range(16)]
    rng = random.Random(7)  # noqa: S311
    rng.shuffle(fast)  # not in the order of the other
    fast = [replace(e, time=MONDAY + i) for i, e in enumerate(fast) if not isinstance(e, Success)]
    assert {frozenset(c.members): c.kind for c in run(fast + slow)} == {
        frozenset({"198.18.1.1"}): "scan",
        frozenset({"198.19.1.1"}): "slow_scan",
    }


def test_the_same_wordlist_links_who_walks_it_in_the_same_order() -> None:
    walks: list[Event] = [
        web(MONDAY + 60 * i, f"198.{18 + a}.1.1", f"/w{i}") for a in range(2) for i in range(30 if a else 5)
    ]
    assert len(run(walks)) == 1


def test_a_rare_path_links_neighbours_but_not_strangers() -> None:
    near: list[Event] = [web(MONDAY, "192.0.2.1", "/odd"), web(MONDAY + HOUR, "192.0.2.200", "/odd")]
    far: list[Event] = [web(MONDAY, "192.0.2.1", "/odd"), web(MONDAY + HOUR, "198.51.100.9", "/odd")]
    assert len(run(near)) == 1
    assert len(run(far)) == 2


def test_a_network_full_of_suspects_is_one_campaign_unless_somebody_lives_there() -> None:
    events: list[Event] = [web(MONDAY + 60 * i, f"192.0.2.{i + 1}", "/wp-login.php") for i in range(10)]
    traffic = population(2000, *POPULAR_ITEMS)
    assert len(run(events, traffic)) == 1
    resident = Success(MONDAY - HOUR, "192.0.2.77", "bob")
    found = run([resident, *events], population(2000, *POPULAR_ITEMS))
    assert len(found) == 10


def test_one_actor_across_services_is_one_campaign() -> None:
    events: list[Event] = [
        web(MONDAY, "192.0.2.1", "/admin"),
        failed(MONDAY + HOUR, "192.0.2.1", "root", service="sshd", score=0.7),
        failed(MONDAY + 2 * HOUR, "192.0.2.1", "info@example.org", score=0.8),
    ]
    (campaign,) = run(events)
    assert campaign.services == {"web", "sshd", "dovecot"}
    assert campaign.events == 3
    assert campaign.confidence >= 0.8


def test_weak_actors_are_a_finding_only_in_company() -> None:
    paths = [f"/odd-{i}" for i in range(4)]
    assert len(run(scan(0, 12, paths, seed=1, score=0.3))) == 1
    assert run(scan(0, 1, paths, seed=1, score=0.3)) == []


def test_the_older_campaign_and_its_decisions_survive_a_merge() -> None:
    traffic = population(2000, *POPULAR_ITEMS)
    linker = Linker(traffic, SUSPECTS, ALIKE)
    for event in (web(MONDAY, "192.0.2.1", "/a"), web(MONDAY + 1, "192.0.2.1", "/b")):
        feed(linker, traffic, event)
    for event in (web(MONDAY + HOUR, "198.51.100.1", "/c"), web(MONDAY + HOUR, "198.51.100.1", "/d")):
        feed(linker, traffic, event)
    old, new = linker.tick(MONDAY + 2 * HOUR)
    new.members["198.51.100.1"].decision = "ban"
    bridge = [web(MONDAY + 3 * HOUR + i, "203.0.113.5", p) for i, p in enumerate(("/a", "/b", "/c", "/d"))]
    for event in bridge:
        feed(linker, traffic, event)
    (merged,) = linker.tick(MONDAY + 4 * HOUR)
    assert merged is old
    assert linker.current(new.id) == old.id
    assert set(merged.members) == {"192.0.2.1", "198.51.100.1", "203.0.113.5"}
    assert merged.members["198.51.100.1"].decision == "ban"
    assert merged.events == 8
    assert linker.campaigns() == [merged]


def _mixed() -> list[Event]:
    events = scan(0, 10, [f"/odd-{i}" for i in range(6)], seed=3)
    events += [Success(MONDAY - DAY + i, "203.0.113.5", "alice") for i in range(2)]
    events += [failed(MONDAY + 3 * HOUR + 400.0 * i, f"198.19.{i}.1", "alice") for i in range(14)]
    events += [Success(MONDAY + 5 * HOUR, "198.19.13.1", "alice")]
    return sorted(events, key=lambda e: e.time)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 2.5 * DAY), max_size=60))
def test_the_cut_of_the_stream_does_not_matter(ticks: list[float]) -> None:
    """Ticks at any times, on top of or instead of those each minute, tell the same campaigns in the end."""
    events = _mixed()
    plain = [asdict(c) for c in run(events, population(500), after=2 * DAY)]
    linker = Linker(traffic := population(500), SUSPECTS, ALIKE)
    times = sorted(MONDAY - DAY + t for t in ticks)
    told: dict[str, dict[str, object]] = {}
    for event in events:
        while times and times[0] <= event.time:
            told |= {c.id: asdict(c) for c in linker.tick(times.pop(0))}
        feed(linker, traffic, event)
    told |= {c.id: asdict(c) for c in linker.tick(events[-1].time + 2 * DAY)}
    assert len(plain) == 2
    assert [asdict(c) for c in linker.campaigns()] == plain
    assert {i: c for i, c in told.items() if linker.current(i) == i} == {c["id"]: c for c in plain}


@pytest.mark.parametrize("cut", [MONDAY + 2 * HOUR, MONDAY + 4 * HOUR, MONDAY + 5 * HOUR])
def test_a_run_that_ends_early_knows_what_the_full_run_knew_then(cut: float) -> None:
    events = _mixed()
    early, full = Linker(a := population(500), SUSPECTS, ALIKE), Linker(b := population(500), SUSPECTS, ALIKE)
    for event in (e for e in events if e.time < cut):
        feed(early, a, event)
        feed(full, b, event)
    early.tick(cut)
    full.tick(cut)
    then = [asdict(c) for c in full.campaigns()]
    for event in (e for e in events if e.time >= cut):
        feed(full, b, event)
    assert [asdict(c) for c in early.campaigns()] == then


def test_memory_is_bounded() -> None:
    linker = Linker(traffic := population(500), 100, ALIKE)
    for i in range(2500):
        actor = f"198.{18 + i % 2}.{i // 2 % 256}.{i // 512}"  # five of each network: no crowd
        feed(linker, traffic, web(MONDAY + 30 * i, actor, f"/p{i}", score=0.9 if i % 100 == 0 else 0.3))
    assert len(linker._actors) <= 105  # two more arrive in the minute between passes
    assert len(linker.campaigns()) == 25  # findings are kept while others can go


def test_what_is_older_than_the_retention_is_forgotten() -> None:
    linker = Linker(traffic := population(500), SUSPECTS, ALIKE)
    feed(linker, traffic, web(MONDAY, "192.0.2.1", "/a", score=0.9))
    feed(linker, traffic, failed(MONDAY, "192.0.2.1", "root"))
    linker.tick(MONDAY + 34 * DAY)
    assert len(linker.campaigns()) == 1
    linker.tick(MONDAY + 37 * DAY)
    assert linker.campaigns() == []
    assert not linker._actors
    assert not linker._of
    assert not linker._postings._actors
    assert not linker._waves._targets


def test_sixteen_thousand_actors_take_seconds() -> None:
    rng = random.Random(5)  # noqa: S311
    traffic = population(16_000, *POPULAR_ITEMS)
    events: list[Event] = []
    for i in range(16_000):
        actor = f"2001:db8:{i:x}::/64"  # a network each
        group = i // 40 if i % 8 == 0 else None  # every eighth belongs to a campaign of five
        paths = rng.sample(POPULAR, 2) + [
            f"/c{group}-{k}" if group is not None else f"/x{rng.random()}" for k in range(3)
        ]
        events += [web(MONDAY + i * 5 + j, actor, p, score=0.3) for j, p in enumerate(paths)]
    events.sort(key=lambda e: e.time)
    start = clock.process_time()
    found = run(events, traffic)
    took = clock.process_time() - start
    assert took < 20  # 3 to 7 s of one core; feeding the test's own counters is a part of it
    assert len(found) > 300


def test_who_was_in_a_campaign_that_ends_in_another_is_due_again() -> None:
    """Nothing happened to them since they were judged, but the other campaign may be certain."""
    linker = Linker(population(500), SUSPECTS, ALIKE)
    mine, theirs = (Component(Actor(name, None, 0.0, 0.0)) for name in ("192.0.2.1", "192.0.2.2"))
    older, younger = (Campaign(name, "scan", 0.0, 0.0, at) for name, at in (("a", 60.0), ("b", 120.0)))
    younger.members["192.0.2.1"] = Member("192.0.2.1", 1, 0.0, 0.0, 0.6)
    mine.campaign, theirs.campaign = younger, older
    linker._campaigns = {"a": older, "b": younger}
    linker._inherit(mine, theirs)
    assert mine.campaign is older
    assert set(older.fresh) == set(older.members) == {"192.0.2.1"}
