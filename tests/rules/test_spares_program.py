"""`fail2ban-ai spares`: what fail2ban runs for each address that a rule matched, and what the watcher tells it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fail2ban_ai import paths, visitors
from fail2ban_ai.enforce import spares
from fail2ban_ai.enforce.spares import Match, judge
from fail2ban_ai.facts import host as facts_host
from fail2ban_ai.fail2ban import ignorecommand
from fail2ban_ai.visitors import User, Visitors

NOW = 1_800_000_000.0
ADDRESS = "203.0.113.9"


class Server:
    """A fail2ban that ignores nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def jails(self) -> list[str]:
        self.asked += 1
        return []

    def ask(self, questions: object) -> list[str]:
        return []


class Names:
    """A resolver that knows one name; `seconds` is how long it takes to say so."""

    def __init__(self, name: str | None, seconds: float = 0.0) -> None:
        self.name, self.seconds, self.asked = name, seconds, 0

    def reverse(self, address: str) -> list[str] | None:
        self.asked += 1
        time.sleep(self.seconds)
        return None if self.name is None else [self.name]

    def forward(self, name: str) -> list[str] | None:
        return [ADDRESS]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    monkeypatch.setattr(spares, "own_addresses", lambda: iter(()))
    monkeypatch.setattr(spares, "ssh_peers", lambda: iter(()))
    visitors.keep(Visitors(NOW, 100))
    return tmp_path


def code(match: Match, names: Names, now: float = NOW, server: Server | None = None) -> str:
    refusal = judge(match, server or Server(), names, now)
    return refusal.code if refusal else ""


def test_a_crawler_is_told_by_its_name_where_it_asks_a_web_server(host: Path) -> None:
    crawler = Names("crawl-9.googlebot.com")
    assert code(Match(True, ADDRESS, "curl"), crawler) == "verified-crawler"
    assert code(Match(True, ADDRESS, "Googlebot"), Names("host.example.net")) == ""
    assert code(Match(True, ADDRESS, "Googlebot"), Names(None)) == "crawler-unverified"
    assert code(Match(True, ADDRESS, "curl"), Names(None)) == ""
    assert code(Match(False, ADDRESS, "Googlebot"), crawler) == ""  # no crawler guesses passwords
    assert crawler.asked == 1


def test_slow_name_servers_are_not_waited_for_again_and_again(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "DNS_SECONDS", 0.05)
    names = Names(None, seconds=0.03)
    for n in range(5):
        assert code(Match(True, f"203.0.113.{n}", "Googlebot"), names) == "crawler-unverified"
    assert names.asked == 2
    assert code(Match(True, "203.0.113.6", "Googlebot"), names, NOW + 61) == "crawler-unverified"
    assert names.asked == 3


def test_fail2ban_is_asked_once_a_minute_and_again_when_it_did_not_answer(host: Path) -> None:
    server = Server()
    for seconds in (0, 1, 59):
        assert code(Match(False, ADDRESS, ""), Names(""), NOW + seconds, server) == ""
    assert server.asked == 1
    code(Match(False, ADDRESS, ""), Names(""), NOW + 61, server)
    assert server.asked == 2


def test_the_budget_counts_addresses_and_forgets_them_after_a_day(host: Path) -> None:
    paths.make_folder(paths.settings().parent)
    paths.settings().write_text(json.dumps({"gate": {"per_hour": 2, "per_day": 2}}))
    found = [code(Match(False, f"203.0.113.{n}", ""), Names(""), NOW + n) for n in (1, 2, 3, 1)]
    assert found == ["", "", "budget-hour", ""]
    assert code(Match(False, "203.0.113.3", ""), Names(""), NOW + 86_500) == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"passed": 1}', '{"strange": 1}', '{"passed": {"x": "y"}}'])
def test_a_damaged_memory_is_forgotten(host: Path, content: str) -> None:
    paths.make_folder(paths.spares().parent)
    paths.spares().write_text(content)
    assert code(Match(False, ADDRESS, ""), Names("")) == ""


def test_old_knowledge_of_who_logs_in_spares_everybody(host: Path) -> None:
    assert code(Match(False, ADDRESS, ""), Names(""), NOW + 9 * 86_400) == "facts-missing"


