"""What the watcher needs to go on after a stop: how far each source was worked off, and the events of the last days.

Positions and events are written in one transaction, so that either both are on disk or none is. Events are gathered in
the database and moved into Parquet files, whose number is bounded by age and by size.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from io import BytesIO

import polars as pl

from fail2ban_ai import events, paths
from fail2ban_ai.state import State
from fail2ban_ai.watch.lanes import Mark
from fail2ban_ai.watch.position import Position

FILE_ROWS = 10_000  # events of one file of the history
BROKEN = (sqlite3.Error, OSError, pl.exceptions.PolarsError)  # what a full or damaged disk raises


class Store:
    """Positions and event history. Every method may raise one of BROKEN; what it did is then undone."""

    def __init__(self, state: State) -> None:
        """Raises ConfigError when the database is of a later version."""
        self._db = state.connect()
        self._db.execute("pragma journal_mode = wal")  # no fsync at each commit, and readers do not wait
        self._db.execute("pragma synchronous = normal")
        self._folder = paths.history()
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._rows: int = self._db.execute("select coalesce(sum(rows), 0) from recent").fetchone()[0]
        known = {name for (name,) in self._db.execute("select name from history")}
        for file in self._folder.iterdir():
            if file.name not in known:
                file.unlink()  # a crash came between the file and its entry

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def marks(self) -> dict[str, Mark]:
        """How far each source was worked off. What cannot be understood is left out."""
        found = {}
        for source, text in self._db.execute("select source, mark from sources"):
            try:
                values = json.loads(text)
                found[source] = Mark(**values | {"position": Position(**values["position"])})
            except (ValueError, TypeError, KeyError):
                continue
        return found

    def commit(self, frames: list[pl.DataFrame], marks: Mapping[str, Mark]) -> None:
        """Keep events that were worked off, and where that leaves their sources."""
        blobs = [(frame.height, _packed(frame)) for frame in frames if frame.height]
        with self._db:
            self._db.executemany("insert into recent (rows, events) values (?, ?)", blobs)
            self._db.executemany(
                "insert or replace into sources values (?, ?)",
                [(source, json.dumps(asdict(mark))) for source, mark in marks.items()],
            )
        self._rows += sum(rows for rows, _ in blobs)
        if self._rows >= FILE_ROWS:
            self._file()

    def history(self) -> Iterator[pl.DataFrame]:
        """Every event kept, in the order in which it was worked off; a file that is damaged or gone is left out."""
        for (name,) in self._db.execute("select name from history order by name").fetchall():
            try:
                yield _current(pl.read_parquet(self._folder / name))
            except (OSError, pl.exceptions.PolarsError):
                continue
        for (number,) in self._db.execute("select number from recent order by number").fetchall():
            (blob,) = self._db.execute("select events from recent where number = ?", (number,)).fetchone()
            yield _current(pl.read_ipc(BytesIO(blob)))

    def bound(self, oldest: float, most: int) -> None:
        """Drop files with no event since `oldest` (seconds since the epoch), and the oldest beyond `most` bytes."""
        total, gone = 0, []
        for name, size, newest in self._db.execute("select name, bytes, newest from history order by name desc"):
            total += size
            if total > most or newest < oldest:
                gone.append((name,))
        with self._db:
            self._db.executemany("delete from history where name = ?", gone)
        for (name,) in gone:
            (self._folder / name).unlink(missing_ok=True)

    def forget(self, sources: Mapping[str, Mark], known: Mapping[str, object]) -> None:
        """Drop the positions of sources that are watched no more."""
        with self._db:
            self._db.executemany("delete from sources where source = ?", [(s,) for s in sources if s not in known])

    def _file(self) -> None:
        """Move the events gathered in the database into a file of the history."""
        numbered = self._db.execute("select number, events from recent order by number").fetchall()
        frame = pl.concat([_current(pl.read_ipc(BytesIO(blob))) for _, blob in numbered])
        name = f"{numbered[0][0]:016d}.parquet"
        part = self._folder / f"{name}.part"
        frame.write_parquet(part, compression="zstd")
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.rename(self._folder / name)
        newest = frame["time"].dt.timestamp("us")[-1] / 1e6
        row = (name, frame.height, (self._folder / name).stat().st_size, newest)
        with self._db:
            self._db.execute("insert or replace into history values (?, ?, ?, ?)", row)
            self._db.execute("delete from recent where number <= ?", (numbered[-1][0],))
        self._rows = 0


def _current(frame: pl.DataFrame) -> pl.DataFrame:
    """Events that another version kept, as this one knows them: what it does not know is left out or empty."""
    known = [name for name in events.SCHEMA if name in frame.columns]
    empty = [pl.lit(None, events.SCHEMA[name]).alias(name) for name in events.SCHEMA if name not in known]
    return frame.select(*(pl.col(name).cast(events.SCHEMA[name]) for name in known), *empty).select(*events.SCHEMA)


def _packed(frame: pl.DataFrame) -> bytes:
    out = BytesIO()
    frame.write_ipc(out, compression="lz4")
    return out.getvalue()
