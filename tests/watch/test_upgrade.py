"""What an older version kept is taken over by this one; what a later one kept is not touched."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from fail2ban_ai import events, paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.state import VERSION, State, path
from fail2ban_ai.watch import store as store_module
from fail2ban_ai.watch.lanes import Mark
from fail2ban_ai.watch.position import Position
from fail2ban_ai.watch.store import Store

# The database as the first version made it.
FIRST = """
create table campaigns (id text primary key, last_seen text not null, severity text not null, body text not null);
create table decisions (id text primary key, at text not null, target text not null, body text not null);
create index decisions_by_target on decisions (target);
create table runs (at text primary key, lines integer not null, weights text not null);
insert into runs values ('2026-01-05T10:00:00+00:00', 77, 'w');
pragma user_version = 1;
"""
DECISION = {
    "id": "d-1",
    "at": "2026-01-05T10:00:00+00:00",
    "target": "192.0.2.7",
    "action": "ban",
    "campaign": "c-1",
    "reason": "why",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    path().parent.mkdir(parents=True)
    return tmp_path


def _frame(rows: int) -> pl.DataFrame:
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    one = dict.fromkeys(events.SCHEMA) | {"service": "web", "kind": "request", "address": "192.0.2.7"}
    made = [one | {"time": begin + timedelta(seconds=i), "source": "a.log", "line": i + 1} for i in range(rows)]
    return pl.DataFrame(made, schema=events.SCHEMA)


def test_the_first_version_of_the_database_is_read_and_brought_up_to_date(root: Path) -> None:
    with sqlite3.connect(path()) as db:
        db.executescript(FIRST)
        db.execute("insert into decisions values (?, ?, ?, ?)", ("d-1", "x", "192.0.2.7", json.dumps(DECISION)))
    assert [decision.target for decision in State().decisions()] == ["192.0.2.7"]
    assert State().current("c-1") == "c-1"
    store = Store(State())  # as the watcher begins
    mark = Mark(Position(1, 2, 3))
    store.commit([_frame(3)], {"a.log": mark})
    assert store.marks() == {"a.log": mark}
    store.close()
    with sqlite3.connect(path()) as db:
        assert db.execute("pragma user_version").fetchone() == (VERSION,)
    assert [decision.target for decision in State().decisions()] == ["192.0.2.7"]
    assert State().last_run() == ("2026-01-05T10:00:00+00:00", 77)


def test_a_later_version_is_refused_and_left_alone(root: Path) -> None:
    with sqlite3.connect(path()) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
    before = path().read_bytes()
    for use in (State().decisions, lambda: Store(State())):
        with pytest.raises(ConfigError, match=f"is of version {VERSION + 1}"):
            use()
    assert path().read_bytes() == before


def test_events_that_another_version_kept_are_still_history(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FILE_ROWS", 20)
    other = _frame(12).drop("host").with_columns(pl.lit("new").alias("later"), pl.col("line").cast(pl.Int64))
    store = Store(State())
    store.commit([other], {})
    assert [frame.schema for frame in store.history()] == [pl.Schema(events.SCHEMA)]
    store.commit([_frame(12)], {})  # enough for a file: both in one
    (frame,) = store.history()
    store.close()
    assert frame.schema == pl.Schema(events.SCHEMA)
    assert frame.height == 24
    (file,) = paths.history().glob("*.parquet")
    pl.read_parquet(file).drop("host").write_parquet(file)
    store = Store(State())
    assert [each["host"].null_count() for each in store.history()] == [24]
    store.close()
