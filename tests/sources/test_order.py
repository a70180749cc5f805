import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai import events
from fail2ban_ai.sources import LogReader

from .conftest import SecondsFormat

LATE = 300  # seconds an event may stand behind a younger one


def write(folder, **logs):
    """Files a, b … of seconds; each line's word tells its place."""
    paths = []
    for name, times in logs.items():
        path = Path(folder) / name
        path.write_text("".join(f"{at} {name}{number}\n" for number, at in enumerate(times, 1)))
        paths.append(path)
    return paths


def words(paths, **options):
    frames = list(LogReader(paths, fmt=SecondsFormat(), **options))
    return [text.split()[1] for frame in frames for text in frame["text"]]


def moment(seconds):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def test_files_come_in_one_order_of_time(tmp_path):
    paths = write(tmp_path, a=[1000, 1400, 5000], b=[1200, 4000, 9000], c=[1100, 1300])
    assert words(paths) == ["a1", "c1", "b1", "c2", "a2", "b2", "a3", "b3"]


def test_ties_are_in_order_of_names_given_then_lines(tmp_path):
    a, b = write(tmp_path, a=[1000, 1000], b=[1000, 1000])
    assert words([a, b]) == ["a1", "a2", "b1", "b2"]
    assert words([b, a]) == ["b1", "b2", "a1", "a2"]


def test_lines_written_at_the_end_of_a_request_are_put_back(tmp_path):
    paths = write(tmp_path, a=[1000, 1030, 1010, 1030 - LATE, 2000])
    reader = LogReader(paths, fmt=SecondsFormat())
    frame = pl.concat(list(reader))
    assert frame["line"].to_list() == [4, 1, 3, 2, 5]
    assert frame.schema == events.SCHEMA
    assert reader.stats[0].disordered == 0
    assert reader.stats[0].problem is None


def test_a_file_out_of_order_says_so_and_loses_nothing(tmp_path):
    paths = write(tmp_path, a=[5000, 6000, 1000, 7000])
    reader = LogReader(paths, fmt=SecondsFormat())
    lines = pl.concat(list(reader))["line"].to_list()
    assert sorted(lines) == [1, 2, 3, 4]
    assert reader.stats[0].disordered == 1
    assert "not in order of time" in reader.stats[0].problem


def test_since_is_inclusive_and_until_exclusive(tmp_path):
    paths = write(tmp_path, a=[1000, 2000, 3000, 4000], b=[1500, 2000, 3000])
    assert words(paths, since=moment(2000), until=moment(3000)) == ["a2", "b2"]


def test_an_old_part_of_a_rotated_log_is_not_read_for_recent_events(tmp_path):
    paths = write(tmp_path, **{"a.log": [9000, 9100], "a.log.1": [5000, 6000], "a.log.2": [1000, 2000]})
    reader = LogReader(paths, fmt=SecondsFormat(), since=moment(5500))
    assert pl.concat(list(reader))["line"].to_list() == [2, 1, 2]
    assert [stats.read for stats in reader.stats] == [2, 2, 0]


def test_files_are_opened_only_when_their_time_has_come(tmp_path):
    paths = write(
        tmp_path, **{f"a.log.{30 - day}": [day * 86400 + hour * 3600 for hour in range(24)] for day in range(30)}
    )
    reader = LogReader(paths, fmt=SecondsFormat(), until=moment(10 * 86400 - 3600))
    assert pl.concat(list(reader)).height == 239
    assert [stats.read for stats in reader.stats] == [24] * 10 + [0] * 20


times = st.lists(st.integers(100_000, 101_500), max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(times, min_size=1, max_size=4), st.integers(1, 40), st.booleans())
def test_chunks_change_nothing_and_order_is_as_defined(logs, lines, bounded):
    window = {"since": moment(100_200), "until": moment(101_000)} if bounded else {}
    with tempfile.TemporaryDirectory() as folder:
        paths = write(folder, **{f"f{i}-": log for i, log in enumerate(logs)})
        whole = words(paths, **window)
        assert words(paths, chunk_lines=lines, **window) == whole

    expected = []
    for index, log in enumerate(logs):
        for line, at in enumerate(log, 1):
            # Too few lines for the sample that finds logs pasted together: every event keeps to the rule of LATENESS.
            place = max(at, max(log[:line]) - LATE)
            inside = not bounded or (100_200 <= at < 101_000 and place < 101_000)
            if inside:
                expected.append((place, index, line, f"f{index}-{line}"))
    assert whole == [word for *_, word in sorted(expected)]


def test_progress_reaches_the_whole_size(tmp_path, seconds):
    paths = write(tmp_path, a=list(range(5000)), b=list(range(5000)))
    told = []
    list(LogReader(paths, fmt=seconds, chunk_lines=100, progress=lambda done, total: told.append((done, total))))
    size = sum(path.stat().st_size for path in paths)
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {size}


def test_logs_pasted_together_the_wrong_way_round_are_sorted(tmp_path):
    newer, older = list(range(50_000, 60_000, 10)), list(range(10_000, 20_000, 10))
    paths = write(tmp_path, a=newer + older, b=[15_001, 55_001])
    for chunk in (7, 65536):
        reader = LogReader(paths, fmt=SecondsFormat(), chunk_lines=chunk)
        frame = pl.concat(list(reader))
        assert frame["time"].is_sorted()
        assert frame.filter(source=str(paths[0]))["line"].to_list() == [*range(1001, 2001), *range(1, 1001)]
        assert [(stats.read, stats.disordered, stats.problem) for stats in reader.stats] == [
            (2000, 0, None),
            (2, 0, None),
        ]


@pytest.mark.parametrize("name", ["./a", "link"])
def test_a_file_named_twice_counts_once(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=[1, 2])
    Path("link").symlink_to("a")
    assert words(["a", name]) == ["a1", "a2"]
