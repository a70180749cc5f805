"""A watcher as a process of its own tells people and a SIEM what it finds, while the attack goes on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.reports.receivers import WebHook

USERS = ("root", "admin", "test", "oracle", "postgres", "ubuntu", "git", "ftp", "www", "pi")
COMMAND = "import sys; sys.argv[0] = 'fail2ban-ai'; from fail2ban_ai.cli import main; main()"


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def test_what_the_watcher_finds_is_delivered(tmp_path: Path) -> None:
    for name in ("etc/fail2ban-ai", "var/lib/fail2ban-ai", "var/lib/fail2ban-ai-root"):
        (tmp_path / name).mkdir(parents=True)
    log, told, ecs = tmp_path / "auth.log", tmp_path / "told", tmp_path / "ecs.json"
    log.touch()
    hook = WebHook()
    values = {
        "sources": [str(log)],
        "notify": {"urls": [f"json://127.0.0.1:{hook.port}/"], "severity": "low"},
        "siem": {"ecs_file": str(ecs)},
    }
    (tmp_path / "etc/fail2ban-ai/config.yaml").write_text(json.dumps(values))
    with told.open("w") as errors:
        watcher = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "watch"],
            env=os.environ | {"FAIL2BAN_AI_ROOT": str(tmp_path)},
            stderr=errors,
        )
    try:
        assert until(lambda: "caught up" in told.read_text()), told.read_text()
        with log.open("a", buffering=1) as file:
            for number in range(60):
                stamp = (datetime.now(UTC) - timedelta(seconds=3 * (60 - number))).isoformat()
                user = USERS[number % len(USERS)]
                failed = f"Failed password for invalid user {user} from 198.51.100.7 port {40000 + number} ssh2"
                file.write(f"{stamp} host sshd[{1000 + number}]: {failed}\n")
                time.sleep(0.02)
        assert until(lambda: bool(hook.posted) and ecs.exists()), told.read_text()
    finally:
        watcher.terminate()
        status = watcher.wait(30)
        hook.close()
    assert status == 0
    assert "198.51.100.7" in hook.posted[0]["message"]
    first = json.loads(ecs.read_text().splitlines()[0])
    assert first["event"]["action"] == "found"
    assert first["source"]["ip"] == "198.51.100.7"
