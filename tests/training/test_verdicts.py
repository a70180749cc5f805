"""What counts as said of an address on this host, and what does not."""

import json
import time
from pathlib import Path

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.facts import allow
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.rules import states, store, suggestion
from fail2ban_ai.state import State
from fail2ban_ai.training import verdicts
from tests.reports.made import campaign, report
from tests.rules import a_rule

NOW = time.time()
ACTORS = ["192.0.2.1", "192.0.2.2", "198.51.100.7", "203.0.113.9", "2001:db8:1:2::/64", "2001:db8:ffff::/64"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    for path in (paths.decisions(), paths.outcomes()):
        path.parent.mkdir(parents=True)
    return tmp_path


def said() -> dict[str, bool]:
    return {actor: truth.hostile for actor, truth in verdicts.gather(NOW).truth(ACTORS).items()}


def label(address: str, *, hostile: bool = True, at: float = NOW) -> None:
    values = {"address": address, "at": at, "jail": "sshd", "hostile": hostile, "lines": []}
    decisions_log.append(labels.file(), json.dumps(values))


def test_a_host_on_which_nothing_was_said() -> None:
    assert said() == {}


def test_the_allow_list_is_benign_while_it_lasts() -> None:
    allow.add("192.0.2.0/24", NOW, note="office")
    allow.add("198.51.100.7", NOW - 100, expires=NOW - 1)
    allow.add("2001:db8:1:2::5", NOW)
    assert said() == {"192.0.2.1": False, "192.0.2.2": False, "2001:db8:1:2::/64": False}


def test_bans_of_fail2bans_own_jails_are_hostile_unless_lifted_early() -> None:
    label("203.0.113.9")
    label("2001:db8:1:2::9")
    label("192.0.2.1")
    label("192.0.2.1", hostile=False, at=NOW + 5)
    assert said() == {"203.0.113.9": True, "2001:db8:1:2::/64": True}


def asked(target: str, by: str) -> None:
    made = decisions.make(target, at=NOW, reason="x", requested_by=by, severity="high")
    decisions_log.append(paths.decisions(), decisions.to_line(made))


def done(target: str, result: str) -> None:
    decisions_log.append(paths.outcomes(), outcomes.to_line(Outcome("0" * 16, NOW, target, result, "")))


def test_what_an_admin_banned_and_what_an_admin_lifted() -> None:
    asked("203.0.113.9", "admin")
    asked("192.0.2.1", "auto")  # nobody confirmed it: the model would learn from itself
    done("192.0.2.1", "banned")
    done("192.0.2.2", "banned")
    done("192.0.2.2", "unbanned")
    done("198.51.100.7", "unbanned")
    done("198.51.100.7", "banned")  # again, and it stands
    assert said() == {"203.0.113.9": True, "192.0.2.2": False}


def test_members_of_findings_count_once_their_rule_is_approved(root: Path) -> None:
    found = campaign(1, 3)
    State().save(report(found), "2026-03-15T12:00:00+00:00")
    members = [actor_of(each.address) for each in found.actors if each.decision == "ban"]
    assert members

    def hostile() -> list[str]:
        return [a for a, truth in verdicts.gather(NOW).truth(filter(None, members)).items() if truth.hostile]

    store.prepare()
    kept = a_rule.write(root / "access.log", folder=store.judged(a_rule.NAME)) / suggestion.RULE
    kept.write_text(kept.read_text().replace('"c-1"', json.dumps(found.id)))
    assert hostile() == []
    for state, confirmed in (
        (states.LIVE, members),
        (states.RETIRED, []),
        (states.SHADOW, members),
        (states.REJECTED, []),
    ):
        states.append(states.Entry(a_rule.NAME, "d" * 64, state, NOW, "root", ""))
        assert hostile() == confirmed


def test_benign_holds_where_both_were_said() -> None:
    label("203.0.113.9")
    allow.add("203.0.113.0/24", NOW)
    assert said() == {"203.0.113.9": False}


def test_junk_in_the_watchers_file_is_no_address() -> None:
    label("no address")
    label("203.0.113.9")
    assert said() == {"203.0.113.9": True}


def test_an_allow_list_that_others_may_write_is_refused() -> None:
    allow.add("192.0.2.1", NOW)
    paths.allow().chmod(0o666)
    with pytest.raises(ConfigError):
        said()
