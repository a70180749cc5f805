"""Events of several sources come in order of time, each once, wherever a watcher was killed in between."""

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fail2ban_ai.state import State
from fail2ban_ai.watch import lanes as lanes_module
from fail2ban_ai.watch import tail
from fail2ban_ai.watch.lanes import Lanes
from fail2ban_ai.watch.reader import Reader
from fail2ban_ai.watch.store import Store
from fail2ban_ai.watch.tail import FileTail

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def line(at, address):
    stamp = (START + timedelta(seconds=at)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{address} - - [{stamp}] "GET /{at} HTTP/1.1" 200 5 "-" "curl/7.88"\n'


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    monkeypatch.setattr(tail, "READ", 400)
    monkeypatch.setattr(lanes_module, "HELD", 7)
    monkeypatch.setattr(lanes_module, "PARSED", 5)


@contextmanager
def store_in(root, monkeypatch):
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(root))
    store = Store(State())
    try:
        yield store
    finally:
        store.close()


def read(root, logs, steps, monkeypatch):
    """Read all logs; `steps`: batches worked off by each watcher before it is killed, its last batch unwritten."""
    for count in [*steps, None]:
        with store_in(root, monkeypatch) as store:
            marks = store.marks()
            reader = Reader()
            lanes = Lanes(reader, clock=(START + timedelta(days=1)).timestamp)
            for log in logs:
                mark = marks.get(str(log))
                lanes.add(str(log), None, UTC_ZONE, mark)
                reader.add([FileTail(str(log), mark.position if mark else None, START - timedelta(days=1))])
            done = 0
            while count is None or done < count:
                reader._turn()  # what its thread does
                batch = lanes.batch(10)
                done += 1
                if count is not None and done == count:
                    break  # killed before this was written
                store.commit([batch.frame], batch.marks)
                if batch.current and not batch.lines:
                    break
            reader.stop()
    with store_in(root, monkeypatch) as store:
        frames = list(store.history())
    return pl.concat(frames).select("time", "source", "line", "text").rows() if frames else []


gaps = st.lists(st.integers(-3, 6), min_size=1, max_size=40)


@settings(max_examples=12, deadline=None)
@example([[1] * 40, [3] * 30, [2] * 35], [2, 3, 2, 5, 3])
@given(st.lists(gaps, min_size=1, max_size=3), st.lists(st.integers(1, 9), max_size=5))
def test_a_killed_watcher_goes_on_with_the_next_event(sources, steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        logs = []
        for number, steps_of_time in enumerate(sources):
            log = Path(folder) / f"{number}.access.log"
            at = 10
            with log.open("w") as out:
                for gap in steps_of_time:
                    at += gap
                    out.write(line(max(0, at), f"192.0.2.{number + 1}"))
            logs.append(log)
        whole = read(Path(folder) / "whole", logs, [], patch)
        assert len(whole) == sum(map(len, sources))
        times = [time for time, *_ in whole]
        assert times == sorted(times)
        for log in logs:
            mine = [number for _, source, number, _ in whole if source == str(log)]
            assert mine == list(range(1, len(mine) + 1))
        assert read(Path(folder) / "killed", logs, steps, patch) == whole


def test_an_event_dated_after_now_is_taken_for_one_of_now(tmp_path, monkeypatch):
    log = tmp_path / "access.log"
    log.write_text(line(10**6, "192.0.2.1") + line(20, "192.0.2.2"))
    now = (START + timedelta(days=1)).replace(tzinfo=UTC)
    assert [time for time, *_ in read(tmp_path, [log], [], monkeypatch)] == [now, now]


def test_the_history_is_bounded_by_age_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr("fail2ban_ai.watch.store.FILE_ROWS", 10)
    log = tmp_path / "access.log"
    log.write_text("".join(line(i, "192.0.2.1") for i in range(100)))
    read(tmp_path, [log], [], monkeypatch)
    folder = tmp_path / "var/lib/fail2ban-ai/history"
    with store_in(tmp_path, monkeypatch) as store:
        files = sorted(folder.iterdir())
        assert len(files) > 5
        store.bound(0, sum(file.stat().st_size for file in files[-2:]))
        assert sorted(folder.iterdir()) == files[-2:]
        store.bound((START + timedelta(days=2)).timestamp(), 1 << 30)
        assert list(folder.iterdir()) == []
        (folder / "0000000000000099.parquet").write_bytes(b"left by a crash")
    with store_in(tmp_path, monkeypatch):
        assert list(folder.iterdir()) == []
