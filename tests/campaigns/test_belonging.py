"""Sums of what members are like: the same in whatever order they came and went; and items remember their last suspects."""

from dataclasses import replace

import numpy as np
import pytest
from campaign_stream import MONDAY, web
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.campaigns.belonging import Together
from fail2ban_ai.campaigns.components import Actor, Component
from fail2ban_ai.campaigns.postings import MAX_POSTING, Postings, worded
from fail2ban_ai.model.runtime import COMPANY, Floats

VECTORS = st.lists(st.floats(-30, 30, width=32), min_size=COMPANY, max_size=COMPANY).map(
    lambda numbers: np.array(numbers, np.float32)
)
MEMBERS = st.lists(VECTORS, min_size=1, max_size=8)


def together(members: list[Floats]) -> Together:
    made = Together()
    for member in members:
        made.put(member)
    return made


def same(one: Together, two: Together) -> None:
    assert one.count == two.count
    assert np.allclose(one.total, two.total, atol=0.01)


@given(MEMBERS, st.data())
def test_the_order_of_members_does_not_matter(members: list[Floats], data: st.DataObject) -> None:
    mixed = [members[i] for i in data.draw(st.permutations(range(len(members))))]
    cut = data.draw(st.integers(0, len(members)))
    joined = together(mixed[:cut])
    joined.absorb(together(mixed[cut:]))
    same(joined, together(members))


@given(MEMBERS, MEMBERS, st.data())
def test_who_went_and_what_a_member_was_leave_no_trace(
    members: list[Floats], gone: list[Floats], data: st.DataObject
) -> None:
    made = Together()
    before = [data.draw(st.none() | VECTORS) for _ in members]
    came = [(vector, None) for vector in [*before, *gone]]
    went = [*zip(members, before, strict=True), *((None, vector) for vector in gone)]
    for steps in (came, went):
        for i in data.draw(st.permutations(range(len(steps)))):
            made.put(*steps[i])
    same(made, together(members))


@given(MEMBERS, VECTORS)
def test_a_score_is_a_probability(members: list[Floats], stranger: Floats) -> None:
    assert 0 <= together(members).score(stranger) <= 1


@given(VECTORS, VECTORS)
def test_two_of_whom_either_may_ask_about_the_other(one: Floats, two: Floats) -> None:
    assert together([one]).score(two) == pytest.approx(together([two]).score(one), abs=1e-4)


def test_the_score_is_of_the_product_of_directions_and_both_leanings() -> None:
    """As model.runtime.COMPANY says, of the mean of the members."""
    one, two, other = (np.zeros(COMPANY, np.float32) for _ in range(3))
    one[:2], two[:2], other[:2] = (1, 2), (3, 0), (0.5, 0.25)
    one[-1], two[-1], other[-1] = -1, 0, 0.25
    logit = 2 * 0.5 + 1 * 0.25 - 0.5 + 0.25
    assert together([one, two]).score(other) == pytest.approx(1 / (1 + np.exp(-logit)))


def test_of_nobody_nothing_is_known() -> None:
    assert Together().score(np.full(COMPANY, 9, np.float32)) == 0
    left = together([np.ones(COMPANY, np.float32)])
    left.put(None, np.ones(COMPANY, np.float32))
    assert left.score(np.full(COMPANY, 9, np.float32)) == 0


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | VECTORS), max_size=12), st.integers(0, 3))
def test_a_component_knows_what_its_members_are_like_by_now(seen: list[tuple[int, Floats | None]], gone: int) -> None:
    """Each counts once, by its last vector; one that the model was not asked about keeps the one it had."""
    actors = [Actor(f"192.0.2.{i}", None, MONDAY, MONDAY) for i in range(4)]
    components = [Component(actor) for actor in actors]
    last: dict[int, Floats] = {}
    for i, company in seen:
        sighting = replace(web(MONDAY, actors[i].name, "/"), company=company)
        level, before = actors[i].level, actors[i].company
        actors[i].add(sighting)
        components[i].add(actors[i], sighting, level, before)
        if company is not None:
            last[i] = company
    whole = components[0]
    for other in components[1:]:
        whole.absorb(other)
    whole.drop(actors[gone])
    same(whole.together, together([company for i, company in last.items() if i != gone]))


def test_an_item_remembers_the_last_suspects_that_touched_it() -> None:
    postings, item = Postings(100), ("path", "/.env")
    names = [f"2001:db8:{i:x}::/64" for i in range(MAX_POSTING + 3)]
    for name in names:
        postings.touch(item, name, 1)
    assert list(postings.of(item)) == names[3:]
    postings.touch(item, names[-1], 1)
    assert list(postings.of(item)) == names[3:], "who comes again takes nobody's place"
    postings.drop(names[0], {item: None})  # forgotten there already
    postings.drop(names[5], {item: None})
    assert list(postings.of(item)) == [name for name in names[3:] if name != names[5]]
    for name in names[3:]:
        postings.drop(name, {item: None})
    assert postings.of(item) == {}


def test_items_in_words() -> None:
    assert worded(("path", '/a"b')) == 'the path "/a\\"b"'
    assert worded(("agent", "curl/8")) == 'the user agent "curl/8"'
    assert worded(("account", "info")) == 'the account "info"'
    assert worded(("walk", "\x1f".join(["/a", "/b", "/c"]))) == 'the order of a wordlist "/a, /b, /c"'
