"""logrotate on the decisions log: nothing that enforce has not read is lost, nothing is read twice."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.setup import units


def numbers(line: str) -> int:
    return int(line)


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_lines_written_around_rotations_are_read_once_each(tmp_path: Path) -> None:
    log, state = tmp_path / "decisions.jsonl", tmp_path / "position.json"
    owner = "root root" if os.geteuid() == 0 else ""
    text = (units.folder().parent / "logrotate.d/fail2ban-ai").read_text()
    text = text.replace("/var/lib/fail2ban-ai/decisions.jsonl", str(log))
    text = text.replace("su fail2ban-ai adm", f"su {owner}" if owner else "")
    (tmp_path / "rotate.conf").write_text(text)
    (tmp_path / "rotate.conf").chmod(0o644)
    found: list[int] = []
    written = 0
    for turn in range(6):
        for _ in range(3):
            written += 1
            decisions_log.append(log, str(written))
        if turn % 2:  # the reader is late every other time
            reader = decisions_log.Reader(log, numbers, state)
            found += reader.poll()
            reader.commit()
        command = ["logrotate", "--force", "--state", str(tmp_path / "rotate.state"), str(tmp_path / "rotate.conf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if turn % 2 == 0:
            written += 1
            decisions_log.append(log, str(written))
    found += decisions_log.Reader(log, numbers, state).poll()
    assert found == list(range(1, written + 1))
    assert not log.with_name("decisions.jsonl.1.gz").exists()
