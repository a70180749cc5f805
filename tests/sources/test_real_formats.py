"""Reading and the real formats together: what the stub format of the other tests cannot show."""

import gzip
import json
import os
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fail2ban_ai import formats
from fail2ban_ai.sources import LogReader

from .conftest import GUESS


@pytest.fixture(autouse=True)
def real_guess(guessing, monkeypatch):
    monkeypatch.setattr(formats, "guess", GUESS)


def access(second, path):
    return f'192.0.2.7 - - [05/Jan/2026:10:00:{second:02} +0100] "GET {path} HTTP/1.1" 404 9 "-" "Mozilla/5.0"\n'


def sshd(stamp, user):
    return f"{stamp} host sshd[7]: Failed password for {user} from 192.0.2.9 port 4711 ssh2\n"


def test_web_and_log_ins_in_one_order_of_time(tmp_path):
    (tmp_path / "access.log").write_text(access(1, "/a") + access(30, "/b"))
    (tmp_path / "auth.log.1.gz").write_bytes(gzip.compress(sshd("Jan  5 04:00:10", "root").encode()))
    os.utime(tmp_path / "auth.log.1.gz", (1_767_700_000, 1_767_700_000))  # 6 January 2026
    paths = [tmp_path / "auth.log.1.gz", tmp_path / "access.log"]
    reader = LogReader(paths, zones={"auth.log*": ZoneInfo("America/New_York")})
    frame = pl.concat(list(reader))
    assert frame["service"].to_list() == ["web", "sshd", "web"]
    assert frame["time"][1] == datetime(2026, 1, 5, 9, 0, 10, tzinfo=UTC)
    assert [stats.understood for stats in reader.stats] == [1, 2]


def test_the_years_of_a_rotated_set_go_back_part_by_part(tmp_path):
    """Two winters; every part was copied today, so only its neighbours tell its year."""
    stamps = {"auth.log": "Mar  1", "auth.log.1": "Aug  1", "auth.log.2": "Mar  1", "auth.log.3": "Aug  1"}
    for name, day in stamps.items():
        (tmp_path / name).write_text(sshd(f"{day} 12:00:00", "root"))
        os.utime(tmp_path / name, (1_775_000_000, 1_775_000_000))  # 31 March 2026
    frame = pl.concat(list(LogReader([tmp_path / name for name in stamps])))
    assert [time.strftime("%Y-%m") for time in frame["time"]] == ["2024-08", "2025-03", "2025-08", "2026-03"]


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_hostile_lines_are_counted_and_name_nobody(tmp_path, chunk):
    lines = [
        access(1, "/ok"),
        "\0" * 50 + "\n",
        '5 "GET / from 192.0.2.99"\n',
        "\xff192.0.2.98 - - [x]\n",
        "A" * 70000 + "\n",
    ]
    (tmp_path / "a.log").write_bytes("".join(lines * 3).encode("latin-1"))
    reader = LogReader([tmp_path / "a.log"], fmt=formats.FORMATS["combined"], chunk_lines=chunk)
    frame = pl.concat(list(reader))
    assert frame["address"].to_list() == ["192.0.2.7"] * 3
    stats = reader.stats[0]
    assert (stats.read, stats.understood, stats.truncated) == (15, 3, 3)


def test_the_journal_is_read_by_the_patterns_of_syslog(tmp_path, monkeypatch):
    entry = {
        "__REALTIME_TIMESTAMP": "1767600000000000",
        "SYSLOG_IDENTIFIER": "sshd",
        "_PID": "7",
        "MESSAGE": "Failed password for invalid user admin from 192.0.2.9 port 4711 ssh2",
    }
    program = tmp_path / "journalctl"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(entry)!r})\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (row,) = pl.concat(list(LogReader(["journal:ssh.service"]))).to_dicts()
    assert (row["source"], row["line"], row["service"], row["kind"]) == (
        "journal:ssh.service",
        1,
        "sshd",
        "login_failed",
    )
    assert (row["address"], row["account"]) == ("192.0.2.9", "admin")
    assert row["time"] == datetime.fromtimestamp(1_767_600_000, UTC)
