"""What fail2ban really did."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from fail2ban_ai import events
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import history
from fail2ban_ai.fail2ban.replay import Ban

AT = datetime(2025, 3, 10, 12, 0, 0, tzinfo=UTC)


def test_bans_of_the_log_not_its_unbans() -> None:
    rows = [(AT, "ban", "192.0.2.1", "sshd"), (AT + timedelta(minutes=10), "unban", "192.0.2.1", "sshd")]
    frame = pl.DataFrame(rows, schema=["time", "kind", "address", "message"], orient="row")
    whole = pl.concat([events.empty(), frame.cast({"time": events.SCHEMA["time"]})], how="diagonal")
    assert history.from_events(whole) == [Ban(AT.timestamp(), "sshd", "192.0.2.1")]


def database(path: Path, rows: list[tuple[object, ...]]) -> str:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bans(jail TEXT, ip TEXT, timeofban INTEGER, bantime, bancount, data JSON)")
    connection.executemany("INSERT INTO bans VALUES(?, ?, ?, 600, 1, '{}')", rows)
    connection.commit()
    connection.close()
    return str(path)


def test_bans_of_the_database_without_what_is_no_address(tmp_path: Path) -> None:
    rows = [("sshd", "::ffff:192.0.2.1", 20), ("sshd", "'; DROP TABLE bans; --", 15), ("web", "2001:db8::1", 10)]
    path = database(tmp_path / "a ? # b.sqlite3", list(rows))
    assert history.from_database(path) == [Ban(10, "web", "2001:db8::1"), Ban(20, "sshd", "192.0.2.1")]


def test_no_database_is_no_bans_and_another_file_is_an_error(tmp_path: Path) -> None:
    assert history.from_database(str(tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()
    (tmp_path / "text").write_text("no database\n" * 100)
    with pytest.raises(Fail2banError, match="cannot be read"):
        history.from_database(str(tmp_path / "text"))


def test_the_same_ban_in_log_and_database_is_one() -> None:
    log, kept = Ban(100.4, "sshd", "192.0.2.1"), Ban(99.0, "sshd", "192.0.2.1")
    again, other = Ban(900.0, "sshd", "192.0.2.1"), Ban(100.4, "dovecot", "192.0.2.1")
    assert history.merge([log, again, other], [kept]) == [kept, other, again]
