"""`fail2ban-ai status`: what the watcher says of itself is checked before it is believed or shown."""

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai import heartbeat, paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.cli.status import _lines as lines_of
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.overview import Overview
from tests.setup import private_host

BEAT = {
    "at": 0.0,
    "pid": 7,
    "lines": 1000,
    "lines_per_second": 12.5,
    "lag_seconds": 0.4,
    "queue_bytes": 0,
    "degraded": False,
    "findings": 3,
    "rss_bytes": 200_000_000,
    "sources": [{"source": "/var/log/auth.log", "read": 1000, "understood": 990, "position": 5}],
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.heartbeat().parent.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with private_host.open_folder() as folder:
        yield folder


def status(*words: str) -> Result:
    return CliRunner().invoke(cli, ["status", *words], catch_exceptions=False)


def beat(**values: Any) -> None:
    paths.heartbeat().write_text(json.dumps({**BEAT, "at": time.time(), **values}))


def test_a_watcher_that_runs_is_shown_with_its_sources_rate_and_lag(host: Path) -> None:
    beat()
    told = json.loads(status("--json").stdout)
    assert told["watch"]["state"] == "running"
    assert told["sources"] == [{"source": "/var/log/auth.log", "read": 1000, "understood": 990, "problem": ""}]
    shown = status().output
    assert "12 lines/s, 0.4 s behind, 200 MB" in shown
    assert "/var/log/auth.log: 1,000 lines, 99% understood" in shown


def test_what_troubles_the_watcher_is_shown(host: Path) -> None:
    beat(
        trouble=["the disk is full"],
        sources=[{"source": "/var/log/x.log", "read": 0, "understood": 0, "problem": "it may not be read"}],
    )
    shown = status().output
    assert "the disk is full" in shown
    assert "/var/log/x.log: 0 lines; it may not be read" in shown


def test_what_runs_the_model_is_what_the_watcher_says_while_it_is_heard(host: Path) -> None:
    beat(runtime="torch on cpu, fp32")
    assert "runtime torch on cpu, fp32" in status().output
    beat(runtime="remote", trouble=["the model's server is not used, the embedded model scores: it refuses the token"])
    assert "it refuses the token" in status().output
    beat(runtime="remote", at=time.time() - 900)
    assert "runtime onnx" in status().output  # what the configuration says


def test_over_capacity_is_said(host: Path) -> None:
    beat(degraded=True)
    assert "the cheaper score judges" in status().output


@pytest.mark.parametrize(("ago", "state"), [(0, "running"), (50, "running"), (90, "silent"), (-3600, "silent")])
def test_an_old_heartbeat_is_a_watcher_that_does_not_run(host: Path, ago: float, state: str) -> None:
    beat(at=time.time() - ago)
    told = json.loads(status("--json").stdout)
    assert told["watch"]["state"] == state
    if state == "silent":
        assert "last heard of" in status().output


def test_without_a_heartbeat_watch_is_not_running(host: Path) -> None:
    assert re.search("^watch +not running", status().output, re.MULTILINE)


@pytest.mark.parametrize("beats", [False, True])
def test_a_watcher_that_has_not_been_heard_of_since_its_start_starts(host: Path, beats: bool) -> None:
    if beats:
        beat(at=time.time() - 300)  # of the one before it
    with paths.heartbeat().with_name("watch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert json.loads(status("--json").stdout)["watch"]["state"] == "starting"
        assert re.search("^watch +.*starts", status().output, re.MULTILINE)


def test_severities_are_told_worst_first(host: Path) -> None:
    found = Overview(campaigns={"low": 2, "critical": 1, "medium": 1000})
    assert dict(lines_of(found))["campaigns"] == "1 critical, 1,000 medium, 2 low"


@pytest.mark.parametrize(
    "values",
    [
        {"pid": "7"},
        {"lines": -1},
        {"lines_per_second": float("nan")},
        {"lag_seconds": float("inf")},
        {"at": 1e300},
        {"degraded": "no"},
        {"sources": [{"source": 7, "read": 1}]},
        {"sources": [{"source": "x" * 5000, "read": 1}]},
        {"lines": 1 << 70},
        {"runtime": "x" * 300},
    ],
)
def test_a_heartbeat_that_is_wrong_in_one_place_is_none(host: Path, values: dict[str, Any]) -> None:
    beat(**values)
    assert json.loads(status("--json").stdout)["watch"]["state"] == "absent"
    assert "is no heartbeat" in status().output


def test_keys_of_a_later_version_are_passed_over(host: Path) -> None:
    beat(weather="fair")
    assert isinstance(heartbeat.read(), heartbeat.Heartbeat)


def test_links_pipes_and_floods_in_its_place_are_not_followed(host: Path) -> None:
    secret = host / "secret"
    secret.write_text(json.dumps({**BEAT, "at": time.time()}))
    paths.heartbeat().symlink_to(secret)
    assert isinstance(heartbeat.read(), str)
    paths.heartbeat().unlink()
    os.mkfifo(paths.heartbeat())
    assert isinstance(heartbeat.read(), str)
    paths.heartbeat().unlink()
    paths.heartbeat().write_bytes(b" " * (2 << 20))
    assert isinstance(heartbeat.read(), str)


def test_control_characters_in_it_do_not_reach_the_terminal(host: Path) -> None:
    beat(sources=[{"source": "\x1b]0;owned\x07\u202e.log", "read": 1, "understood": 1}])
    shown = status().output
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@given(st.binary(max_size=300))
def test_any_bytes_are_a_heartbeat_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "heartbeat.json"
    path.write_bytes(content)
    assert isinstance(heartbeat.read(path), str | heartbeat.Heartbeat)


def test_an_enforcer_that_runs_is_seen_by_its_lock(host: Path) -> None:
    assert json.loads(status("--json").stdout)["enforce"] == "absent"
    lock = paths.outcomes().with_name("enforce.lock")
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert json.loads(status("--json").stdout)["enforce"] == "running"
    assert json.loads(status("--json").stdout)["enforce"] == "absent"


SAMPLE = re.compile(r'[a-z0-9_]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)*\})? -?[0-9.e+]+')


def test_figures_for_prometheus_are_in_its_format_and_written_at_once(host: Path) -> None:
    beat(sources=[{"source": 'a"b\\c\nd', "read": 5, "understood": 4}])
    target = host / "fail2ban-ai.prom"
    assert status("--prometheus", str(target)).exit_code == 0
    lines = target.read_text().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples)
    assert 'f2b_ai_up{part="watch"} 1' in samples
    assert 'f2b_ai_lines_total{source="a\\"b\\\\c\\nd"} 5' in samples
    assert "f2b_ai_lag_seconds 0.4" in samples
    named = {line.split("{")[0].split()[0] for line in samples}
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == named
    assert [path.name for path in host.iterdir() if "prom" in path.name] == ["fail2ban-ai.prom"]


def test_a_watcher_that_is_gone_leaves_no_stale_figures(host: Path) -> None:
    target = host / "fail2ban-ai.prom"
    beat(at=time.time() - 900)
    status("--prometheus", str(target))
    assert 'f2b_ai_up{part="watch"} 0' in target.read_text()
    assert "lag_seconds" not in target.read_text()


def test_a_folder_that_is_not_there_is_a_sentence(host: Path) -> None:
    done = status("--prometheus", str(host / "none/x.prom"))
    assert done.exit_code == 1
    assert "cannot be written" in done.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_root_touches_the_watchers_files_as_the_watcher(open_folder: Path) -> None:
    folder = open_folder / "state"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    code = (
        "import sys; from pathlib import Path; from fail2ban_ai.lowered import owner_of; folder = Path(sys.argv[1])\n"
        "with owner_of(folder):\n    (folder / 'made').touch()\n    (folder / 'link').symlink_to('/etc/shadow')\n"
        "    try:\n        (folder / 'link').read_text(); print('read')\n    except PermissionError: print('refused')\n"
        "(folder / 'again').touch()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert (folder / "made").stat().st_uid == 65534
    assert (folder / "again").stat().st_uid == 0
    with owner_of(open_folder / "none"):
        assert os.geteuid() == 0
