"""What the enforcer makes of decisions by severity, of failures, of too much, and of a full disk. No server needed."""

import errno
import time
from pathlib import Path
from typing import Any

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import Decision
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.enforce import breaker, notices
from fail2ban_ai.enforce.breaker import BreakerSettings
from fail2ban_ai.enforce.enforcer import ALERTS, RETRIES, RETRY_SECONDS, Enforcer
from fail2ban_ai.enforce.no_effect import NoEffect
from fail2ban_ai.errors import Fail2banDown
from fail2ban_ai.facts import Facts
from fail2ban_ai.fail2ban import effective, jails
from fail2ban_ai.gate import GateSettings
from tests.enforce.fakes import FakeFail2ban, FakeNft


class Bench:
    """An enforcer over the fakes, with a clock to set."""

    def __init__(self, **settings: Any) -> None:
        self.fail2ban = FakeFail2ban()
        self.now = time.time()
        self.facts = Facts()
        self.settings = {"gate": GateSettings(), **settings}
        self.enforcer = self.again()

    def again(self) -> Enforcer:
        """Another enforcer, as after a restart."""
        settings = dict(self.settings)
        gate = settings.pop("gate")
        self.enforcer = Enforcer(
            self.fail2ban, FakeNft(self.fail2ban), gate, lambda: self.facts, True, lambda: self.now, **settings
        )
        return self.enforcer

    def ask(self, target: str, **more: Any) -> Decision:
        decision = decisions.make(target, **{"at": self.now, "reason": "it scans", **more})
        decisions_log.append(paths.decisions(), decisions.to_line(decision))
        return decision

    def step(self) -> list[str]:
        return [f"{each.result} {each.target}" for each in self.enforcer.step()]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))


def told(kind: str) -> list[str]:
    return [notice.text for notice in notices.newest(1000) if notice.kind == kind]


def reasons() -> list[str]:
    return [each.reason for each in decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)]


def test_severity_says_what_is_done_at_most() -> None:
    bench = Bench(severity={"medium": "limit", "low": "alert"})
    for number, severity in enumerate(("critical", "high", "medium", "low"), 1):
        bench.ask(f"203.0.113.{number}", severity=severity)
    bench.ask("198.51.100.0/24", severity="medium")
    bench.ask("203.0.113.5", severity="critical", action="limit")
    bench.ask("203.0.113.6", severity="critical", action="alert", reason="look at it")
    assert sorted(bench.step()) == [
        "alerted 203.0.113.4",
        "alerted 203.0.113.6",
        "banned 203.0.113.1",
        "banned 203.0.113.2",
        "limited 198.51.100.0/24",
        "limited 203.0.113.3",
        "limited 203.0.113.5",
    ]
    assert bench.fail2ban.bans[jails.LIMITS] == ["203.0.113.3", "198.51.100.0/24", "203.0.113.5"]
    assert told("alert") == ["203.0.113.4: it scans", "203.0.113.6: look at it"]
    assert [one.network for one in bench.enforcer.recent_bans()].count(True) == 1, "limits count against the budgets"


def test_observe_says_what_it_would_do() -> None:
    bench = Bench(severity={"medium": "limit", "low": "alert"})
    bench.enforcer.banning = False
    for number, severity in enumerate(("high", "medium", "low"), 1):
        bench.ask(f"203.0.113.{number}", severity=severity)
    assert bench.step() == ["would-ban 203.0.113.1", "would-limit 203.0.113.2", "alerted 203.0.113.3"]
    assert bench.fail2ban.attempts == []


def test_alerts_and_limits_pass_the_gate_too() -> None:
    bench = Bench()
    bench.ask("127.0.0.1", action="alert")
    bench.ask("10.0.0.1", action="limit")
    assert bench.step() == ["refused 127.0.0.1", "refused 10.0.0.1"]
    assert told("alert") == []


def test_alerts_cannot_flood_an_admin() -> None:
    bench = Bench()
    for number in range(1, 101):
        bench.ask(f"203.0.113.{number}", action="alert")
    assert len(bench.step()) == 100
    assert len(told("alert")) == ALERTS
    assert "30 alerts within an hour" in told("alert")[-1]
    bench.now += 3700
    bench.ask("203.0.113.200", action="alert")
    bench.step()
    assert len(told("alert")) == ALERTS + 1


