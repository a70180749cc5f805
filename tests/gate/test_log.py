"""The logs: crashes, rotation, torn lines, things that are no files; nothing is lost, nothing done twice."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions.log import Reader, append
from fail2ban_ai.errors import DecisionError


def number(line: str) -> int:
    if not line.isdigit():
        raise DecisionError("expected a number")
    return int(line)


def bracketed(line: str) -> int:
    """A record of which no beginning is a record, as with JSON objects."""
    if not line.endswith("]"):
        raise DecisionError("torn")
    return int(line[1:-1])


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.jsonl"


def reader(log) -> Reader[int]:
    return Reader(log, number, log.with_name("position.json"))


def take(log) -> list[int]:
    """What a new process reads, carrying it out."""
    each = reader(log)
    found = list(each.poll())
    each.commit()
    return found


def test_no_file_is_an_empty_log(log):
    assert take(log) == []


def test_goes_on_where_it_was(log):
    append(log, "1", "2")
    assert take(log) == [1, 2]
    append(log, "3")
    assert take(log) == [3]
    assert take(log) == []


def test_what_was_not_committed_comes_again(log):
    append(log, "1", "2")
    each = reader(log)
    poll = each.poll()
    assert next(poll) == 1
    each.commit()
    assert next(poll) == 2  # and here the process dies
    assert take(log) == [2]


def test_a_last_line_without_its_end_waits(log):
    append(log, "1")
    with log.open("a") as file:
        file.write("23")
    assert take(log) == [1]
    with log.open("a") as file:
        file.write("4\n")
    assert take(log) == [234]


def test_a_torn_line_costs_only_itself(log):
    append(log, "1")
    with log.open("a") as file:
        file.write("{torn")
    append(log, "2")
    each = reader(log)
    assert list(each.poll()) == [1, 2]
    assert each.bad == 1
    assert "line 2" in str(each.errors[0])


def test_bad_lines_are_counted_with_their_numbers(log):
    log.write_bytes(b"1\nbad\n\xff\xfe\n\n" + b"9" * 40_000 + b"\n2\n")
    each = reader(log)
    assert list(each.poll()) == [1, 2]
    assert each.bad == 4
    assert [str(error).split(":")[0] for error in each.errors] == [f"log.jsonl, line {n}" for n in (2, 3, 4, 5)]


def test_a_line_without_end_costs_no_memory(log):
    with log.open("wb") as file:
        file.truncate(200 << 20)  # a hole: NUL bytes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert take(log) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10  # KiB


def test_rotation_by_rename_loses_nothing(log):
    append(log, "1", "2")
    assert take(log) == [1, 2]
    append(log, "3")
    log.rename(log.with_name(log.name + ".1"))
    append(log, "4")
    assert take(log) == [3, 4]
    assert take(log) == []


def test_rotation_with_nothing_new_yet(log):
    append(log, "1")
    assert take(log) == [1]
    log.rename(log.with_name(log.name + ".1"))
    assert take(log) == []
    append(log, "2")
    assert take(log) == [2]


def test_truncation_starts_over(log):
    append(log, "1", "2", "3")
    assert take(log) == [1, 2, 3]
    os.truncate(log, 0)
    append(log, "4")
    assert take(log) == [4]


def test_truncation_is_seen_when_the_file_has_grown_past_the_old_place(log):
    append(log, "1")
    assert take(log) == [1]
    os.truncate(log, 0)
    append(log, "7", "8", "9")
    assert take(log) == [7, 8, 9]


def test_a_spoilt_position_starts_over(log):
    append(log, "1")
    take(log)
    log.with_name("position.json").write_text("{}x")
    assert take(log) == [1]


@pytest.mark.parametrize("thing", ["link", "pipe", "folder"])
def test_what_is_no_file_is_neither_read_nor_written(log, thing, tmp_path):
    other = tmp_path / "other"
    other.write_text("1\n")
    if thing == "link":
        log.symlink_to(other)
    elif thing == "pipe":
        os.mkfifo(log)
    else:
        log.mkdir()
    with pytest.raises(OSError, match=r"regular|symbolic"):
        take(log)
    with pytest.raises(OSError, match=r"regular|symbolic|directory"):
        append(log, "2")
    assert other.read_text() == "1\n"


def test_a_hard_link_is_not_written(log, tmp_path):
    other = tmp_path / "other"
    other.write_text("1\n")
    os.link(other, log)
    with pytest.raises(OSError, match="one name"):
        append(log, "2")
    assert other.read_text() == "1\n"


def test_a_full_disk_is_an_error_and_the_log_stays_readable(log, monkeypatch):
    append(log, "[1]")
    write = os.write
    monkeypatch.setattr(decisions_log.os, "write", lambda handle, content: write(handle, content[:2]))
    with pytest.raises(OSError, match="disk full"):
        append(log, "[2]")
    monkeypatch.undo()
    append(log, "[2]")
    each = Reader(log, bracketed)
    assert list(each.poll()) == [1, 2]
    assert each.bad == 0, "the part that did fit was taken back"


WRITER = """
import sys
from pathlib import Path
from fail2ban_ai.decisions.log import append
n = int(sys.argv[2])
while True:
    append(Path(sys.argv[1]), str(n))
    print(n, flush=True)
    n += 1
"""

# Carries each number out by an idempotent effect (a set, as fail2ban's list is), then records it, then commits.
WORKER = """
import sys
from pathlib import Path
from fail2ban_ai.decisions.log import Reader, append, read_all
log = Path(sys.argv[1]); done = log.with_name("done.jsonl"); effects = log.with_name("effects")
effects.mkdir(exist_ok=True)
known = set(read_all(done, int))
reader = Reader(log, int, log.with_name("position.json"))
for number in reader.poll():
    if number not in known:
        (effects / str(number)).touch()
        append(done, str(number))
    reader.commit()
print("end", flush=True)
"""


def killed(script: str, *words: str, after: float) -> str:
    child = subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    said = child.communicate()[0]
    assert child.returncode in (0, -signal.SIGKILL)
    return said


def test_a_writer_killed_at_any_moment_loses_nothing_it_reported(log):
    reported: list[int] = []
    for round_ in range(6):
        said = killed(WRITER, str(log), str(1000 * round_), after=0.25 + 0.013 * round_)
        reported += [int(line) for line in said.splitlines()]
    assert len(reported) > 6
    assert set(reported) <= set(take(log))


def test_a_worker_killed_at_any_moment_does_everything_once(log):
    append(log, *map(str, range(400)))
    for round_ in range(8):
        killed(WORKER, str(log), after=0.15 + 0.017 * round_)
    end = subprocess.run([sys.executable, "-c", WORKER, str(log)], capture_output=True, text=True, check=True)
    assert end.stdout == "end\n"
    assert {int(path.name) for path in (log.with_name("effects")).iterdir()} == set(range(400))
    assert sorted(decisions_log.read_all(log.with_name("done.jsonl"), int)) == list(range(400))


def test_writers_at_once_do_not_mix_their_lines(log):
    script = "import sys; from pathlib import Path; from fail2ban_ai.decisions.log import append\n"
    script += "for n in range(50): append(Path(sys.argv[1]), sys.argv[2] * 3000)"
    children = [subprocess.Popen([sys.executable, "-c", script, str(log), str(digit)]) for digit in range(1, 4)]
    assert [child.wait() for child in children] == [0, 0, 0]
    lines = log.read_text().splitlines()
    assert sorted({(line[0], len(set(line)), len(line)) for line in lines}) == [(d, 1, 3000) for d in "123"]
    assert len(lines) == 150
