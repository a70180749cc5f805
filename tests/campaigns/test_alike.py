"""Who is alone joins those whom the model takes for its company, and only them; the cut of the stream does not matter."""

import random
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from campaign_stream import ALIKE, DAY, HOUR, MONDAY, SUSPECTS, Event, Success, failed, feed, population, run, web
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.campaigns import Linker
from fail2ban_ai.campaigns.alike import APART, EACH, LEAST
from fail2ban_ai.campaigns.components import FOUND
from fail2ban_ai.model.runtime import COMPANY, Floats

COMMON = "/wp-login.php"
ITEMS = (("path", COMMON), ("path", "/xmlrpc.php"), ("account", "info"))
BOTS = 8
STRANGER = "203.0.113.9"
AFTER = MONDAY + BOTS * HOUR  # when the botnet has been


def vector(kind: int, other: int | None = None) -> Floats:
    """Of an actor that does what others of that kind do: two of one kind make a logit of 2, of two kinds one of -2.

    `other`: a kind that it is a little like as well.
    """
    made = np.zeros(COMPANY, np.float32)
    made[kind] = 2.0
    if other is not None:
        made[kind], made[other] = 1.5, 1.32  # both are likely enough
    made[-1] = -1.0
    return made


def bot(i: int) -> str:
    return f"198.{18 + i % 2}.{i // 2}.7"  # a network each


def visit(actor: str, start: float, *paths: str, company: Floats | None, **more: Any) -> list[Event]:
    """Within one minute."""
    events = [web(start + 5 * i, actor, path, **{"score": 0.8} | more) for i, path in enumerate(paths)]
    return [replace(event, company=company) for event in events]


def botnet(kind: int = 0, first: int = 0, **more: Any) -> list[Event]:
    """Each asks for one path that everybody asks for, and for one of its own: nothing rare in common."""
    return [
        event
        for i in range(BOTS)
        for event in visit(
            bot(first + i), MONDAY + HOUR * i + first, COMMON, f"/own-{first + i}", company=vector(kind), **more
        )
    ]


def stranger(*paths: str, at: float = AFTER, company: Floats | None = None, **more: Any) -> list[Event]:
    return visit(STRANGER, at, *(paths or (COMMON,)), company=vector(0) if company is None else company, **more)


def groups(events: list[Event]) -> list[set[str]]:
    return sorted((set(c.members) for c in run(events, population(2000, *ITEMS))), key=sorted)


def bots(first: int = 0) -> set[str]:
    return {bot(first + i) for i in range(BOTS)}


def test_a_botnet_with_one_common_path_is_one_campaign_where_the_model_takes_it_for_one() -> None:
    (campaign,) = run(botnet(), population(2000, *ITEMS))
    assert set(campaign.members) == bots()
    assert campaign.links == [
        f'what they did is alike (0.88, says the model), and they share the path "{COMMON}"',
    ]


def test_without_the_word_of_the_model_it_is_none() -> None:
    assert all(len(group) == 1 for group in groups([replace(e, company=None) for e in botnet() if _seen(e)]))


def _seen(event: Event) -> bool:
    return not isinstance(event, Success)


def test_who_does_the_same_joins() -> None:
    assert groups(botnet() + stranger()) == [bots() | {STRANGER}]
    assert groups(botnet() + stranger(score=LEAST)) == [bots() | {STRANGER}]
    assert groups(botnet() + stranger(at=AFTER - HOUR + APART)) == [bots() | {STRANGER}]


@pytest.mark.parametrize(
    "alone",
    [
        pytest.param(stranger(company=vector(1)), id="does something else"),
        pytest.param(stranger(score=LEAST - 0.01), id="is not sure by itself"),
        pytest.param(stranger(status=200), id="only fetched what is there"),
        pytest.param(stranger("/elsewhere"), id="shares nothing"),
        pytest.param(stranger(at=AFTER + APART), id="came days later"),
    ],
)
def test_who_is_a_stranger_stays_alone(alone: list[Event]) -> None:
    assert [group for group in groups(botnet() + alone) if STRANGER in group] in ([{STRANGER}], [])
    assert bots() in groups(botnet() + alone)


def test_one_account_on_two_services_is_nothing_shared() -> None:
    def guess(actor: str, time: float, service: str) -> list[Event]:
        return [replace(failed(time, actor, "info", service=service, score=0.8), company=vector(0))]

    mail = [event for i in range(4) for event in guess(bot(i), MONDAY + HOUR * i, "dovecot")]
    assert len(groups(mail + guess(STRANGER, AFTER, "dovecot"))) == 1
    assert {STRANGER} in groups(mail + guess(STRANGER, AFTER, "sshd"))


