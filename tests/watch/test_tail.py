"""A log is read once and whole, in order, whatever rotation does to it and whenever the reader is stopped."""

import gzip
import os
import shutil
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fail2ban_ai.sources.lines import LINE_LIMIT
from fail2ban_ai.watch import position, tail
from fail2ban_ai.watch.parts import plan
from fail2ban_ai.watch.tail import FileTail

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(tail, "QUIET", 0.0)


class Host:
    """A log that is written and rotated, and a reader that may be stopped and started."""

    def __init__(self, folder):
        self.log = folder / "access.log"
        self.written = []
        self.read = []
        self.at = None
        self.tail = None
        self._pen = self.log.open("ab")
        self.start()

    def close(self):
        self._pen.close()
        self.restart()

    def write(self, count):
        for _ in range(count):
            line = f"line {len(self.written)} of the log"
            self.written.append(line)
            self._pen.write(line.encode() + b"\n")
        self._pen.flush()

    def half(self):
        """A line that is written in two goes, with the reader looking in between."""
        self.write(1)
        line = f"line {len(self.written)} of the log in halves"
        self._pen.write(line[:9].encode())
        self._pen.flush()
        self.look()
        self.written.append(line)
        self._pen.write(line[9:].encode() + b"\n")
        self._pen.flush()

    def rename(self):
        self._shift()
        self.log.rename(f"{self.log}.1")
        self.write(1)  # whoever has it open goes on writing in it
        self._pen.close()
        self._pen = self.log.open("ab")

    def copy_and_truncate(self):
        self._shift()
        shutil.copyfile(self.log, f"{self.log}.1")
        os.truncate(self.log, 0)

    def compress_at_once(self):
        self._shift()
        with gzip.open(f"{self.log}.1.gz", "wb") as out:
            out.write(self.log.read_bytes())
        self.log.unlink()
        self._pen.close()
        self._pen = self.log.open("ab")

    def remove_and_bring_back(self):
        self.look()  # what nobody has read by then is lost
        self.log.unlink()
        self.look()
        self._pen.close()
        self._pen = self.log.open("ab")
        self.write(1)
        self.look()

    def _shift(self):
        for number in range(30, 0, -1):
            old = Path(f"{self.log}.{number}")
            if old.exists():
                with gzip.open(f"{self.log}.{number + 1}.gz", "wb") as out:
                    out.write(old.read_bytes())
                times = (old.stat().st_atime, old.stat().st_mtime)
                os.utime(f"{self.log}.{number + 1}.gz", times)
                old.unlink()
            elif Path(f"{old}.gz").exists():
                Path(f"{old}.gz").rename(f"{self.log}.{number + 1}.gz")

    def start(self):
        saved = None if self.at is None else position.from_text(position.to_text(self.at))
        self.tail = FileTail(str(self.log), saved, LONG_AGO)

    def stop(self):
        self.tail.close()
        self.tail = None

    def look(self, pieces=1000):
        if self.tail is None:
            self.start()
        for _ in range(pieces):
            piece = self.tail.read()
            if piece is None:
                break
            self.at = piece.after
            if piece.data:
                self.read += piece.data.decode().split("\n")

    def restart(self):
        if self.tail is not None:
            self.stop()


OPERATIONS = ("rename", "copy_and_truncate", "compress_at_once", "remove_and_bring_back", "half", "restart")
steps = st.lists(
    st.one_of(
        st.sampled_from([(name,) for name in OPERATIONS]),
        st.tuples(st.just("write"), st.integers(1, 30)),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=25,
)


AGAIN = [
    ("remove_and_bring_back",),
    ("copy_and_truncate",),
    ("look", 1),
    ("write", 1),
    ("copy_and_truncate",),
    ("rename",),
]


@settings(max_examples=150, deadline=None)
@given(steps)
@example(AGAIN)
def test_every_line_is_read_once_and_in_order(did):
    with tempfile.TemporaryDirectory() as folder, closing(Host(Path(folder))) as host:
        host.write(1)
        host.look()  # a log never looked at is history: where it begins is another question
        for name, *values in did:
            getattr(host, name)(*values)
        host.look()
        host.restart()
        host.look()
        assert host.read == host.written


def test_an_endless_line_costs_no_memory_and_is_one_line(tmp_path):
    log = tmp_path / "x.log"
    log.write_bytes(b"first\n" + b"a" * (3 * LINE_LIMIT + 5) + b"\nlast\n")
    reader = FileTail(str(log), None, LONG_AGO)
    pieces = []
    while (piece := reader.read()) is not None:
        pieces.append(piece)
    reader.close()
    told = [(piece.first, line) for piece in pieces for line in piece.data.split(b"\n") if line]
    assert [line[:5] for _, line in told] == [b"first", b"aaaaa", b"last"]
    assert max(len(line) for _, line in told) == LINE_LIMIT
    assert pieces[-1].after.line == 3


def test_compressed_parts_are_left_alone_once_they_are_read(tmp_path):
    with closing(Host(tmp_path)) as host:
        host.write(3)
        host.look()
        with gzip.open(f"{host.log}.5.gz", "wb") as out:
            out.write(b"an old line that nobody asked for\n" * 50)
        host.write(2)
        host.look()
        assert host.read == host.written


def test_history_begins_with_the_oldest_part_that_reaches_into_the_window(tmp_path):
    with closing(Host(tmp_path)) as host:
        for _ in range(3):
            host.write(2)
            host.rename()
    for number, age in ((1, 1), (2, 3), (3, 9)):
        part = next(tmp_path.glob(f"access.log.{number}*"))
        then = datetime.now(UTC).timestamp() - age * 86400
        os.utime(part, (then, then))
        if part.suffix == ".gz":
            data = gzip.decompress(part.read_bytes())
            part.write_bytes(gzip.compress(data, mtime=int(then)))
            os.utime(part, (then, then))
    since = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 4 * 86400, UTC)
    starts = plan(str(host.log), None, since)
    for start in starts:
        start.part.close()
    assert [Path(start.part.path).name for start in starts] == [
        "access.log.2.gz",
        "access.log.1",
        "access.log",
    ]


def test_a_missing_log_says_so_and_is_read_once_it_is_there(tmp_path):
    reader = FileTail(str(tmp_path / "later.log"), None, LONG_AGO)
    assert reader.read() is None
    assert "later.log" in reader.problem
    (tmp_path / "later.log").write_text("now\n")
    assert reader.read().data == b"now"
    assert reader.problem is None
    reader.close()