class NoAnswer:
    def reverse(self, address: str) -> None: ...
    def forward(self, name: str) -> None: ...


def test_a_failure_is_retried_three_times_and_then_alerted_never_banned() -> None:
    bench = Bench()
    bench.facts = Facts(resolver=NoAnswer())
    decision = bench.ask("203.0.113.9", matches=["GET / Googlebot/2.1"])
    other = bench.ask("203.0.113.10")
    assert bench.step() == ["failed 203.0.113.9", "banned 203.0.113.10"]
    for _ in range(RETRIES - 1):
        bench.now += RETRY_SECONDS / 2
        assert bench.step() == [], "not yet"
        bench.now += RETRY_SECONDS / 2
        assert bench.step() == [], "tried, and written once only"
    bench.now += RETRY_SECONDS
    assert bench.step() == ["alerted 203.0.113.9"]
    assert "given up after 3 retries; crawler-unverified" in reasons()[-1]
    assert len(told("alert")) == 1
    bench.facts = Facts()
    assert bench.again().step() == [], "nor after a restart"
    assert {target for _, target in bench.fail2ban.attempts} == {other.target}
    assert decision.id != other.id


def test_what_holds_up_everything_waits_longer_than_three_tries() -> None:
    bench = Bench()
    bench.facts = Facts(missing=("the allow list",))
    bench.ask("203.0.113.9")
    assert bench.step() == ["failed 203.0.113.9"]
    for _ in range(10):
        bench.now += RETRY_SECONDS
        assert bench.step() == []
    assert len(told("waiting")) == 1
    bench.facts = Facts()
    bench.now += RETRY_SECONDS
    assert bench.step() == ["banned 203.0.113.9"]


def test_a_clock_set_back_does_not_put_retries_off() -> None:
    bench = Bench()
    bench.facts = Facts(missing=("the allow list",))
    bench.ask("203.0.113.9", at=bench.now - 3600)
    bench.step()
    bench.facts = Facts()
    bench.now -= 3000
    assert bench.step() == ["banned 203.0.113.9"]


def test_a_clock_that_jumps_about_doubles_nothing() -> None:
    bench = Bench()
    for number, jump in enumerate((0, 3600, -7200, 3600, -100, 300, 86400 * 3, -86400 * 3, 0), 1):
        bench.now += jump
        bench.ask(f"203.0.113.{number}", at=time.time())
        bench.step()
        bench.again().step()
    bench.now = time.time() + RETRY_SECONDS
    bench.step()
    targets = [target for _, target in bench.fail2ban.attempts]
    assert len(targets) == len(set(targets))
    known = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    ended = [each for each in known if each.result != "failed"]
    assert sorted(each.target for each in ended) == sorted(f"203.0.113.{number}" for number in range(1, 10))
    assert {each.result for each in ended if each.target != "203.0.113.7"} == {"banned"}, (
        "all but what looked 3 days old"
    )


def test_one_jail_missing_holds_up_its_own_decisions_only() -> None:
    bench = Bench(severity={"low": "limit"})
    bench.fail2ban.running.remove(jails.NETWORKS)
    bench.ask("203.0.113.0/24")
    bench.ask("203.0.113.9")
    bench.ask("2001:db8::9", severity="low")
    bench.ask("198.51.100.0/24", action="alert")
    assert sorted(bench.step()) == [
        "alerted 198.51.100.0/24",
        "banned 203.0.113.9",
        "failed 203.0.113.0/24",
        "limited 2001:db8::9",
    ]
    assert "no jail named 'fail2ban-ai-net'" in told("waiting")[0]
    bench.fail2ban.running.append(jails.NETWORKS)
    bench.now += RETRY_SECONDS
    assert bench.step() == ["banned 203.0.113.0/24"]


