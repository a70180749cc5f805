"""What is written into a filter file is what fail2ban's own reader, tags and regex engine make of it."""

import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.errors import Fail2banAbsent
from fail2ban_ai.fail2ban import code
from fail2ban_ai.rules import filter_file, safe
from fail2ban_ai.rules.bench import Bench, Matches
from fail2ban_ai.rules.escape import from_config, literal, to_config
from fail2ban_ai.rules.render import filter_conf

from .lines import hostile, web

NASTY = [
    "/%2e%2e/%%",
    "/%(failregex)s",
    "/%(__prefix_line)x",
    "/a ; b",
    "/a;b",
    "/# c",
    "/<HOST>",
    "/<ADDR>/<CIDR>",
    "/<F-USER>x</F-USER>",
    "/<SKIPLINES>",
    "/<lt_file/datepattern>",
    "/<script>alert(1)</script>",
    "/{DATE}^LN-BEG",
    "/${jndi:ldap}",
    "/(?i)(?P<ip4>x)",
    "/a\\nb\\x41\\",
    "/^$.|?*+()[]{}",
    "/~`!@&-_='",
]


def conf(regexes: list[str]) -> str:
    return filter_conf("web", regexes, title="test", purpose="A test.", notes=[])


def framed(text: str) -> str:
    return rf'^<ADDR> \S{{1,64}} \S{{1,64}} \[\] "GET {literal(text)} HTTP/\d\.\d" 4\d\d [\d-]{{1,12}} ".{{0,1000}}$'


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_a_literal_matches_itself_alone_and_survives_our_own_reader(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), text + "x")
    assert "<" not in literal(text)
    assert " ;" not in literal(text)
    regex = framed(text.replace(" ", "")).replace("%(__prefix_line)s", "")
    safe.check(regex)
    assert from_config(to_config(regex)) == regex
    assert filter_file.parse(conf([regex])).failregex == (regex,)


def test_fail2ban_reads_what_was_meant() -> None:
    try:
        code.interpreter()
    except Fail2banAbsent as error:
        pytest.skip(str(error))
    rng = random.Random(5)  # noqa: S311 - texts to try
    letters = string.ascii_letters + string.digits + string.punctuation.replace('"', "")
    texts = [*NASTY, *("/" + "".join(rng.choices(letters, k=rng.randint(1, 40))) for _ in range(150))]
    lines = [web(n / 100, hostile(1 + n % 200), f"GET {text}") for n, text in enumerate(texts)]
    others = [web(n / 100, hostile(1), f"GET {text}x") for n, text in enumerate(texts)]
    with Bench("ai-test", conf([framed(text) for text in texts])) as bench, Matches(bench.job("match")) as matches:
        assert [(i, a) for i, _, a in matches.of(lines)] == [(n, hostile(1 + n % 200)) for n in range(len(texts))]
        assert list(matches.of(others)) == []


def test_what_fail2ban_matches_the_linear_engine_finds_first() -> None:
    lines = [web(n, hostile(1), f"GET {text}") for n, text in enumerate(NASTY)]
    for line, text in zip(lines, NASTY, strict=True):
        near = re.compile(safe.nearby([framed(text)], dated=True))
        assert near.search(line)
        assert not near.search(line.replace("GET", "PUT"))


def test_a_child_that_hangs_on_a_regex_is_stopped() -> None:
    """The unsafe filter never comes this far; the limits hold all the same."""
    try:
        code.interpreter()
    except Fail2banAbsent as error:
        pytest.skip(str(error))
    bad = conf([framed("/x")]).replace("/x", "(?:a+)+b")
    line = web(1, hostile(1), "GET " + "a" * 40)
    with Bench("ai-test", bad) as bench, Matches(bench.job("match")) as matches:
        assert list(matches.of([line])) == []
        assert matches.stuck == 1
