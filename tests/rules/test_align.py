"""Templates and pieces: every text they were made of matches, nothing is unbounded, any engine takes linear time."""

import re

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.rules import safe
from fail2ban_ai.rules.align import common, likeness, template, tokens
from fail2ban_ai.rules.pieces import exact, gap, join
from fail2ban_ai.rules.web import alternatives

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
WORDS = st.sampled_from(
    ["wp", "login", "admin", "php", "/", "?", "=", ".", "id", "7", "42", "%2e", "<ADDR>", ";", "a-b"]
)
TARGET = st.lists(WORDS, min_size=1, max_size=10).map(lambda words: "/" + "".join(words))


def framed(regex: str) -> str:
    return f'^<ADDR> "{regex} HTTP$'


def matches(regex: str, text: str) -> bool:
    return re.fullmatch(framed(regex).replace("<ADDR>", "A"), f'A "{text} HTTP') is not None


@given(st.lists(TARGET, min_size=1, max_size=8, unique=True))
@settings(deadline=None)
def test_every_target_of_a_unit_matches_and_the_regex_is_one_of_ours(targets: list[str]) -> None:
    pieces = alternatives(targets, " ")
    if pieces is None:
        return
    regex = "(?:" + "|".join(piece.regex for piece in pieces) + ")"
    assert all(matches(regex, target) for target in targets)
    assert all(matches(piece.regex, piece.example) for piece in pieces)
    safe.check(framed(regex))
    assert re.search(r"(?<!\\)[*+]|\{\d*,\}", regex) is None
    assert pl.Series(["x"]).str.contains(safe.linear(framed(regex))).to_list() == [False]


@given(st.lists(PRINTABLE, min_size=2, max_size=6, unique=True))
@settings(deadline=None)
def test_a_template_matches_what_it_was_made_of(texts: list[str]) -> None:
    made = template(texts, " ")
    if made is not None:
        whole = join(made)
        assert all(matches(whole.regex, text) for text in texts)
        safe.check(framed(whole.regex))


@given(st.text(max_size=60))
def test_any_text_can_be_asked_for(text: str) -> None:
    pieces = alternatives([text], " ")
    if pieces is not None:
        assert len(pieces) == 1
        assert matches(pieces[0].regex, text)


def test_what_is_alike_stays_literal() -> None:
    made = template(["/wp-content/plugins/akismet/x.php", "/wp-content/plugins/jetpack/x.php"], " ")
    assert made is not None
    assert join(made).regex == r"/wp-content/plugins/[a-z]{1,10}/x\.php"


def test_a_gap_leaves_its_path_segment_a_name() -> None:
    words = ["pma", "PMA", "sqladmin", "Db", "mysql", "web", "phpmy", "adm", "dbs"]
    assert alternatives([f"/{word}/scripts/setup.php" for word in words], " ") is None
    assert alternatives([f"/{word}.php?lang=en-english" for word in words], " ") is None
    assert len(alternatives([f"/{word}/scripts/setup.php" for word in words[:3]], " ") or ()) == 3
    versions = alternatives([f"/phpMyAdmin-2.{n}/setup.php" for n in range(12)], " ")
    assert versions is not None
    assert versions[0].regex == r"/phpMyAdmin-2\.\d{1,5}/setup\.php"


def test_texts_without_enough_in_common_have_no_template() -> None:
    assert template(["/alpha", "/beta.php"], " ") is None
    assert template(["/a/b", "/a/c", "/a/longer-name-of-a-page"], " ") is None


def test_a_gap_never_reaches_over_what_follows() -> None:
    assert gap(["abc", "def"], "b") is None
    made = gap(["12", "345"], " ")
    assert made is not None
    assert made.regex == r"\d{1,5}"
    assert gap(["x" * 401], " ") is None


def test_tokens_keep_every_character() -> None:
    text = "/wp-login.php?a=1&b=%2e"
    assert "".join(tokens(text)) == text
    assert common(tokens("/a/b/c"), tokens("/a/x/c")) == ["/", "a", "/", "/", "c"]
    assert likeness(tokens("/a"), tokens("/a")) == 1.0
    assert exact("a.b<").regex == r"a\.b\x3c"