def test_what_the_watcher_says_can_only_spare(host: Path) -> None:
    known = {ADDRESS: User(9, NOW - 1), "2001:db8:1:2::/64": User(2, NOW - 1)}
    visitors.keep(Visitors(NOW, 100, known, {"198.18.0.0/16": 0.9}, {"203.0.113.10": (0.9, 50)}))
    for address in (ADDRESS, "::ffff:203.0.113.9", "2001:db8:1:2::77"):
        assert code(Match(False, address, ""), Names("")) == "known-user"
    for address in ("198.18.3.4", "203.0.113.10"):
        assert code(Match(True, address, ""), Names("")) == "shared-proxy"
        assert code(Match(False, address, ""), Names("")) == ""  # a proxy of web visitors that guesses passwords
    assert code(Match(True, "203.0.113.11", ""), Names("")) == ""


def test_users_are_kept_over_runs_that_saw_less_until_they_are_old(host: Path) -> None:
    visitors.keep(Visitors(NOW, 100, {ADDRESS: User(5, NOW - 86_400)}))
    visitors.keep(Visitors(NOW + 60, 3))
    assert code(Match(False, ADDRESS, ""), Names("")) == "known-user"
    visitors.keep(Visitors(NOW + 36 * 86_400, 3))
    assert code(Match(False, ADDRESS, ""), Names(""), NOW + 36 * 86_400) == ""


_TABLE = st.dictionaries(
    st.sampled_from([ADDRESS, "0.0.0.0/0", "198.18.0.0/16", "x"]), st.lists(st.integers(-3, 3), max_size=3)
)
_JSON = _TABLE | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([ADDRESS, "0.0.0.0/0", "x"]), inner),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.fixed_dictionaries(dict.fromkeys(("at", "busy", "clients", "edges", "users"), _JSON)))
def test_whatever_stands_in_the_watchers_file_it_is_an_answer_or_a_reason(
    host: Path, values: dict[str, object]
) -> None:
    paths.visitors().write_text(json.dumps({**values, "at": NOW}))
    found = visitors.about(ADDRESS, NOW)
    assert isinstance(found, str) or (0 <= found.traffic.share <= 1 and 0 <= found.traffic.edges <= 1)


@pytest.mark.parametrize("edges", [{"0.0.0.0/0": 1.0}, {"::/0": 1.0}, {"198.18.0.0/15": 1.0}, {"x": 1.0}])
def test_networks_that_no_operator_holds_are_not_believed(host: Path, edges: dict[str, float]) -> None:
    visitors.keep(Visitors(NOW, 100, {}, edges))
    assert code(Match(True, ADDRESS, ""), Names("")) == "facts-missing"


def test_a_link_or_a_pipe_in_place_of_the_watchers_file_is_no_knowledge(host: Path, tmp_path: Path) -> None:
    paths.visitors().rename(tmp_path / "elsewhere")
    paths.visitors().symlink_to(tmp_path / "elsewhere")
    assert code(Match(False, ADDRESS, ""), Names("")) == "facts-missing"


@pytest.mark.parametrize("words", [[], ["web"], ["ssh", ADDRESS, ""], ["web", "$(reboot)", "x"], ["web", "", ""]])
def test_called_wrongly_it_spares(host: Path, words: list[str]) -> None:
    program = str(Path(sys.executable).with_name("fail2ban-ai"))
    done = subprocess.run([program, "spares", *words], capture_output=True, timeout=30, check=False)
    assert done.returncode != ignorecommand.MAY_BAN
    assert done.stdout


def test_paths_that_a_shell_would_take_apart_are_refused() -> None:
    for path in ("/opt/a b/fail2ban-ai", "/opt/$(x)/fail2ban-ai", "/opt/%/fail2ban-ai", "/opt/;/fail2ban-ai"):
        with pytest.raises(ValueError, match="expected letters"):
            ignorecommand.text(Path(path), Path("/"), "web")
    made = ignorecommand.text(Path("/usr/bin/fail2ban-ai"), Path("/"), "sshd")
    assert " ;" not in made
    assert ignorecommand.is_ours(made)
    for other in ("/bin/true <ip>", made + "; true", made.replace("exit 1", "exit 0"), made.replace("3 ]", "0 ]")):
        assert not ignorecommand.is_ours(other)


def test_learning_says_what_it_could_not() -> None:
    def fails() -> list[int]:
        raise OSError

    missing: list[str] = []
    assert facts_host.learn(missing, "the moon", fails) == []
    assert missing == ["the moon (OSError)"]
