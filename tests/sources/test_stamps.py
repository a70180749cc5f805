import gzip
import os
import struct
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fail2ban_ai.sources import LogReader, rotation, zones


def hints(*paths, **options):
    """The year hint that each file's format was handed (the tests' format keeps it in `host`)."""
    frame = pl.concat(list(LogReader(paths, **options)))
    rows = frame.unique("source").select("source", "host").rows()
    return {Path(source).name: datetime.fromisoformat(hint) for source, hint in rows}


def touch(path, content, at):
    path.write_text(content)
    os.utime(path, (at, at))
    return path


def test_a_lone_file_ends_when_it_was_last_changed(tmp_path):
    assert hints(touch(tmp_path / "a.log", "100 a\n", 5000)) == {"a.log": datetime.fromtimestamp(5000, UTC)}


def test_a_part_ends_before_the_next_newer_one_begins(tmp_path):
    paths = [
        touch(tmp_path / "a.log.2", "100 a\n", 10**9),
        touch(tmp_path / "a.log.10", "10 a\n", 10**9),
        touch(tmp_path / "a.log", "3000 a\n", 10**9),
        touch(tmp_path / "a.log.1", "2000 a\n", 10**9),
        touch(tmp_path / "b.log", "50 b\n", 10**9),
    ]
    made = {name: hint.timestamp() for name, hint in hints(*paths).items()}
    assert made == {"a.log": 10**9, "a.log.1": 3000, "a.log.2": 2000, "a.log.10": 100, "b.log": 10**9}


def test_gzip_and_names_tell_the_time_of_a_copied_file(tmp_path):
    packed = bytearray(gzip.compress(b"100 a\n"))
    packed[4:8] = struct.pack("<I", 1_500_000_000)
    (tmp_path / "x.log.3.gz").write_bytes(packed)
    (tmp_path / "y.log-20190705").write_text("100 a\n")
    made = hints(tmp_path / "x.log.3.gz", tmp_path / "y.log-20190705")
    assert made["x.log.3.gz"].timestamp() == 1_500_000_000
    assert made["y.log-20190705"] == datetime(2019, 7, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "sets"),
    [
        (["x.log.1", "x.log", "x.log.2.gz"], [["x.log", "x.log.1", "x.log.2.gz"]]),
        (["x-20240101.gz", "x-20240201", "x"], [["x", "x-20240201", "x-20240101.gz"]]),
        (["x.log.2024-01-01", "x.log.2024-01-02"], [["x.log.2024-01-02", "x.log.2024-01-01"]]),
        (["a/x.log", "b/x.log.1"], [["a/x.log"], ["b/x.log.1"]]),
        (["access.log", "error.log"], [["access.log"], ["error.log"]]),
        ([".1", "1", ".gz", ""], [[".1"], ["1"], [".gz"], [""]]),
    ],
)
def test_rotated_sets(names, sets):
    assert rotation.newest_first(names) == sets


def test_each_source_has_its_zone(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    paths = [touch(tmp_path / name, "1 a\n", 100) for name in ("web.log", "mail.log", "auth.log")]
    chosen = {str(tmp_path / "web*"): ZoneInfo("Europe/Paris"), "mail.log": ZoneInfo("UTC")}
    frame = pl.concat(list(LogReader(paths, zones=chosen)))
    assert frame["account"].to_list() == ["Europe/Paris", "UTC", "Asia/Tokyo"]


def test_a_zone_nobody_knows_is_passed_over(monkeypatch):
    monkeypatch.setenv("TZ", "Nowhere/Land")
    monkeypatch.setattr(os.path, "realpath", lambda path: "/usr/share/zoneinfo/Europe/Berlin")
    assert zones.local() == ZoneInfo("Europe/Berlin")
    monkeypatch.setattr(os.path, "realpath", lambda path: "/etc/localtime")
    assert zones.local() == ZoneInfo("UTC")
