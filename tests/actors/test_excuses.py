"""A visitor whose browser another page makes fetch attack URLs is excused; a scanner that forges its referer is not for long."""

import pytest

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.timelines import Timelines
from tests.model.tokens_of import frame, request

SITE, ELSEWHERE = "https://www.example.org/about", "https://example.net/fun"
VICTIM = "203.0.113.9"
HOUR = 3600.0


def _site(visitors: int = 6, referer: str = SITE) -> list[dict]:
    """Visitors who each open the front page and follow a link: that tells whose site it is."""
    rows = []
    for n in range(visitors):
        at = 60.0 * n
        rows += [
            request(f"198.18.{n}.1", at, "/", 200),
            request(f"198.18.{n}.1", at + 1, "/style.css", 200, referer=referer),
        ]
    return rows


def _of(tokens: Tokens, actor: str) -> list[str]:
    return [text for text, who in zip(tokens.request, tokens.actor, strict=True) if who == actor]


def _victim(*requests: tuple[float, str], referer: str | None, **more: object) -> Tokens:
    rows = [request(VICTIM, at, f"/{target}", 404, referer=referer, **more) for at, target in requests]
    return Timelines().update(frame(_site() + rows))


def test_what_a_page_elsewhere_makes_a_browser_fetch_is_no_behaviour() -> None:
    tokens = _victim((HOUR, "?q=' union select"), (HOUR + 1, ".env"), referer=ELSEWHERE)
    assert _of(tokens, VICTIM) == []


@pytest.mark.parametrize("referer", [None, SITE, "http://example.org:8080/x"])
def test_the_same_without_another_site_s_referer_is_behaviour(referer: str | None) -> None:
    assert len(_of(_victim((HOUR, "?q=' union select"), (HOUR + 1, ".env"), referer=referer), VICTIM)) == 2


def test_what_is_excused_is_not_held_against_what_comes_next() -> None:
    rows = [request(VICTIM, HOUR + n, f"/{n}x.php", 404, referer=ELSEWHERE) for n in range(4)]
    tokens = Timelines().update(frame([*_site(), *rows, request(VICTIM, HOUR + 60, "/contact", 404)]))
    assert _of(tokens, VICTIM) == ["/contact"]
    assert tokens.count[-1] == 1


def test_a_link_from_elsewhere_to_a_familiar_page_is_an_ordinary_visit() -> None:
    tokens = Timelines().update(frame([*_site(), request(VICTIM, HOUR, "/", 200, referer=ELSEWHERE)]))
    assert _of(tokens, VICTIM) == ["/"]


def test_a_scanner_with_a_forged_referer_is_excused_for_two_hours_of_the_clock() -> None:
    rows = [(HOUR * n + 60 * k, f"{'abcdef'[n]}{'xy'[k]}.php") for n in range(1, 6) for k in range(2)]
    tokens = _victim(*rows, referer=ELSEWHERE)
    assert len(_of(tokens, VICTIM)) == 6  # those of the third hour and later


def test_the_virtual_host_of_a_request_tells_its_own_site_at_once() -> None:
    for referer, events in ((ELSEWHERE, 0), (SITE, 1)):
        rows = [request(VICTIM, 0.0, "/x.php", 404, referer=referer, host="example.org:443")]
        assert len(_of(Timelines().update(frame(rows)), VICTIM)) == events


def test_before_the_site_is_known_nobody_is_excused() -> None:
    rows = [request(VICTIM, HOUR, "/x.php", 404, referer=ELSEWHERE)]
    assert len(_of(Timelines().update(frame(_site(2) + rows)), VICTIM)) == 1


def test_visitors_whom_a_page_elsewhere_sends_do_not_make_it_the_site_s_own() -> None:
    # Even where it embeds pictures of the site: it would need a quarter as many visitors as the site itself.
    embedded = [request(f"198.19.{n}.1", HOUR + n, "/style.css", 200, referer=ELSEWHERE) for n in range(5)]
    attack = request(VICTIM, 2 * HOUR, "/x.php", 404, referer=ELSEWHERE)
    many = Timelines().update(frame([*_site(40), *embedded, attack]))
    few = Timelines().update(frame([*_site(10), *embedded, attack]))
    assert len(_of(many, VICTIM)) == 0
    assert len(_of(few, VICTIM)) == 1


def test_a_site_that_moved_is_known_by_its_new_name_once_the_old_one_is_forgotten() -> None:
    walked = Timelines()
    walked.update(frame(_site(40)))
    moved = [row | {"time": row["time"] + 40 * 86400} for row in _site(8, "https://new.example/")]
    walked.update(frame(moved))
    walked.forget()
    late = request(VICTIM, 40 * 86400 + HOUR, "/x.php", 404, referer="https://new.example/")
    assert len(_of(walked.update(frame([late])), VICTIM)) == 1
