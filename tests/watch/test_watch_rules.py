"""What is left out over capacity, when a verdict is asked for, what a journal gives, which logs are watched."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from fail2ban_ai import decisions, events, heartbeat, paths
from fail2ban_ai.actors import tokens as tokens_module
from fail2ban_ai.config import Settings
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.errors import SourceError
from fail2ban_ai.fail2ban import logs
from fail2ban_ai.fail2ban.logs import JailSource
from fail2ban_ai.findings import Campaign, Evidence, Member, Verdict
from fail2ban_ai.pipeline import Asked
from fail2ban_ai.protection import Protection
from fail2ban_ai.watch import sources, thrift
from fail2ban_ai.watch.asking import Asking, asked_before
from fail2ban_ai.watch.journal import JournalTail
from fail2ban_ai.watch.pulse import Pulse


def tokens_of(*actors):
    made = tokens_module.none()
    made.actor = list(actors)
    for name in ("request", "second", "referer", "path"):
        setattr(made, name, [f"{name} {i}" for i in range(len(actors))])
    for name in ("time", "numeric", "row", "count", "touched", "population", "agents", "forgetful", "total"):
        column = getattr(made, name)
        setattr(made, name, np.zeros((len(actors), *column.shape[1:]), column.dtype))
    made.row = np.arange(len(actors))
    return made


def test_over_capacity_the_first_event_of_everybody_goes_before_the_second_of_anybody():
    made = tokens_of("a", "a", "a", "judged", "b", "c", "c")
    chosen = thrift.chosen(made, 4, lambda actor: actor == "judged")
    assert chosen.actor == ["a", "a", "b", "c"]
    assert chosen.row.tolist() == [0, 1, 4, 5]
    assert chosen.request == ["request 0", "request 1", "request 4", "request 5"]


def test_thrift_begins_late_and_ends_later():
    steps = []
    level = 0
    for lag in (0.1, 1.0, 2.0, 1.0, 5.0, 2.0, 1.0, 0.2, 1.0):
        level = thrift.level(level, lag)
        steps.append(level)
    assert steps == [0, 0, 1, 1, 2, 2, 2, 0, 0]


def test_least_of_all_leaves_failures_and_log_ins():
    rows = (
        [("192.0.2.1", "request", 200)] * 5
        + [("192.0.2.1", "request", 404)] * 5
        + [("192.0.2.2", "login_failed", None)]
    )
    frame = pl.DataFrame(rows, schema=["address", "kind", "status"], orient="row")
    full = events.empty().select(pl.exclude("address", "kind", "status"))
    kept = thrift.thinned(pl.concat([frame, full], how="diagonal"))
    assert kept["status"].to_list() == [200, 200, 404, 404, 404, 404, 404, None]


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.decisions().parent.mkdir(parents=True)


def verdict_on(target, severity, at):
    campaign = Campaign("c-1", "scan", at - 9, at, at, severity=severity)
    campaign.members[target] = Member(target, 3, at - 9, at, 0.97)
    campaign.evidence = [Evidence("a.log", 1, "a line", at)]
    return campaign, Verdict("v-1", at, target, "ban", "c-1", "why")


def asks(*, least, severity, at, target="192.0.2.7"):
    protection = Protection(2)
    campaign, verdict = verdict_on(target, severity, at)
    protection.passed[target, "c-1"] = Asked(target, campaign, at, {}, 1, 0.1, 10)
    return Asking(protection, least), campaign, verdict


def test_a_verdict_waits_until_its_campaign_is_severe_enough(state):
    now = time.time()
    asking, campaign, verdict = asks(least="high", severity="medium", at=now)
    asking.take([verdict], now)
    assert asking.flush(now) == 0
    campaign.severity = "high"
    assert asking.flush(now) == 1
    assert asking.flush(now) == 0
    assert [d.target for d in decisions_log.read_all(paths.decisions(), decisions.from_line)] == ["192.0.2.7"]
    assert asked_before(now) == {"192.0.2.7": pytest.approx(now)}


@pytest.mark.parametrize(("least", "age", "known"), [("never", 0, None), ("low", 90_000, None), ("low", 100, 200)])
def test_nothing_is_asked_for_unasked_late_or_twice(state, least, age, known):
    now = time.time()
    asking, _, verdict = asks(least=least, severity="critical", at=now - age)
    asking.take([verdict], now, None if known is None else {"192.0.2.7": now - known})
    assert asking.flush(now) == 0


@pytest.mark.parametrize(("age", "asked"), [(5 * 3600, 1), (7 * 3600, 0)])
def test_a_network_is_asked_for_while_its_six_hours_run(state, age, asked):
    now = time.time()
    asking, _, verdict = asks(least="low", severity="critical", at=now - age, target="192.0.2.0/24")
    asking.take([verdict], now)
    assert asking.flush(now) == asked


def test_a_decision_waits_for_room_on_disk(state, monkeypatch):
    now = time.time()
    asking, _, verdict = asks(least="low", severity="high", at=now)
    asking.take([verdict], now)
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="space"):
            asking.flush(now)
    assert asking.flush(now) == 1


JOURNALCTL = """#!{python}
import json, sys, time
after = next((word.partition("=")[2] for word in sys.argv if word.startswith("--after-cursor=")), "c0")
# The real one (systemd 252) with --follow shows this boot only, unless --merge is there, and then other hosts' as well.
if "--merge" not in sys.argv or not any(word.startswith("_MACHINE_ID=") for word in sys.argv):
    after = "c3" if after < "c3" else after
