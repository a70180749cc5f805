"""Times that depend on the lines before them: wherever a file is cut into chunks, its times are the same."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai import formats
from fail2ban_ai.sources import LogReader

from .conftest import GUESS

VIENNA = ZoneInfo("Europe/Vienna")
START = datetime(2021, 3, 1, tzinfo=UTC)
GAPS = st.sampled_from([timedelta(days=40), timedelta(days=9), timedelta(hours=5), timedelta(minutes=17), timedelta(0)])
SHAPES = ("{:%b %e %H:%M:%S}", "<38>{:%b %e %H:%M:%S}", "{:%b %e %H:%M:%S.250}", "{:%Y-%m-%d %H:%M:%S}")


@pytest.fixture(autouse=True)
def real_guess(guessing, monkeypatch):
    monkeypatch.setattr(formats, "guess", GUESS)


def line(moment, shape=SHAPES[0]):
    stamp = shape.format(moment.astimezone(VIENNA))
    return f"{stamp} web1 sshd[7]: Invalid user bob from 192.0.2.1 port 4711"


def read(lines, written, chunk):
    """The times of the events in order of the lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "auth.log"
        path.write_text("\n".join(lines) + "\n")
        os.utime(path, (written.timestamp(), written.timestamp()))
        reader = LogReader([path], zones={"*": VIENNA}, chunk_lines=chunk)
        frames = list(reader)
        return pl.concat(frames).sort("line")["time"].to_list() if frames else []


@settings(max_examples=60, deadline=None)
@given(st.lists(GAPS, min_size=1, max_size=70), st.integers(1, 30))
def test_a_log_of_several_years_is_dated_right_in_any_chunks(gaps, chunk):
    moments = [START]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    # The hours in which local time alone does not tell the moment have a test of their own.
    moments = [moment.replace(hour=12 + moment.hour // 2) for moment in moments]
    assert read([line(moment) for moment in moments], moments[-1], chunk) == moments


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3 * 365 * 24 * 60), st.sampled_from(SHAPES)), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 240), st.sampled_from(SHAPES)), max_size=40),
    st.integers(1, 20),
)
def test_chunks_change_no_time_whatever_the_order(anywhere, night, chunk):
    change = datetime(2023, 10, 28, 23, tzinfo=UTC)
    lines = [line(START + timedelta(minutes=minutes), shape) for minutes, shape in anywhere]
    lines += [line(change + timedelta(minutes=minutes), shape) for minutes, shape in night]
    lines.insert(len(lines) // 2, "Feb 31 25:61:61 web1 sshd[7]: Invalid user bob from 192.0.2.1 port 4711")
    written = datetime(2024, 4, 1, tzinfo=UTC)
    assert read(lines, written, chunk) == read(lines, written, 10_000)


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_the_hour_that_happens_twice_across_chunks(chunk):
    change = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    moments = [change + timedelta(minutes=minutes) for minutes in range(0, 180, 12)]
    assert read([line(moment) for moment in moments], moments[-1], chunk) == moments


def test_a_part_of_several_years_bounds_the_older_part(tmp_path):
    """The newer file spans two years: the older one ends before its first line, not before its last."""
    newer = [line(datetime(2024, month, 5, tzinfo=UTC)) for month in range(2, 13)]
    newer += [line(datetime(2025, month, 5, tzinfo=UTC)) for month in range(1, 13)] * 20
    newer = newer[:11] + sorted(
        newer[11:], key=lambda text: datetime.strptime("2000 " + text[:15], "%Y %b %d %H:%M:%S")
    )
    (tmp_path / "auth.log").write_text("\n".join(newer) + "\n")
    (tmp_path / "auth.log.1").write_text(line(datetime(2023, 7, 5, tzinfo=UTC)) + "\n")
    for path in tmp_path.iterdir():
        os.utime(path, (datetime(2025, 12, 6, tzinfo=UTC).timestamp(),) * 2)
    frame = pl.concat(list(LogReader(sorted(tmp_path.iterdir()), zones={"*": VIENNA}, chunk_lines=50)))
    assert frame["time"].is_sorted()
    assert [frame["time"][at].year for at in (0, 1, -1)] == [2023, 2024, 2025]
