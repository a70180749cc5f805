"""The page in a real browser: it loads nothing, complains of nothing, fits a phone, and can be read in the dark."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from fail2ban_ai.reports import html, schema
from tests.reports.headless import Browser
from tests.reports.made import EMPTY, HOSTILE, campaign, report

Page = Callable[[str], Path]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    def write(text: str) -> Path:
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def check(browser: Browser) -> None:
    assert browser.requests() == []
    assert browser.complaints() == []
    assert browser.value("document.documentElement.scrollWidth") <= browser.value("window.innerWidth")


# The ratio of luminances of WCAG 2, of a text's colour and the first background behind it that is not see-through.
CONTRAST = """(selector) => [...document.querySelectorAll(selector)].map(element => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  let behind = element, ground = [255, 255, 255, 0];
  while (behind && (ground.length > 3 && ground[3] === 0)) {
    ground = rgb(getComputedStyle(behind).backgroundColor); behind = behind.parentElement;
  }
  const style = getComputedStyle(element);
  const [a, b] = [light(rgb(element.closest('svg') ? style.fill : style.color)), light(ground)].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
})"""
TEXTS = "h1, h2, h3, h4, p, li, td, th, a, summary, .badge, .verdict, .sub, .line, .where, svg text, figcaption span"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 400])
def test_the_demo_report_shows_everything_and_loads_nothing(
    browser: Browser, demo: Path, width: int, dark: bool
) -> None:
    browser.open(demo / "report.html", width, dark=dark)
    check(browser)
    shown = browser.value("document.body.innerText")
    found = schema.Report.model_validate_json((demo / "report.json").read_text())
    told = [c for c in found.campaigns if any(a.decision == "ban" for a in c.actors)]
    assert len(told) > 5
    assert browser.value("document.querySelectorAll('svg.picture .event').length") > 3 * len(told)
    assert browser.value("document.querySelectorAll('ul.targets li').length") >= len(told)
    for one in told:
        assert one.id in shown
        assert one.why_missed in shown.replace("\n", " ")
    compromise = next(c for c in told if c.kind == "compromise")
    assert compromise.evidence[0].text.split()[-1] in shown
    for heading in ("Do first", "Who caught it", "Timeline", "Campaigns", "Watched, not banned", "Unusual traffic"):
        assert heading in shown
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 150) is dark
    assert min(browser.value(f"({CONTRAST})({json.dumps(TEXTS)})")) >= 4.5


def test_the_demo_report_is_told_to_those_who_do_not_see_it(browser: Browser, demo: Path) -> None:
    browser.open(demo / "report.html")
    assert browser.value("document.documentElement.lang") == "en"
    assert browser.value("document.querySelectorAll('h1').length") == 1
    levels = browser.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    bare = "[...document.querySelectorAll('table')].filter(t => !t.querySelector('th[scope=col]')).length"
    assert browser.value(bare) == 0
    names = [
        n for n in browser.ask("Accessibility.getFullAXTree")["nodes"] if n.get("role", {}).get("value") == "image"
    ]
    pictures = browser.value("document.querySelectorAll('svg[role=img]').length")
    assert pictures > 5
    assert len([n for n in names if n.get("name", {}).get("value")]) >= pictures
    targets = browser.value(
        "[...document.querySelectorAll('nav a, #first a, #campaigns a[href^=\"#\"]')].map(a => a.hash)"
    )
    assert targets
    assert browser.value(f"{json.dumps(targets)}.every(t => document.querySelector(t))")


def test_a_printed_page_holds_what_is_folded(browser: Browser, demo: Path) -> None:
    browser.open(demo / "report.html")
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[])
    folded = "document.querySelector('details .evidence li').getBoundingClientRect().height"
    assert browser.value(folded) > 0
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.parametrize("width", [1200, 400])
def test_hostile_text_is_only_shown(browser: Browser, page: Page, width: int) -> None:
    told = [campaign(i, 2, text) for i, text in enumerate(HOSTILE, start=1)]
    browser.open(page(html.render(report(*told))), width)
    check(browser)
    assert browser.value("typeof window.pwned") == "undefined"
    assert browser.value("document.querySelectorAll('script, img, iframe, object, embed, form, input').length") == 0
    assert browser.value("document.querySelectorAll('style').length") == 1
    shown = browser.value("document.body.textContent")
    assert HOSTILE[0] in shown
    assert "\\u202e" in shown
    assert "\\x1b]0;owned\\x07" in shown
    assert not any(hidden in shown for hidden in "\u202e\u2066\x1b\x00\u2028")


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("made", [EMPTY, report(), report(campaign(actors=1), how="none")])
def test_reports_of_nothing_and_of_little_are_pages_too(
    browser: Browser, page: Page, made: schema.Report, width: int
) -> None:
    browser.open(page(html.render(made)), width)
    check(browser)
    assert len(browser.value("document.body.innerText")) > 300


def test_the_policy_of_the_page_holds_off_what_should_not_be_there(browser: Browser, page: Page) -> None:
    """And the checks above can fail."""
    text = html.render(report(campaign()))
    planted = '<img src="http://127.0.0.1:9/i.png"><script>window.pwned=1</script><p style="color:red">'
    browser.open(page(text.replace("<main>", f"<main>{planted}")))
    assert browser.value("typeof window.pwned") == "undefined"
    assert len(browser.complaints()) >= 3
