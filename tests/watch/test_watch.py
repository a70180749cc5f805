"""The watcher as a process: killed, doubled, without disk, under rotation; the decisions log is what counts."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fail2ban_ai import config, decisions, heartbeat, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.state import State
from fail2ban_ai.watch import worker
from fail2ban_ai.watch.store import Store

KILLS = int(os.environ.get("WATCH_KILLS", "3"))  # make faults: 50
PROBES = ("/.env", "/wp-login.php", "/phpmyadmin/index.php", "/.git/config", "/shell.php?cmd=id", "/cgi-bin/test.cgi")
PATIENCE = 60.0


def until(holds, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"{seconds} s passed and it is not so that {what}"
        time.sleep(0.05)
    return found


class Log:
    """An access log whose lines are numbered, so that each can be told apart."""

    def __init__(self, path):
        self.path, self.count, self.ahead = path, 0, 0.0
        self._pen = path.open("a", buffering=1)

    def write(self, address, path, status, agent="Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Firefox/115.0"):
        self.count += 1
        now = datetime.fromtimestamp(time.time() + self.ahead, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        self._pen.write(f'{address} - - [{now}] "GET {path} HTTP/1.1" {status} {self.count} "-" "{agent}"\n')

    def visit(self, times=1):
        for _ in range(times):
            self.write(f"198.18.0.{self.count % 50 + 1}", f"/page{self.count % 7}.html", 200)

    def attack(self, address, times=4):
        for i in range(times):
            self.write(address, PROBES[i % len(PROBES)], 404, "python-requests/2.28")

    def reopen(self):
        self._pen.close()
        self._pen = self.path.open("a", buffering=1)

    def close(self):
        self._pen.close()


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    (tmp_path / "logs").mkdir()
    paths.config().parent.mkdir(parents=True)
    settings = {"sources": [str(tmp_path / "logs/access.log")], "auto_ban": "low"}
    paths.config().write_text(json.dumps(settings))
    return tmp_path


@pytest.fixture
def log(root):
    made = Log(root / "logs/access.log")
    yield made
    made.close()


@pytest.fixture
def start(root):
    """Start a watcher; what is left of them is killed at the end."""
    started = []

    def begin(*before):
        with (root / "told.txt").open("a") as told:
            command = [*before, str(Path(sys.executable).with_name("fail2ban-ai")), "watch"]
            process = subprocess.Popen(command, stderr=told, stdin=subprocess.DEVNULL)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def told(root):
    return (root / "told.txt").read_text()


def asked():
    return decisions_log.read_all(paths.decisions(), decisions.from_line) if paths.decisions().exists() else []


def targets():
    return {one.target for one in asked()}


def read_lines():
    """The numbers of the lines whose events were worked off, in order."""
    store = Store(State())
    try:
        return [size for frame in store.history() for size in frame["bytes"]]
    finally:
        store.close()


def beat():
    found = heartbeat.read()
    return None if isinstance(found, str) else found


def test_a_line_becomes_a_decision_within_seconds_and_a_finding(root, log, start):
    log.visit(30)
    process = start()
    until(lambda: "caught up" in told(root), "it has caught up")
    before = time.monotonic()
    log.attack("203.0.113.7")
    until(lambda: "203.0.113.7" in targets(), "the attacker is asked for")
    assert time.monotonic() - before < 20  # machines that test are busy; benchmarks/latency.py measures
    until(lambda: beat() and beat().sources[0].read == log.count, "the heartbeat tells of every line")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert "203.0.113.7" in {actor.address for campaign in State().campaigns() for actor in campaign.actors}
    assert read_lines() == list(range(1, log.count + 1))
    assert f"ban 203.0.113.7 [{asked()[0].campaign}]" in told(root)


def test_a_second_watcher_ends_with_a_sentence(root, log, start):
    log.visit(1)
    start()
    until(lambda: "caught up" in told(root), "the first one runs")
    assert start().wait(PATIENCE) == 1
    assert "another `fail2ban-ai watch` runs" in told(root)


def test_old_attacks_are_history_that_bans_nobody(root, start):
    then = datetime.fromtimestamp(time.time() - 3 * 86400, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    lines = [f'203.0.113.8 - - [{then}] "GET {path} HTTP/1.1" 404 1 "-" "python-requests/2.28"\n' for path in PROBES]
    (root / "logs/access.log").write_text("".join(lines))
    process = start()
    until(lambda: "caught up" in told(root), "it has caught up")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert "203.0.113.8" in {actor.address for campaign in State().campaigns() for actor in campaign.actors}
    assert targets() == set()


ROTATIONS = {
    "renamed": 'mv "$0" "$0.1"',
    "copied and truncated": 'cp "$0" "$0.1"; truncate -s 0 "$0"',
    "compressed at once": 'mv "$0" "$0.1"; gzip "$0.1"',
}


def shift(log):
    """Make room for a newer part, as logrotate does."""
    for number in range(KILLS, 0, -1):
        for end in ("", ".gz"):
            old = log.with_name(f"{log.name}.{number}{end}")
            if old.exists():
                old.rename(log.with_name(f"{log.name}.{number + 1}{end}"))


def test_killed_at_random_moments_under_load_and_rotation_it_loses_and_doubles_nothing(root, log, start):
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    wanted, stop = [], threading.Event()
    lock = threading.Lock()

    def load():
        while not stop.is_set():
            with lock:
                log.visit(5)
            time.sleep(0.02)

    writer = threading.Thread(target=load)
    writer.start()
    try:
        for number in range(KILLS):
            process = start()
            if number == 0:
                until(lambda: "caught up" in told(root), "the first one has caught up")
            time.sleep(chance.uniform(0.0, 1.5))
            wanted.append(f"203.0.113.{number + 1}")
            with lock:
                log.attack(wanted[-1])
            time.sleep(chance.uniform(0.0, 2.5))
            process.kill()
            process.wait()
            with lock:  # a log is rotated between two lines
                name = list(ROTATIONS)[number % 3]
                shift(log.path)
                subprocess.run(["sh", "-c", ROTATIONS[name], str(log.path)], check=True)
                log.reopen()
    finally:
        stop.set()
        writer.join()
    process = start()
    until(lambda: beat() and beat().pid == process.pid and set(wanted) <= targets(), "every attacker is asked for")
    until(lambda: len(read_lines()) >= log.count, "the last lines are read")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert read_lines() == list(range(1, log.count + 1))
    assert set(wanted) <= targets()
    often = Counter(one.target for one in asked())
    assert max(often[target] for target in wanted) <= 2  # said again after a kill at worst, which the enforcer knows


class Clock:
    """The clock on the wall, as far as it was set."""

    def __init__(self, log):
        self._log = log
        self.monotonic = time.monotonic

    def time(self):
        return time.time() + self._log.ahead


def test_a_clock_that_is_set_back_or_forward_stops_nothing(root, log, monkeypatch, capfd):
    monkeypatch.setattr(worker, "time", Clock(log))
    watch = worker.Watch(config.load())
    watch._lanes.clock = worker.time.time
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        for number, ahead in enumerate((0.0, -7200.0, 86400.0)):
            log.ahead = ahead
            log.visit(10)
            log.attack(f"203.0.113.{number + 1}")
            until(lambda last=f"203.0.113.{number + 1}": last in targets(), f"decided {ahead} s ahead", 30.0)
            last = asked()[-1]
            assert abs(last.at - worker.time.time()) < 60
            assert abs(last.evidence_at - worker.time.time()) < 60
    finally:
        stop.set()
        thread.join()
    assert "the clock was set back" in capfd.readouterr().err
    assert read_lines() == list(range(1, log.count + 1))


def test_without_room_on_disk_it_goes_on_and_says_so_and_recovers(root, log, start):
    """The state folder is a file system of its own, of 1 MB, in a mount namespace of the watcher's."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    state = root / "var/lib/fail2ban-ai"
    state.mkdir(parents=True)
    script = f'mount -t tmpfs -o size=1m tmpfs "{state}" && head -c 900k /dev/zero > "{state}/filler"; exec "$@"'
    process = start("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    inside = Path(f"/proc/{process.pid}/root{state}")
    until(lambda: "caught up" in told(root), "it has caught up")
    until(lambda: (log.visit(400), "cannot be written" in told(root))[1], "the disk is full and it says so")
    log.attack("203.0.113.9")
    until(lambda: "ban 203.0.113.9" in told(root), "it decides all the same")
    (inside / "filler").unlink()
    until(lambda: "203.0.113.9" in (inside / "decisions.jsonl").read_text(), "the decision is written after all")
    until(lambda: "over: the state folder cannot be written" in told(root), "it says that this is over")
    assert process.poll() is None
