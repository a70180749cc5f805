"""Reading the action's spool: what is no line of it is counted, and bans hold as long as they last."""

import base64
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai import paths
from fail2ban_ai.decisions.strict import visible
from fail2ban_ai.errors import DecisionError
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.fail2ban.feed import Fed, Feed, Held, bans, from_line
from fail2ban_ai.fail2ban.replay import Ban


def line(
    what: str = "ban", at: float = 1000.0, jail: str = "sshd", address: str = "203.0.113.9", text: str = ""
) -> str:
    coded = base64.b64encode(text.encode()).decode() if what == "ban" else "-"
    return f"{what} {at} {jail} {address} 5 600 1 {coded}"


def test_a_ban_with_its_lines_and_an_unban() -> None:
    assert from_line(line(text="one\n\x1b[31mtwo\n")) == Fed(
        True, 1000.0, "sshd", "203.0.113.9", 5, 600.0, 1, ("one", "\\x1b[31mtwo")
    )
    assert from_line(line("unban", address="2001:DB8::1")).address == "2001:db8::1"
    assert from_line(line(address="::ffff:203.0.113.9")).address == "203.0.113.9"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ban",
        line() + " more",
        line(address="203.0.113.0/24"),
        line(address="999.1.1.1"),
        line(jail="two words"),
        line(at=float("nan")),
        line(at=1e14),
        line()[:-1] + "!",
        line() + "A",
        "unban 1 sshd 203.0.113.9 5 600 1 $(id)",
    ],
)
def test_what_the_action_did_not_write_is_no_line(text: str) -> None:
    with pytest.raises(DecisionError):
        from_line(text)


@given(st.text(max_size=200))
def test_any_text_is_a_line_or_an_error(text: str) -> None:
    for candidate in (text, line(text=text)):
        try:
            found = from_line(candidate)
        except DecisionError:
            continue
        assert all(visible(each) for each in found.lines)


def test_the_spool_is_read_in_order_and_ours_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    assert list(Feed().poll()) == []
    paths.feed().parent.mkdir(parents=True)
    older = paths.feed().with_name("bans.spool.1")
    older.write_text(line(at=1) + "\n")
    paths.feed().write_text("\n".join([line(at=2), line(at=3, jail="fail2ban-ai"), "garbage", line(at=4)]) + "\n")
    feed = Feed()
    assert [each.at for each in feed.poll()] == [1, 2, 4]
    assert feed.bad == 1
    kept = tmp_path / "position.json"
    following = Feed(kept)
    assert [each.at for each in following.poll()] == [1, 2, 4]
    following.commit()
    with paths.feed().open("a") as file:
        file.write(line("unban", at=5) + "\n" + line(at=6)[:10])
    assert [each.at for each in Feed(kept).poll()] == [5], "a line without its end waits"
    assert bans(Feed().poll()) == [Ban(at, "sshd", "203.0.113.9") for at in (1.0, 2.0, 4.0)]


def test_a_ban_holds_until_it_ends_or_is_lifted() -> None:
    held = Held()
    held.note(from_line(line(at=1000)))
    assert held("203.0.113.9", 999) is None, "nothing is known before its time"
    assert held("203.0.113.9", 1000) == "sshd"
    assert held("203.0.113.9", 1599) == "sshd"
    assert held("203.0.113.9", 1600) is None
    assert held("203.0.113.10", 1300) is None
    held.note(from_line(line("unban", at=1200)))
    assert held("203.0.113.9", 1100) == "sshd"
    assert held("203.0.113.9", 1200) is None
    held.note(from_line(line(at=1300, jail="dovecot")))
    assert held("203.0.113.9", 1400) == "dovecot"
    held.note(from_line(line(at=1500)))
    assert held("203.0.113.9", 2000) == "sshd", "banned again after the unban"


def test_one_address_of_an_ipv6_network_does_not_hold_it() -> None:
    held = Held()
    held.note(from_line(line(at=1000, address="2001:db8::1")))
    assert held("2001:db8::/64", 1100) is None


def test_held_is_bounded_for_each_address() -> None:
    held = Held()
    for at in range(0, 1000):
        held.note(from_line(line(at=at)))
    since = time.perf_counter()
    assert held("203.0.113.9", 1000) == "sshd"
    assert time.perf_counter() - since < 0.1
    assert len(held._spans["203.0.113.9"]) < 20


def test_bans_become_labels_and_a_lifted_one_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    assert labels.keep_new() == []
    assert labels.load() == []
    paths.feed().parent.mkdir(parents=True)
    told = [
        line(at=1000, text="Failed password for root"),
        line(at=1000, address="203.0.113.10"),
        line("unban", at=1100, address="203.0.113.10"),  # somebody's
        line("unban", at=1600),  # its end
    ]
    paths.feed().write_text("\n".join(told) + "\n")
    assert len(labels.keep_new()) == 4
    assert labels.keep_new() == [], "each is told once"
    assert [(label.address, label.lines) for label in labels.load()] == [("203.0.113.9", ("Failed password for root",))]
    with paths.feed().open("a") as file:
        file.write(line(at=2000, address="203.0.113.10") + "\n")
    labels.keep_new()
    assert [label.address for label in labels.load()] == ["203.0.113.9", "203.0.113.10"]
    assert all(label.hostile for label in labels.load())
