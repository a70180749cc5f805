"""What is remembered between runs on configured sources: findings and decisions. Plain files leave no trace."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.reports.schema import Campaign, Decision, Report

VERSION = 1
_Row = TypeVar("_Row", Campaign, Decision)
_SCHEMA = """
create table if not exists campaigns (
    id text primary key, last_seen text not null, severity text not null, body text not null);
create table if not exists decisions (id text primary key, at text not null, target text not null, body text not null);
create index if not exists decisions_by_target on decisions (target);
create table if not exists runs (at text primary key, lines integer not null, weights text not null);
"""


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
            db.executemany(
                "insert or replace into campaigns values (?, ?, ?, ?)",
                [
                    (c.id, c.last_seen.isoformat(), c.severity, c.model_dump_json(by_alias=True))
                    for c in report.campaigns
                ],
            )
            db.executemany(
                "insert or ignore into decisions values (?, ?, ?, ?)",
                [(d.id, d.at.isoformat(), d.target, d.model_dump_json(by_alias=True)) for d in report.decisions],
            )
            row = (at, report.lines.read, report.program.weights_sha256)
            db.execute("insert or replace into runs values (?, ?, ?)", row)

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
            if write:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=10)) as db:
                version = db.execute("pragma user_version").fetchone()[0]
                if version not in (0, VERSION):
                    raise ConfigError(f"{self._file} is of version {version}; this program knows version {VERSION}")
                if write:
                    db.executescript(_SCHEMA)
                    db.execute(f"pragma user_version = {VERSION}")
                with db:
                    yield db
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"{self._file} cannot be used: {error}") from error