def test_too_many_open_the_breaker_and_only_an_admin_closes_it() -> None:
    bench = Bench(gate=GateSettings(per_hour=5), breaker=BreakerSettings(asked_per_hour=30))
    for number in range(1, 26):
        bench.ask(f"203.0.113.{number}")
    results = [result.partition(" ")[0] for result in bench.step()]
    assert (results.count("banned"), results.count("failed")) == (5, 20), "the budget alone only delays"
    assert breaker.tripped() is None
    for number in range(26, 36):
        bench.ask(f"203.0.113.{number}")
    bench.step()
    found = breaker.tripped()
    assert found is not None
    assert "35 bans were asked for within an hour" in found.why
    bench.now += RETRY_SECONDS
    last = bench.ask("198.51.100.9")
    assert bench.again().step() and len(bench.fail2ban.attempts) == 5, "open over a restart too"
    assert any(reason.startswith("breaker: ") for reason in reasons())
    assert last.id in bench.enforcer._done, "decided as in observe"
    assert len(told("breaker")) == 1
    assert breaker.reset(bench.now)
    assert not breaker.reset(bench.now)
    bench.now += 3600
    bench.ask("198.51.100.10")
    assert bench.step() == ["banned 198.51.100.10"]
    assert breaker.tripped() is None, "what was before the reset is not counted again"


def test_bans_of_addresses_in_use_open_the_breaker() -> None:
    bench = Bench(breaker=BreakerSettings(doubtful_per_hour=3))
    for number in range(1, 4):
        bench.ask(f"203.0.113.{number}", known_logins={f"203.0.113.{number}": 1})
        bench.ask(f"198.51.100.{number}", known_logins={f"198.51.100.{number}": 0})
    bench.step()
    found = breaker.tripped()
    assert found is not None
    assert "3 bans within an hour hit addresses that somebody had logged in from" in found.why
    assert len(bench.fail2ban.attempts) == 6, "those of the batch that opened it"
    bench.ask("203.0.113.77")
    assert bench.step() == ["would-ban 203.0.113.77"]


def test_bans_that_an_admin_lifts_open_the_breaker() -> None:
    bench = Bench(breaker=BreakerSettings(doubtful_per_hour=3))
    lifted = [
        decisions_outcomes.Outcome(f"{number:032}", bench.now, f"203.0.113.{number}", "unbanned", "an admin asked")
        for number in range(1, 4)
    ]
    decisions_log.append(paths.outcomes(), *map(decisions_outcomes.to_line, lifted[:2]))
    bench.ask("203.0.113.76")
    assert bench.step() == ["banned 203.0.113.76"]
    assert breaker.tripped() is None
    decisions_log.append(paths.outcomes(), decisions_outcomes.to_line(lifted[2]))
    bench.ask("203.0.113.77")
    bench.step()
    assert breaker.tripped() is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', "\x00"])
def test_a_breaker_file_that_says_nothing_counts_as_open(text: str) -> None:
    paths.replace(paths.breaker(), text)
    assert breaker.tripped() is not None


def test_a_full_disk_stops_everything_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    for number in range(1, 31):
        bench.ask(f"203.0.113.{number}")
    real, full = decisions_log.append, True

    def append(path: Path, *lines: str) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, *lines)

    monkeypatch.setattr(decisions_log, "append", append)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            bench.step()
    assert len(bench.fail2ban.attempts) == 20, "one batch, and no more until its outcomes are written"
    full = False
    assert bench.step() == [f"banned 203.0.113.{number}" for number in range(1, 31)]
    assert len(bench.fail2ban.attempts) == 30
    assert bench.again().step() == []