def test_whoever_is_no_finding_is_no_company() -> None:
    for score, found in ((FOUND, 1), (FOUND - 0.01, 2)):
        other = visit(bot(0), MONDAY, COMMON, company=vector(0), score=score)
        linked = [group for group in groups(other + stranger(at=MONDAY + HOUR)) if STRANGER in group]
        assert len(linked[0]) == 3 - found


def test_of_several_it_joins_those_it_is_most_alike() -> None:
    events = botnet(kind=0) + botnet(kind=1, first=20)
    assert groups(events) == sorted([bots(), bots(20)], key=sorted)
    for like, expected in ((vector(1, 0), bots(20)), (vector(0, 1), bots())):
        assert expected | {STRANGER} in groups(events + stranger(company=like))


def test_campaigns_are_not_joined_by_what_is_alike() -> None:
    """What all scanners do is alike: two campaigns that each hang together by something rare stay two."""
    known = [
        event
        for first in (0, 20)
        for i in range(BOTS)
        for event in visit(
            bot(first + i), MONDAY + HOUR * i + first, f"/rare-{first}", f"/odd-{first}", COMMON, company=None
        )
    ]
    again = [event for first in (0, 20) for i in range(BOTS) for event in visit(
        bot(first + i), AFTER + HOUR * i + first, COMMON, company=vector(0)
    )]  # fmt: skip
    assert groups(known + again) == sorted([bots(), bots(20)], key=sorted)


def test_only_the_last_ones_that_touched_an_item_are_asked_about() -> None:
    """Else one path that thousands of suspects ask for would cost a comparison with each."""
    for others, joined in ((4, True), (EACH, False)):
        between = [
            event for i in range(others) for event in visit(bot(40 + i), AFTER + i, COMMON, company=vector(2 + i % 14))
        ]
        found = groups(botnet() + between + stranger(at=AFTER + HOUR))
        assert (bots() | {STRANGER} in found) is joined


def _mixed() -> list[Event]:
    """Two botnets, one that hangs together by rare paths, and strangers; some change their ways."""
    rng = random.Random(4)  # noqa: S311 - a test's dice
    events = botnet(kind=0) + botnet(kind=1, first=20)
    events += [e for i in range(6) for e in visit(bot(40 + i), MONDAY + 900.0 * i, "/odd", "/rare", company=vector(0))]
    events += stranger(at=AFTER - 1.5 * HOUR) + stranger(at=AFTER, company=vector(1))
    for i in range(30):
        score = rng.choice([0.3, 0.6, 0.75, 0.9])
        at = MONDAY + rng.random() * BOTS * HOUR
        events += visit(
            f"192.0.2.{i}" if i % 2 else bot(60 + i),
            at,
            rng.choice([COMMON, "/xmlrpc.php"]),
            company=vector(rng.randrange(4)),
            score=score,
        )
    return sorted(events, key=lambda e: e.time)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 0.6 * DAY), max_size=60))
def test_the_cut_of_the_stream_does_not_matter(ticks: list[float]) -> None:
    events = _mixed()
    whole = [asdict(c) for c in run(events, population(500, *ITEMS))]
    assert any("alike" in link for campaign in whole for link in campaign["links"])
    linker = Linker(traffic := population(500, *ITEMS), SUSPECTS, ALIKE)
    times = sorted(MONDAY + t for t in ticks)
    for event in events:
        while times and times[0] <= event.time:
            linker.tick(times.pop(0))
        feed(linker, traffic, event)
    linker.tick(events[-1].time + HOUR)
    assert [asdict(c) for c in linker.campaigns()] == whole


@pytest.mark.parametrize("cut", [MONDAY + 2 * HOUR, MONDAY + 4.5 * HOUR, AFTER])
def test_a_run_that_ends_early_knows_what_the_full_run_knew_then(cut: float) -> None:
    events = _mixed()
    early, full = (
        Linker(a := population(500, *ITEMS), SUSPECTS, ALIKE),
        Linker(b := population(500, *ITEMS), SUSPECTS, ALIKE),
    )
    for event in (e for e in events if e.time < cut):
        feed(early, a, event)
        feed(full, b, event)
    full.tick(cut)
    then = [asdict(c) for c in full.campaigns()]
    for event in (e for e in events if e.time >= cut):
        feed(full, b, event)
    early.tick(cut)
    assert [asdict(c) for c in early.campaigns()] == then
