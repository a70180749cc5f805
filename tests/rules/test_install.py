"""Rules on a real fail2ban server with real nftables: in, banning, out again, and never a half of either."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.errors import ConfigError, Fail2banError, RuleError
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.rules import checks, decide, install, states, store, suggestion
from fail2ban_ai.setup import host

from . import a_rule
from .conftest import OTHERS, Bench

pytestmark = pytest.mark.bench

FILES = set(install.files_of(a_rule.NAME))
OVERRIDE = "jail.d/ai-shells.local"


def approve(bench: Bench, name: str = a_rule.NAME, **how: object) -> states.Entry:
    digest = decide.look(name).digest
    with store.locked():
        return decide.approve(bench.site, name, digest, a_rule.proved, **how)  # type: ignore[arg-type]


def state(name: str = a_rule.NAME) -> str:
    return states.newest(states.history())[name].state


def test_approved_it_bans_in_the_firewall_and_every_other_jail_still_does(bench: Bench) -> None:
    before = bench.files()
    a_rule.write(bench.log)
    approve(bench, why="looks right")
    assert bench.files().keys() - before.keys() == FILES
    bench.attack("203.0.113.5")
    bench.fail_at_ssh("203.0.113.6")
    assert bench.banned(a_rule.NAME, "203.0.113.5")
    assert bench.blocked(a_rule.NAME, "203.0.113.5")
    assert bench.banned("sshd", "203.0.113.6")
    bench.client.attempt("fail2ban-ai", "203.0.113.7", ["a line"])
    assert bench.blocked("fail2ban-ai", "203.0.113.7")
    with store.locked():
        decide.retire(bench.site, a_rule.NAME, "over")
    assert bench.files() == before
    assert set(bench.client.jails()) == OTHERS
    assert not bench.blocked(a_rule.NAME, "203.0.113.5", 0.2), "its bans are lifted"
    assert bench.client.banned("sshd") == ["203.0.113.6"]
    entries = [(entry.state, entry.why) for entry in states.history()]
    assert entries == [("approved", "looks right"), ("live", "looks right"), ("retired", "over")]


def test_a_shadow_only_records_and_its_bans_do_not_become_real(bench: Bench) -> None:
    a_rule.write(bench.log)
    approve(bench, shadow=True)
    bench.attack("203.0.113.15")
    assert bench.banned(a_rule.NAME, "203.0.113.15")
    assert not bench.blocked(a_rule.NAME, "203.0.113.15", 0.5)
    (line,) = paths.shadow().read_text().splitlines()
    assert line.split()[1:] == [a_rule.NAME, "203.0.113.15", "2"]
    approve(bench)
    assert state() == states.LIVE
    assert "203.0.113.15" not in bench.client.banned(a_rule.NAME)
    bench.attack("203.0.113.16")
    assert bench.blocked(a_rule.NAME, "203.0.113.16", 8.0)
    with store.locked():
        assert decide.rollback(bench.site, None, a_rule.proved, "").state == states.SHADOW
    assert not bench.blocked(a_rule.NAME, "203.0.113.16", 0.5)
    assert len(paths.shadow().read_text().splitlines()) == 1, "bans repeated from the database are not written again"
    with store.locked():
        assert decide.rollback(bench.site, None, a_rule.proved, "").state == states.PENDING, "one step further"
    assert set(bench.client.jails()) == OTHERS
    with pytest.raises(RuleError, match="nothing was decided"):
        decide.rollback(bench.site, None, a_rule.proved, "")


def test_what_fails_after_writing_is_undone_and_the_others_go_on(bench: Bench) -> None:
    (bench.config / OVERRIDE).write_text("[ai-shells]\nlogencoding = no-such-encoding\n")
    before = bench.files()
    a_rule.write(bench.log)
    with pytest.raises(Fail2banError, match="ai-shells was not installed"):
        approve(bench)
    assert bench.files() == before
    assert set(bench.client.jails()) == OTHERS
    assert state() == states.APPROVED
    assert install.recover(bench.site) is None, "nothing is left to take back"
    bench.fail_at_ssh("203.0.113.26")
    assert bench.banned("sshd", "203.0.113.26")


@pytest.mark.parametrize("shadow", [False, True])
def test_a_newer_form_that_fails_leaves_the_older_one_running(
    bench: Bench, shadow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_rule.write(bench.log)
    old = approve(bench)
    files = bench.files()
    a_rule.write(bench.log, maxretry=3)

    def fails(*words: object, **named: object) -> None:
        assert bench.client.get(a_rule.NAME, "maxretry") == "3", "it fails with the newer form running"
        raise Fail2banError("something else than was written.")

    monkeypatch.setattr(checks, "runs", fails)
    with pytest.raises(Fail2banError, match="everything is as it was"):
        approve(bench, shadow=shadow)
    assert bench.files() == files
    assert (state(), suggestion.digest(store.judged(a_rule.NAME))) == (states.LIVE, old.digest)
    assert bench.client.get(a_rule.NAME, "maxretry") == "2"
    bench.attack("203.0.113.70")
    assert bench.blocked(a_rule.NAME, "203.0.113.70", 8.0)


def test_a_running_rule_that_cannot_be_started_again_is_named(bench: Bench) -> None:
    a_rule.write(bench.log)
    approve(bench)
    files = bench.files()
    a_rule.write(bench.log, maxretry=3)
    (bench.config / OVERRIDE).write_text("[ai-shells]\nlogencoding = no-such-encoding\n")
    with pytest.raises(Fail2banError, match="could not be started again: ai-shells"):
        approve(bench)
    (bench.config / OVERRIDE).unlink()
    assert bench.files() == files


def test_a_rollback_brings_the_earlier_form_back(bench: Bench) -> None:
    a_rule.write(bench.log)
    first = approve(bench)
    bench.attack("203.0.113.60")
    assert bench.blocked(a_rule.NAME, "203.0.113.60", 8.0)
    a_rule.write(bench.log, maxretry=3)
    second = approve(bench)
    assert bench.blocked(a_rule.NAME, "203.0.113.60"), "bans outlive another form of the rule"
    assert second.digest != first.digest
    assert bench.client.get(a_rule.NAME, "maxretry") == "3"
    with store.locked():
        back = decide.rollback(bench.site, a_rule.NAME, a_rule.proved, "worse")
    assert (back.state, back.digest) == (states.LIVE, first.digest)
    assert bench.client.get(a_rule.NAME, "maxretry") == "2"
    assert bench.blocked(a_rule.NAME, "203.0.113.60")


def test_a_filter_that_fail2ban_refuses_never_lands(bench: Bench) -> None:
    before = bench.files()
    a_rule.write(bench.log, regex=r"^<ADDR> \S+ (unclosed$")
    with pytest.raises(Fail2banError):
        approve(bench)
    assert bench.files() == before


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_not_ours_is_never_written(bench: Bench, name: str) -> None:
    (bench.config / name).write_text("# an admin's\n")
    a_rule.write(bench.log)
    with pytest.raises(ConfigError, match="not as we installed it"):
        approve(bench)
    assert (bench.config / name).read_text() == "# an admin's\n"


def test_a_file_changed_by_hand_is_not_deleted(bench: Bench) -> None:
    a_rule.write(bench.log)
    approve(bench)
    path = bench.config / "filter.d" / f"{a_rule.NAME}.conf"
    path.write_text(path.read_text() + "# mine\n")
    with pytest.raises(ConfigError, match="changed by hand"):
        decide.retire(bench.site, a_rule.NAME, "")
    assert a_rule.NAME in bench.client.jails()
    assert path.exists()


@pytest.mark.parametrize(
    ("logpath", "said"),
    [("/etc/shadow", "read by no running jail"), ("GONE", "is not there"), ("/var/log/*.log", "without patterns")],
)
def test_a_log_that_is_not_the_hosts_own_is_refused(bench: Bench, logpath: str, said: str) -> None:
    gone = bench.log.with_name("gone.log")
    site = install.Site(bench.config, bench.client, (str(bench.log), str(gone)))
    a_rule.write(bench.log, logpaths=(str(gone) if logpath == "GONE" else logpath,))
    with pytest.raises(RuleError, match=said):
        decide.approve(site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)


def test_shadow_waits_where_recidive_would_make_it_real(bench: Bench) -> None:
    fail2ban_log = bench.server.folder / "fail2ban.log"
    jail = f"[recidive]\nenabled = true\nbackend = polling\nlogpath = {fail2ban_log}\n"
    (bench.config / "jail.d" / "ai-test-recidive.local").write_text(jail)
    a_rule.write(bench.log)
    with pytest.raises(RuleError, match="counts every ban"):
        approve(bench, shadow=True)
    (bench.config / "jail.d" / "ai-test-recidive.local").write_text(f"{jail}ignoreregex = \\[ai-[a-z0-9-]+\\]\n")
    assert approve(bench, shadow=True).state == states.SHADOW


def test_an_attack_of_the_last_hours_is_banned_at_once(bench: Bench) -> None:
    bench.attack("203.0.113.100")
    a_rule.write(bench.log)
    approve(bench)
    assert bench.blocked(a_rule.NAME, "203.0.113.100", 8.0)


def test_what_fail2ban_ignores_by_default_a_rule_ignores(bench: Bench) -> None:
    (bench.config / "jail.d" / "ai-test-default.local").write_text("[DEFAULT]\nignoreip = 198.51.100.7\n")
    a_rule.write(bench.log)
    approve(bench)
    assert "198.51.100.7" in bench.client.get(a_rule.NAME, "ignoreip")


def killed(bench: Bench, act: str, point: int) -> bool:
    """Have a child approve or retire and end as kill -9 ends it at the POINTth thing that it does to disk or server."""
    child = os.fork()
    if child == 0:
        try:
            _deadly(point)
            if act == "approve":
                decide.approve(bench.site, a_rule.NAME, decide.look(a_rule.NAME).digest, a_rule.proved)
            else:
                decide.retire(bench.site, a_rule.NAME, "over")
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _deadly(point: int) -> None:
    left = point
    run = Client.run

    def deadly(do: Callable[..., object]) -> Callable[..., object]:
        def done(*words: object, **named: object) -> object:
            nonlocal left
            if do is not run or words[1] in ("reload", "restart", "stop"):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return do(*words, **named)

        return done

    paths.replace = deadly(paths.replace)  # type: ignore[assignment]
    decisions_log.append = deadly(decisions_log.append)  # type: ignore[assignment]
    Client.run = deadly(run)  # type: ignore[method-assign,assignment]
    Path.unlink = deadly(Path.unlink)  # type: ignore[method-assign,assignment]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child uses none of the threads left behind
@pytest.mark.parametrize("act", ["approve", "retire"])
def test_killed_at_any_point_there_is_nothing_or_a_whole_rule(bench: Bench, act: str) -> None:
    a_rule.write(bench.log)
    before = bench.files()
    if act == "retire":
        approve(bench)
    start = bench.files()
    for point in range(20):
        ended = killed(bench, act, point)
        install.recover(bench.site)
        runs = a_rule.NAME in bench.client.jails()
        found = {name for name in bench.files() if name not in before}
        assert found == (FILES if runs else set())
        decided = states.newest(states.history())
        assert runs == (a_rule.NAME in decided and decided[a_rule.NAME].state == states.LIVE)
        assert install.installed() == ([a_rule.NAME] if runs else [])
        assert install.recover(bench.site) is None
        if not ended:
            break
        if bench.files() != start:  # it was finished: begin again
            if act == "approve":
                decide.retire(bench.site, a_rule.NAME, "")
            else:
                approve(bench)
    assert not ended, "every point was tried"
    assert point > 5
    assert runs == (act == "approve")


def test_where_all_is_taken_away_the_rules_go_first(bench: Bench) -> None:
    a_rule.write(bench.log)
    approve(bench)
    host._retire_rules(bench.site)
    assert set(bench.client.jails()) == OTHERS
    assert not FILES & bench.files().keys()
    assert state() == states.RETIRED
