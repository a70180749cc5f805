"""The files of a report: bounded in size, the same each time, hostile text in them without effect."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.reports import digest, html, markdown, schema, suggested
from fail2ban_ai.reports.save import save
from fail2ban_ai.rules import suggestion
from fail2ban_ai.rules.suggestion import Jail, Step, Suggestion
from tests.reports.made import EMPTY, HOSTILE, campaign, report

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120) | st.sampled_from(HOSTILE)


class Tags(HTMLParser):
    """Every tag with its attributes' names; `code` is left out, since quotes in a sentence make more of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, ...]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":
            self.seen.append((tag, *(name for name, _ in attrs)))


@settings(max_examples=30, deadline=None)
@given(TEXT)
def test_no_text_makes_a_tag_of_the_page(text: str) -> None:
    made = html.render(report(campaign(text=text)))
    assert Tags(made).seen == Tags(html.render(report(campaign(text="x")))).seen
    assert all(c == "\n" or c.isprintable() for c in made)


def spoken(tokens: list[Token]) -> list[Token]:
    return [t for token in tokens for t in (token, *spoken(token.children or []))]


@settings(max_examples=60, deadline=None)
@given(TEXT)
def test_no_text_makes_markup_of_the_markdown(text: str) -> None:
    """Read back by another program's parser, raw HTML and tables allowed."""
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    made = markdown.render(report(campaign(text=text)))
    kinds = [t.type for t in spoken(parser.parse(made))]
    plain = [t.type for t in spoken(parser.parse(markdown.render(report(campaign(text="x")))))]
    for kind in ("html_inline", "html_block", "link_open", "image", "em_open", "s_open", "code_block"):
        assert kind not in kinds, kind
    for kind in ("heading_open", "table_open", "tr_open", "td_open", "fence", "bullet_list_open", "hr"):
        assert kinds.count(kind) == plain.count(kind), kind
    assert all(c == "\n" or c.isprintable() for c in made)


def test_the_markdown_says_what_the_page_says(demo: Path) -> None:
    text = (demo / "report.md").read_text()
    found = schema.Report.model_validate_json((demo / "report.json").read_text())
    for one in found.campaigns:
        assert one.id in text
    assert digest.headline(found).split(";")[0] in text


def test_three_thousand_addresses_in_many_campaigns_stay_a_page() -> None:
    large = report(*(campaign(i, 3000 if i < 4 else 60) for i in range(1, 61)))
    page, text = html.render(large), markdown.render(large)
    assert len(page.encode()) < 2_000_000
    assert len(text.encode()) < 500_000
    assert "and 2,960 more addresses, see report.json" in page
    assert "2,980 more addresses, see report.json" in text
    assert all(f"20260315-{i:08x}" in page for i in range(1, 61))


@pytest.mark.parametrize("text", ["<" * 500, '"' * 500, "\U000e0041" * 500, "\u202e" * 500])
def test_the_worst_text_in_many_campaigns_stays_below_the_bound(text: str) -> None:
    networks = [
        {
            "cidr": f"203.0.113.{i * 16}/28",
            "decision": "ban",
            "decided_at": None,
            "hostile_seen": 9,
            "benign_seen": 0,
            "reason": text,
        }
        for i in range(10)
    ]
    more = {"reasons": [text[:400]] * 10, "targets": [text] * 10, "networks": networks, "recommendation": text}
    told = [campaign(i, 50, text, **more) for i in range(1, 61)]
    assert len(html.render(report(*told)).encode()) < 4_000_000


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert save(report(campaign()), tmp_path / name) == tmp_path / name / "report.html"
    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["report.html", "report.json", "report.md"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        save(EMPTY, tmp_path / "file" / "below")


def test_a_link_planted_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("report.html", "report.html.part"):
        (folder / name).symlink_to(other)
    save(EMPTY, folder)
    assert other.read_text() == "kept"
    assert "fail2ban-ai report" in (folder / "report.html").read_text()


def test_in_a_folder_of_another_user_root_writes_as_that_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = tmp_path / "out"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    for part in (tmp_path, *list(tmp_path.parents)[:2]):
        part.chmod(0o755)
    save(EMPTY, folder)
    assert (folder / "report.html").stat().st_uid == 65534


def test_who_caught_whom() -> None:
    # Of ten actors every fifth is banned by fail2ban too.
    shares = digest.shares(report(campaign(actors=10)))
    assert shares == digest.Shares(ours=8, both=2, theirs=0)
    watched = campaign(actors=10)
    for one in watched.actors:
        one.decision = "watch"
    assert digest.shares(report(watched)) == digest.Shares(ours=0, both=0, theirs=2)
    covered = {
        "cidr": "198.18.0.0/16",
        "decision": "ban",
        "decided_at": None,
        "hostile_seen": 9,
        "benign_seen": 0,
        "reason": "",
    }
    watched.networks = [schema.Network.model_validate(covered)]
    assert digest.shares(report(watched)) == digest.Shares(ours=0, both=2, theirs=0)
    assert digest.shares(report(campaign(), how="none")) is None


def test_suggested_rules_are_shown_with_their_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    assert suggested.read(paths.suggestions()) == []
    jail = Jail("ai-panels", "web", "polling", ("/var/log/nginx/access.log",), "", "http,https", 3, 600, 3600)
    rule = Suggestion(
        name="ai-panels",
        kind="paths",
        created=1_773_000_000.0,
        campaigns=("20260315-00000001",),
        sources=12,
        windows=3,
        summary="Twelve addresses asked for admin panels in three spells.",
        failregex=(r'^<ADDR> \S+ \S+ \[\] "GET /panel\x3c" 404',),
        jail=jail,
        proof=(Step("compiles", True, "fail2ban compiles it", {}), Step("linear", False, "too slow", {})),
        would_ban=(),
        overlap={},
    )
    files = {name: "" for name in suggestion.FILES if name != suggestion.RULE}
    suggestion.write(paths.suggestions() / "ai-panels", rule, files)
    (paths.suggestions() / "ai-broken").mkdir()
    found = suggested.read(paths.suggestions())
    assert [one.name for one in found] == ["ai-panels"]
    for text in (html.render(report(), found), markdown.render(report(), found)):
        assert "ai-panels" in text
        assert "not proved" in text
        assert "GET /panel" in text
    assert re.search(r"<b>failed</b> linear: too slow", html.render(report(), found))


def test_json_is_the_contract(tmp_path: Path) -> None:
    save(report(campaign(text=HOSTILE[0])), tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["campaigns"][0]["evidence"][0]["text"] == HOSTILE[0]
