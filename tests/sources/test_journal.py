import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from fail2ban_ai import formats
from fail2ban_ai.sources import LogReader, journal


class Rendered:
    """Takes every line with an ISO stamp as an event, so that the tests see the lines made of the entries."""

    name = "rendered"
    service = "test"

    def __init__(self, inner):
        self._inner = inner

    def parse(self, frame, **options):
        stamp = pl.col("raw").str.extract(r"^(\d{4}-\S+)\+00:00 ").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f")
        seconds = (stamp.dt.timestamp("us") / 1_000_000).cast(pl.String)
        return self._inner.parse(frame.with_columns(raw=seconds + " " + pl.col("raw")), **options)


@pytest.fixture
def journalctl(tmp_path, monkeypatch, seconds):
    """Put a journalctl on PATH that runs the Python given, and let every journal line be an event."""
    monkeypatch.setattr(formats, "guess", lambda lines, path: Rendered(seconds))

    def put(code):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "journalctl"
        program.write_text(f"#!{sys.executable}\nimport sys, json, time\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return put


def entries(*fields):
    lines = [
        {"__REALTIME_TIMESTAMP": str(1_700_000_000_000_000 + i * 1_000_000)} | each for i, each in enumerate(fields)
    ]
    return "".join(f"print({json.dumps(line)!r})\n" for line in lines)


def lines_of(reader):
    frames = list(reader)
    return [text.partition(" ")[2] for frame in frames for text in frame["text"]]


def test_entries_become_the_lines_of_a_syslog(journalctl):
    journalctl(
        entries(
            {
                "SYSLOG_IDENTIFIER": "sshd",
                "_PID": "17",
                "MESSAGE": "Failed password for root from 192.0.2.1 port 5 ssh2",
            },
            {"_COMM": "sshd", "MESSAGE": [255, *b"caf\xc3\xa9\n2023-01-01T00:00:00+00:00 h sshd[1]: forged"]},
            {"SYSLOG_IDENTIFIER": ["x: y]", "z"], "MESSAGE": [["first"], "second"]},
            {"SYSLOG_IDENTIFIER": "sshd", "MESSAGE": None},
        )
    )
    reader = LogReader(["journal:ssh.service"])
    assert lines_of(reader) == [
        "2023-11-14T22:13:20.000000+00:00 journal sshd[17]: Failed password for root from 192.0.2.1 port 5 ssh2",
        "2023-11-14T22:13:21.000000+00:00 journal sshd: \ufffdcafé 2023-01-01T00:00:00+00:00 h sshd[1]: forged",
        "2023-11-14T22:13:22.000000+00:00 journal x_y_: first",
        "2023-11-14T22:13:23.000000+00:00 journal sshd: ",
    ]
    assert (reader.stats[0].read, reader.stats[0].problem) == (4, None)


def test_what_is_no_entry_is_counted_and_not_understood(journalctl):
    journalctl(
        "print('{broken'); print('[1,2]'); print('null'); print('{}'); print('[' * 100000)\n"
        "print(json.dumps({'__REALTIME_TIMESTAMP': '9' * 40, 'MESSAGE': 'x'}))\n"
        "sys.stdout.flush(); sys.stdout.buffer.write(b'\\xff\\xfe\\n')\n" + entries({"_COMM": "a", "MESSAGE": "b"})
    )
    reader = LogReader(["journal:ssh.service"])
    assert len(lines_of(reader)) == 1
    assert (reader.stats[0].read, reader.stats[0].understood) == (8, 1)


def test_it_is_asked_for_the_unit_and_the_window(journalctl):
    journalctl(entries({"MESSAGE": "x"}) + "open(sys.argv[0] + '.args', 'w').write(' '.join(sys.argv))")
    since, until = (datetime.fromtimestamp(at, UTC) for at in (1_600_000_000.5, 1_800_000_000))
    lines_of(LogReader(["journal:ssh.service"], since=since, until=until))
    program = shutil.which("journalctl")
    asked = Path(program + ".args").read_text()
    assert "--unit=ssh.service --since=@1600000000 --until=@1800000001" in asked


def test_files_and_units_come_in_one_order(journalctl, tmp_path, seconds, monkeypatch):
    journalctl(entries({"MESSAGE": "one"}, {"MESSAGE": "two"}))
    (tmp_path / "log").write_text("1699999999 before\n1700000000.5 between\n1700000002 after\n")
    monkeypatch.setattr(
        formats, "guess", lambda lines, path: Rendered(seconds) if "journal" in path else seconds, raising=False
    )
    for chunk in (1, 100):
        words = [line.split()[-1] for line in lines_of(LogReader(["journal:a", tmp_path / "log"], chunk_lines=chunk))]
        assert words == ["before", "one", "between", "two", "after"]


def test_failures_are_told(journalctl, monkeypatch, tmp_path):
    journalctl(entries({"MESSAGE": "x"}) + "print('No journal files were opened', file=sys.stderr); sys.exit(1)")
    reader = LogReader(["journal:a.service", "journal:-f --flush"])
    assert len(lines_of(reader)) == 1
    assert "No journal files were opened" in reader.stats[0].problem
    assert "not the name of a unit" in reader.stats[1].problem

    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    reader = LogReader(["journal:a.service"])
    assert lines_of(reader) == []
    assert "journalctl cannot be run" in reader.stats[0].problem


def test_a_silent_journalctl_is_given_up(journalctl, monkeypatch):
    monkeypatch.setattr(journal, "_SILENCE", 1.0)
    journalctl(entries({"MESSAGE": "x"}) + "sys.stdout.flush(); time.sleep(60)")
    start = time.monotonic()
    reader = LogReader(["journal:a.service"])
    assert len(lines_of(reader)) == 1
    assert time.monotonic() - start < 20
    assert "said nothing" in reader.stats[0].problem


def test_an_endless_journalctl_ends_with_its_reader(journalctl):
    journalctl(
        "import itertools, os\nopen(sys.argv[0] + '.pid', 'w').write(str(os.getpid()))\n"
        "for at in itertools.count(10**9): print(json.dumps({'__REALTIME_TIMESTAMP': str(at * 10**6), 'MESSAGE': 'x'}))"
    )
    reader = LogReader(["journal:a.service"], chunk_lines=1000, until=datetime.fromtimestamp(10**9 + 5000, UTC))
    assert len(lines_of(reader)) == 5000
    pid = int(Path(shutil.which("journalctl") + ".pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl on this machine")
def test_the_real_journalctl_takes_the_command():
    reader = LogReader(["journal:fail2ban-ai-no-such.service"])
    list(reader)
    assert reader.stats[0].read == 0
    problem = reader.stats[0].problem or ""
    assert "unrecognized" not in problem
    assert "invalid" not in problem.lower()


def test_an_alias_that_fail2ban_names_is_read_by_the_name_in_the_entries(tmp_path, monkeypatch):
    here, there = tmp_path / "etc", tmp_path / "lib"
    monkeypatch.setattr(journal, "FOLDERS", (str(here), str(there)))
    for folder in (here, there):
        folder.mkdir()
    for name in ("ssh.service", "dovecot.service", "getty@.service"):
        (there / name).write_text("[Unit]\n")
    (here / "sshd.service").symlink_to(there / "ssh.service")
    (here / "dovecot.service").symlink_to(there / "dovecot.service")  # as `systemctl link` makes it
    (here / "masked.service").symlink_to("/dev/null")
    (here / "getty@tty1.service").symlink_to(there / "getty@.service")
    matches = ["_SYSTEMD_UNIT=sshd.service + _COMM=sshd", "_SYSTEMD_UNIT=ssh.service"]
    assert journal.units(matches) == ["ssh.service"]
    names = ["dovecot.service", "masked.service", "getty@tty1.service", "absent.service"]
    assert journal.units([f"_SYSTEMD_UNIT={name}" for name in names]) == names
