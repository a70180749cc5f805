"""All rows at once give what a walk from event to event gives, however the events are cut into chunks."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.actors import Tokens, people, timelines
from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.actors.groups import Groups, dense
from fail2ban_ai.actors.timelines import Timelines
from fail2ban_ai.actors.tokens import joined
from fail2ban_ai.caps import Caps
from tests.actors.reference import Walk
from tests.model.tokens_of import FIREFOX, failed, frame, logged_in, request

DAY = 86400.0
ADDRESSES = [f"198.51.100.{n}" for n in range(1, 6)] + [f"203.0.113.{n}" for n in range(1, 4)]
ADDRESSES += ["2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::1", *(f"198.18.{n}.1" for n in range(20))]


@st.composite
def events(draw: st.DrawFn) -> pl.DataFrame:
    """A few hundred events of few actors on few pages and accounts, with silences now and then."""
    random = draw(st.randoms(use_true_random=False))
    rows, at = [], 0.0
    for _ in range(draw(st.integers(min_value=1, max_value=250))):
        at += random.choice((0.0, 0.5, 3.0, 600.0, 600.0, DAY, 36 * DAY if random.random() < 0.2 else 1.0))
        address = random.choice(ADDRESSES)
        account = random.choice(("alice", "bob", "carol", ""))
        if random.random() < 0.7:
            page = random.choice(("/", "/about", "/shop?item=3", "/%2e%2e/etc", "/x.php", "/y.php", r"\x16\x03\x01"))
            status = random.choice((200, 200, 200, 304, 401, 404, 500, 0))
            more = {"method": random.choice(("GET", "POST", "BREW", None)), "account": random.choice((None, account))}
            more["referer"] = random.choice((None, "https://www.example.org/about", "http://example.net/"))
            more["host"] = random.choice((None, None, None, "example.org"))
            rows.append(request(address, at, page, status, random.choice((FIREFOX, "curl/8", None)), **more))
        else:
            service = random.choice(("sshd", "dovecot", "ai-something"))
            row = random.choice((failed, logged_in))(address, at, account, service)
            kind = random.choice((row["kind"], row["kind"], "invalid_user", "login_hint", "probe", "failure"))
            rows.append(row | {"kind": kind})
    return frame(rows)


def _cut(whole: pl.DataFrame, cuts: Sequence[int], caps: Caps | None = None) -> Tokens:
    walked, parts = Timelines(caps), []
    edges = sorted({0, whole.height, *(cut % (whole.height + 1) for cut in cuts)})
    for low, high in pairwise(edges):
        part = walked.update(whole[low:high])
        part.row = part.row + low
        parts.append(part)
    return joined(parts)


def _rows(tokens: Tokens) -> list[tuple[int, str, tuple[int, ...]]]:
    columns = (tokens.count, *tokens.touched.T, tokens.population, tokens.agents, tokens.total, tokens.forgetful)
    counts = zip(*(column.tolist() for column in columns), strict=True)
    return list(zip(tokens.row.tolist(), tokens.actor, counts, strict=True))


CUTS = st.lists(st.integers(min_value=0, max_value=10**6), max_size=6)


@settings(max_examples=60, deadline=None)
@given(events(), CUTS)
def test_all_rows_at_once_are_the_walk_from_event_to_event(whole: pl.DataFrame, cuts: list[int]) -> None:
    expected = Walk().tokens(whole)
    found = _cut(whole, cuts)
    assert _rows(found) == [(row, actor, counts) for row, actor, _, counts in expected]
    numeric = np.array([numeric for _, _, numeric, _ in expected]).reshape(-1, len(NUMERIC))
    np.testing.assert_allclose(found.numeric, numeric, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(events(), CUTS)
def test_what_is_forgotten_for_want_of_room_does_not_depend_on_the_cuts(whole: pl.DataFrame, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timelines, "_PRUNE_EVERY", 50)
        patch.setattr(people, "KEYS_KEPT", 5)
        caps = Caps(actors=8, items=4, doings=60)
        at_once, in_parts = _cut(whole, [], caps), _cut(whole, cuts, caps)
    assert _rows(at_once) == _rows(in_parts)
    assert np.array_equal(at_once.numeric, in_parts.numeric)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_sums_and_neighbours_within_groups(rows: list[tuple[int, int, bool]]) -> None:
    codes = dense(np.array([code * 10**15 for code, _, _ in rows]))
    values, flags = np.array([value for _, value, _ in rows]), np.array([flag for _, _, flag in rows])
    groups = Groups(codes)
    base = np.arange(len(groups)) - 100
    for at, (code, _, _) in enumerate(rows):
        own = [i for i in range(at) if rows[i][0] == code]
        flagged = [i for i in (*own, at) if rows[i][2]]
        first = base[groups.of_row[at]]
        assert groups.rank()[at] == len(own)
        assert groups.before(values)[at] == sum(rows[i][1] for i in own)
        assert groups.previous(values, base)[at] == (rows[own[-1]][1] if own else first)
        assert groups.latest(values, flags, base)[at] == (rows[flagged[-1]][1] if flagged else first)
    assert groups.total(values).sum() == values.sum()
