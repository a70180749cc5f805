"""Figures of installed rules from fail2ban's own log: what is counted, what is proposed for retirement, the share."""

import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fail2ban_ai import decisions, paths, visitors
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.errors import Fail2banDown
from fail2ban_ai.rules import feedback, states, store
from fail2ban_ai.rules.site import Site
from fail2ban_ai.visitors import Visitors

NOW = 1_800_000_000.0
DAY = 86_400.0


class Client:
    """Runs the two rules; its log is where the test put it."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def jails(self) -> list[str]:
        return ["sshd", "ai-old", "ai-busy"]

    def run(self, *words: str) -> str:
        assert words == ("get", "logtarget")
        return f"Current logging target is:\n`- {self.log}"

    def banned(self, jail: str) -> list[str]:
        return ["192.0.2.1"] if jail == "ai-busy" else []


class Down(Client):
    def jails(self) -> list[str]:
        raise Fail2banDown("fail2ban does not answer: its server is not running.")


def line(at: float, jail: str, what: str, address: str) -> str:
    part = "actions" if what == "Ban" else "filter "
    level = "NOTICE" if what == "Ban" else "INFO  "
    tail = f" - {datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}" if what == "Found" else ""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S},123 fail2ban.{part}        [77]: {level} [{jail}] {what} {address}{tail}\n"


def installed(name: str, days_ago: float, state: str = states.LIVE) -> None:
    states.append(states.Entry(name, "d" * 64, state, NOW - days_ago * DAY, "root", ""))


@pytest.fixture
def log(root: Path) -> Path:
    """A log of which an earlier part is packed: matches of two rules, and lines that only look so."""
    store.prepare()
    path = root / "fail2ban.log"
    hours = [line(NOW - 3600 * hour, "ai-busy", "Found", "192.0.2.1") for hour in (5, 4, 3)]
    path.write_text(
        "".join(hours)
        + line(NOW - 3 * 3600, "ai-busy", "Ban", "192.0.2.1")
        + line(NOW - 3 * 3600, "sshd", "Ban", "192.0.2.9")
        + line(NOW - 60, "ai-busy", "Ignore", "192.0.2.5").replace("\n", " by command\n")
        + "2027-01-15 08:00:00,1 fail2ban.filter [1]: WARNING x [ai-busy] Found 192.0.2.8\n"
        + line(NOW, "ai-busy", "Found", "not-an-address")
    )
    with gzip.open(path.with_name("fail2ban.log.2.gz"), "wt") as file:
        file.write(line(NOW - 50 * DAY, "ai-old", "Found", "192.0.2.3"))
        file.write(line(NOW - 50 * DAY, "ai-busy", "Found", "192.0.2.4"))  # before it was installed
    path.with_name("fail2ban.log.1").write_bytes(b"\x1f\x8bdamaged")
    installed("ai-old", 60)
    installed("ai-busy", 10)
    return path


def gather(log: Path, client: type[Client] = Client) -> feedback.Feedback:
    fake: Any = client(log)
    return feedback.gather(Site(client=fake), 30, NOW)


def test_matches_and_bans_since_it_was_installed(log: Path) -> None:
    found = gather(log).rules
    busy, old = found["ai-busy"], found["ai-old"]
    assert (busy.matches, busy.bans, busy.banned_now, busy.last_match) == (3, 1, 1, NOW - 3 * 3600)
    assert busy.addresses == {"192.0.2.1"}
    assert busy.spared == 1, "the gate's word is counted, and is no match"
    assert (old.matches, old.bans, old.banned_now) == (1, 0, 0)


def test_what_matches_no_more_is_proposed_for_retirement_and_its_twin_is_not(log: Path) -> None:
    found = gather(log).rules
    assert found["ai-old"].retire == "no match for 50 days (setting rule_retire_days: 30)"
    assert found["ai-busy"].retire == ""


def test_a_fresh_rule_has_its_time(log: Path) -> None:
    installed("ai-fresh", 1)
    assert gather(log).rules["ai-fresh"].retire == ""


def test_it_says_when_the_gate_spares_everybody(log: Path) -> None:
    assert "nobody has looked yet" in gather(log).idle
    visitors.keep(Visitors(NOW - DAY, 9))
    assert gather(log).idle == ""
    visitors.keep(Visitors(NOW - 9 * DAY, 9))
    assert "9 days" in gather(log).idle


def test_a_retired_rule_has_no_figures(log: Path) -> None:
    installed("ai-old", 2, states.RETIRED)
    assert "ai-old" not in gather(log).rules


def test_with_fail2ban_down_nothing_is_proposed(log: Path) -> None:
    found = gather(log, Down)
    assert "not running" in found.trouble
    assert all(not seen.retire for seen in found.rules.values())


def test_the_share_of_campaigns_that_rules_caught_first(log: Path) -> None:
    def ask(campaign: str, target: str, at: float) -> None:
        one = decisions.make(target, at=at, reason="x", campaign=campaign, kind="scan")
        decisions_log.append(paths.decisions(), decisions.to_line(one))
        outcome = Outcome(one.id, at, one.target, "banned", "")
        decisions_log.append(paths.outcomes(), decisions_outcomes.to_line(outcome))

    ask("c-caught", "192.0.2.1", NOW - 2 * 3600)  # the rule's ban was an hour before
    ask("c-late", "192.0.2.1", NOW - 6 * 3600)
    ask("c-half", "192.0.2.1", NOW - 100)
    ask("c-half", "192.0.2.50", NOW - 100)
    ask("c-other", "192.0.2.51", NOW - 100)
    ask("c-long-ago", "192.0.2.1", NOW - 40 * DAY)
    share = gather(log).share
    assert (share.campaigns, share.by_rules) == (4, 2)
    assert (share.banned_by_rules, share.banned_by_ai) == (1, 3)


def test_a_shadows_bans_count_for_nothing(log: Path) -> None:
    installed("ai-busy", 9, states.SHADOW)
    one = decisions.make("192.0.2.1", at=NOW - 3600, reason="x", campaign="c-1", kind="scan")
    decisions_log.append(paths.decisions(), decisions.to_line(one))
    share = gather(log).share
    assert (share.campaigns, share.by_rules, share.banned_by_rules) == (1, 0, 0)