for number in range(int(after[1:]) + 1, 6):
    print(json.dumps({{"__CURSOR": f"c{{number}}", "__REALTIME_TIMESTAMP": str(1_700_000_000_000_000 + number),
                      "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": f"entry {{number}}"}}), flush=True)
time.sleep(60)
"""


def test_a_journal_goes_on_behind_its_cursor(tmp_path, monkeypatch):
    program = tmp_path / "journalctl"
    program.write_text(JOURNALCTL.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    since = datetime.now(UTC) - timedelta(days=1)

    def entries(position, count):
        tail, found, end = JournalTail("journal:ssh.service", position, since), [], time.monotonic() + 20
        while len(found) < count and time.monotonic() < end:
            piece = tail.read()
            if piece is None:
                time.sleep(0.02)
                continue
            position = piece.after
            found += [line.rpartition(": ")[2] for line in piece.data.decode().split("\n")]
        tail.close()
        return found, position

    first, position = entries(None, 5)
    assert first == [f"entry {n}" for n in range(1, 6)]
    assert (position.cursor, position.line) == ("c5", 5)
    again, _ = entries(type(position)(cursor="c3", line=3, at=position.at), 2)
    assert again == ["entry 4", "entry 5"]


def test_the_logs_of_fail2ban_are_watched_but_not_their_older_parts(monkeypatch):
    jails = [
        JailSource("nginx-botsearch", "web", paths=("/l/access.log", "/l/access.log.1", "/l/access.log.2.gz")),
        JailSource("own", None, paths=("/l/own.log", "/l/access.log")),
        JailSource("sshd", "sshd", journalmatch=("_SYSTEMD_UNIT=ssh.service + _COMM=sshd",)),
    ]
    monkeypatch.setattr(logs, "discover", lambda: jails)
    wanted = {"/l/access.log": None, "/l/own.log": "own", "journal:ssh.service": None, "/l/also.log": None}
    assert sources.find(Settings(also=["/l/also.log"])) == wanted
    assert sources.find(Settings(sources=["/l/x.log"])) == {"/l/x.log": None}
    monkeypatch.setattr(logs, "discover", list)
    with pytest.raises(SourceError):
        sources.find(Settings())


def test_a_jail_of_an_unknown_name_does_not_hide_a_log_that_we_understand(monkeypatch, tmp_path):
    access, other, fresh = (tmp_path / name for name in ("access.log", "own.log", "fresh.log"))
    line = '192.0.2.7 - - [05/Jan/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 9 "-" "curl/8"\n'
    access.write_text("")
    access.with_name("access.log.1").write_text(line * 5)  # rotated a moment ago
    other.write_text("2026-01-05 10:00:00 widget refused 192.0.2.7\n" * 5)
    fresh.write_text("")
    jails = [JailSource("ai-web-env", None, paths=(str(access),))]  # a reviewed rule's
    jails += [JailSource("own", None, paths=(str(other), str(fresh), str(tmp_path / "gone.log")))]
    monkeypatch.setattr(logs, "discover", lambda: jails)
    wanted = {"access.log": None, "own.log": "own", "fresh.log": "own", "gone.log": "own"}
    assert sources.find(Settings()) == {str(tmp_path / name): jail for name, jail in wanted.items()}


def test_a_pipe_in_the_place_of_a_log_holds_nobody_up(monkeypatch, tmp_path):
    pipe = tmp_path / "own.log"
    os.mkfifo(pipe)
    monkeypatch.setattr(logs, "discover", lambda: [JailSource("own", None, paths=(str(pipe),))])
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(sources.find, Settings())
        done, _ = wait([asked], timeout=10)
        with suppress(OSError):
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # lets go whoever waits for a writer
        assert done
    assert asked.result() == {str(pipe): "own"}


def test_the_heartbeat_of_a_watcher_is_what_status_reads(state):

    Pulse(lines=7).beat([], 0, {})
    found = heartbeat.read()
    assert not isinstance(found, str), found
    assert (found.lines, found.pid) == (7, os.getpid())
    assert json.loads(paths.heartbeat().read_text())["lost"] == 0