def test_a_crash_of_a_full_disk_is_no_different(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.ask("203.0.113.9")
    with monkeypatch.context() as context:
        context.setattr(decisions_log, "append", _full)
        with pytest.raises(OSError, match="No space left"):
            bench.step()
    assert [each.result for each in bench.again().step()] == ["already"]
    assert len(bench.fail2ban.attempts) == 1


def _full(path: Path, *lines: str) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_ban_without_effect_is_reported_once() -> None:
    bench = Bench()
    bench.ask("203.0.113.9")
    bench.ask("203.0.113.10")
    bench.step()
    bench.now += 30
    bench.ask("203.0.113.10", reason="a line that came late")
    assert bench.step() == ["already 203.0.113.10"]
    assert told("no-effect") == []
    bench.now += 300
    for _ in range(3):
        bench.now += 1
        bench.ask("203.0.113.9", action="alert", campaign=decisions.NO_EFFECT, reason="3 lines arrived")
        assert bench.step() == ["alerted 203.0.113.9"]
    assert len(told("no-effect")) == 1
    assert "lines of 203.0.113.9 still arrive 331 s after its ban" in told("no-effect")[0]
    bench.fail2ban.bans[jails.ADDRESSES].remove("203.0.113.9")  # it ended: lines may arrive
    bench.now += 86400
    bench.ask("203.0.113.9", action="alert", campaign=decisions.NO_EFFECT, reason="it is back")
    assert bench.step() == ["expired 203.0.113.9"]
    assert len(told("no-effect")) == 1
    assert told("alert") == []


def test_the_watcher_sees_bans_without_effect_and_root_confirms_them() -> None:
    bench = Bench()
    bench.ask("203.0.113.9")
    bench.ask("198.51.100.0/24")
    bench.ask("192.0.2.1")
    bench.step()
    seen = NoEffect()
    seen.learn()
    at = bench.now
    for after in (1, 30, 59, 61, 120):
        seen.see("203.0.113.9", at + after, "GET /")
    seen.see("203.0.113.10", at + 100, "somebody else")
    assert list(seen.ask(at + 120)) == [], "two lines may be late ones"
    for number in range(3):
        seen.see("203.0.113.9", at + 130 + number, "GET /admin")
        seen.see(f"198.51.100.{number}", at + 130, "of a banned network")
    asked = list(seen.ask(at + 140))
    assert [decisions.from_line(line).target for line in asked] == ["198.51.100.0/24", "203.0.113.9"]
    seen.see("203.0.113.9", at + 150, "GET /admin")
    assert list(seen.ask(at + 150)) == [], "once"
    decisions_log.append(paths.decisions(), *asked)
    bench.now = at + 141
    assert bench.step() == ["alerted 198.51.100.0/24", "alerted 203.0.113.9"]
    assert len(told("no-effect")) == 2
    assert "chain_hook = prerouting" in told("no-effect")[0]


def test_on_trial_no_jail_bans_for_longer() -> None:
    bench = Bench(longest=600.0)
    bench.ask("203.0.113.9")
    assert bench.step() == ["failed 203.0.113.9"]
    assert "trial: " in told("waiting")[0]
    bench.fail2ban.bantime = 600.0
    bench.now += RETRY_SECONDS
    assert bench.step() == ["banned 203.0.113.9"]


def test_deaf_is_a_failure_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effective, "PATIENCE", 0.0)
    bench = Bench()
    bench.fail2ban.deaf = True
    bench.ask("203.0.113.9")
    for _ in range(RETRIES + 1):
        bench.step()
        bench.now += RETRY_SECONDS
    assert "not-listed" in told("alert")[0]


def test_down_keeps_everything_and_the_position() -> None:
    bench = Bench()
    bench.fail2ban.down = True
    bench.ask("203.0.113.9")
    for _ in range(5):
        with pytest.raises(Fail2banDown):
            bench.step()
    assert not paths.position().exists()
    bench.fail2ban.down = False
    assert bench.step() == ["banned 203.0.113.9"]
    assert paths.position().exists()


def test_budgets_count_each_ban_once_after_a_compaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions_outcomes, "COMPACT_FROM", 100)
    bench = Bench()
    old = decisions_outcomes.Outcome("0" * 32, bench.now - 50 * 86400, "203.0.113.9", "banned", "")
    decisions_log.append(paths.outcomes(), decisions_outcomes.to_line(old))
    for number in range(1, 6):
        bench.ask(f"203.0.113.{number}")
    bench.step()
    assert len(bench.enforcer.recent_bans()) == 5
    assert decisions_outcomes.compact(bench.now) == 1
    assert len(bench.enforcer.recent_bans()) == 5


def test_old_outcomes_go_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions_outcomes, "COMPACT_FROM", 100)
    now = time.time()
    made = [
        decisions_outcomes.Outcome(f"{number:032}", now - number * 86400, "203.0.113.9", "banned", "")
        for number in range(60, 0, -1)
    ]
    decisions_log.append(paths.outcomes(), *map(decisions_outcomes.to_line, made))
    assert decisions_outcomes.compact(now) == 21
    assert decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line) == made[21:]
    assert decisions_outcomes.compact(now) == 0
