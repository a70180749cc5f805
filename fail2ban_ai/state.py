"""What is remembered between runs on configured sources: findings and decisions. Plain files leave no trace."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.reports.schema import Campaign, Decision, Report

_Row = TypeVar("_Row", Campaign, Decision)
# One script for each version, each bringing the database of the version before it up to date.
_MIGRATIONS = (
    """
create table if not exists campaigns (
    id text primary key, last_seen text not null, severity text not null, body text not null);
create table if not exists decisions (id text primary key, at text not null, target text not null, body text not null);
create index if not exists decisions_by_target on decisions (target);
create table if not exists runs (at text primary key, lines integer not null, weights text not null);
""",
    # The watcher's: how far each source was read, and the events that are not in a file of the history yet.
    """
create table if not exists sources (source text primary key, mark text not null);
create table if not exists recent (
    number integer primary key autoincrement, rows integer not null, events blob not null);
create table if not exists history (
    name text primary key, rows integer not null, bytes integer not null, newest real not null);
create table if not exists merged (id text primary key, into_id text not null);
""",
)
VERSION = len(_MIGRATIONS)


def path() -> Path:
    """The database, beside the decisions log."""
    return paths.decisions().with_name("state.sqlite")


class State:
    """The findings of earlier runs."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or path()

    def save(self, report: Report, at: str) -> None:
        """Keep a run's findings; those of an earlier run with the same id are replaced. `at`: ISO time of the run.

        Raises:
            ConfigError: the database cannot be written.
        """
        with self._open(write=True) as db:
            self._keep(db, report)
            row = (at, report.lines.read, report.program.weights_sha256)
            db.execute("insert or replace into runs values (?, ?, ?)", row)

    def keep(self, report: Report, merged: Mapping[str, str], *, most: int) -> None:
        """Keep findings of a run that goes on. `merged`: campaigns that became part of others, by id.

        At most `most` findings and ten times as many decisions stay, the newest ones.

        Raises:
            ConfigError: the database cannot be written.
        """
        with self._open(write=True) as db:
            self._keep(db, report)
            db.executemany("update merged set into_id = ? where into_id = ?", [(b, a) for a, b in merged.items()])
            db.executemany("insert or replace into merged values (?, ?)", merged.items())
            db.executemany("delete from campaigns where id = ?", [(gone,) for gone in merged])
            for table, order, limit in (("campaigns", "last_seen", most), ("decisions", "at", 10 * most)):
                db.execute(
                    f"delete from {table} where id in"  # noqa: S608 - both are ours
                    f" (select id from {table} order by {order} desc limit -1 offset ?)",
                    (limit,),
                )
            db.execute("delete from merged where into_id not in (select id from campaigns)")

    @staticmethod
    def _keep(db: sqlite3.Connection, report: Report) -> None:
        db.executemany(
            "insert or replace into campaigns values (?, ?, ?, ?)",
            ((c.id, c.last_seen.isoformat(), c.severity, c.model_dump_json(by_alias=True)) for c in report.campaigns),
        )
        db.executemany(
            "insert or ignore into decisions values (?, ?, ?, ?)",
            ((d.id, d.at.isoformat(), d.target, d.model_dump_json(by_alias=True)) for d in report.decisions),
        )

    def campaigns(self) -> list[Campaign]:
        """Every finding kept, the one last seen first."""
        if not self._file.exists():
            return []
        with self._open() as db:
            rows = db.execute("select body from campaigns order by last_seen desc, id").fetchall()
        return [self._read(Campaign, body) for (body,) in rows]

    def decisions(self) -> list[Decision]:
        """Every decision kept, in order of time."""
        if not self._file.exists():
            return []
        with self._open() as db:
            rows = db.execute("select body from decisions order by at, id").fetchall()
        return [self._read(Decision, body) for (body,) in rows]

    def current(self, campaign: str) -> str:
        """The id under which a campaign lives on since it became part of another; its own where it did not."""
        if not self._file.exists():
            return campaign
        with self._open() as db:
            if db.execute("pragma user_version").fetchone()[0] < 2:
                return campaign
            for _ in range(100):
                found = db.execute("select into_id from merged where id = ?", (campaign,)).fetchone()
                if found is None:
                    break
                campaign = found[0]
        return campaign

    def last_run(self) -> tuple[str, int] | None:
        """When the last run was (ISO time) and how many lines it read; None before the first."""
        if not self._file.exists():
            return None
        with self._open() as db:
            found: tuple[str, int] | None = db.execute("select at, lines from runs order by at desc limit 1").fetchone()
        return found

    def _read(self, model: type[_Row], body: str) -> _Row:
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise ConfigError(f"{self._file} holds a row that is not of schema 1; move the file away") from error

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self.connect() if write else self._connect()) as db, db:
                yield db
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"{self._file} cannot be used: {error}") from error

    def connect(self) -> sqlite3.Connection:
        """The database for writing, brought up to this version; the caller closes it.

        Raises:
            ConfigError: it is of a later version.
            sqlite3.Error, OSError: it cannot be written.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        db = self._connect()
        try:
            version = db.execute("pragma user_version").fetchone()[0]
            for number, script in enumerate(_MIGRATIONS[version:], version + 1):
                db.executescript(f"begin immediate; {script}; pragma user_version = {number}; commit;")
        except BaseException:
            db.close()
            raise
        return db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=10)
        try:
            version = db.execute("pragma user_version").fetchone()[0]
            if version > VERSION:
                raise ConfigError(f"{self._file} is of version {version}; this program knows version {VERSION}")
        except BaseException:
            db.close()
            raise
        return db
