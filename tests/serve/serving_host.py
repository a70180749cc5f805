"""`fail2ban-ai model serve` as a process with Ray below it, and watchers; what is left of them is found by a mark."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PROGRAM = str(Path(sys.executable).with_name("fail2ban-ai"))
PATIENCE = 120.0  # seconds; Ray starts in seven, on a busy machine in thirty
_MARK = "F2B_AI_TEST_MARK"

T = TypeVar("T")


def until(holds: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"{seconds} s passed and it is not so that {what}"
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class ModelServer:
    """Start, kill, start again."""

    def __init__(self, token: Path, told: Path, weights: Path | None = None, runtime: str = "onnx") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._mark = uuid.uuid4().hex
        self._folder = tempfile.mkdtemp(prefix="f2b-")  # of what it writes: pytest's are too long for Ray's sockets
        self._told = told
        self._command = [PROGRAM, "model", "serve", "--port", str(self.port), "--token-file", str(token)]
        self._command += ["--runtime", runtime]
        self._command += ["--weights", str(weights)] if weights else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._told.open("w") as told:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                env={**os.environ, _MARK: self._mark, "TMPDIR": self._folder},
            )
        until(self._up, "the server answers")

    def _up(self) -> bool:
        assert self._process is not None
        said = self._told.read_text()
        assert self._process.poll() is None, said
        return "Serving the weights" in said

    def stop(self) -> int:
        """End it as a person does and wait until nothing of it runs; its exit status."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(PATIENCE)
        until(lambda: not self.processes(), "all of Ray has ended", 30)
        return status

    def kill(self) -> None:
        """Kill it and all below it, as systemd does with a control group: nothing of it is left, whatever became of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)
        Path(self._folder).mkdir(mode=0o700)

    def close(self) -> None:
        """Nothing is left of it."""
        self.kill()
        Path(self._folder).rmdir()

    def processes(self, name: str = "") -> list[int]:
        """Processes of this server whose command line holds `name`."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{_MARK}={self._mark}".encode() in environment and command and name in command:
                found.append(int(folder.name))
        return found
