"""fail2ban's own code, run in a child of the system's Python with limits on time and memory.

fail2ban's modules live in the distribution's Python and are not on PyPI; its regexes backtrack. Both are reasons for a
process of its own: it sets its limits before it imports fail2ban (child/guard.py), and this side kills it when it
falls silent.
"""

import functools
import json
import os
import select
import shutil
import subprocess
import time
import zoneinfo
from pathlib import Path
from types import TracebackType

from fail2ban_ai.errors import ConfigError, Fail2banAbsent, Fail2banError

CONFIG = "/etc/fail2ban"
PYTHON_VARIABLE = "FAIL2BAN_AI_SYSTEM_PYTHON"  # an interpreter that can import fail2ban, where ours is not found
SILENCE = 180.0  # seconds
_ANSWER = 64 << 20  # bytes
_ROOT = str(Path(__file__).parents[2])
# The package's folder goes last on the path: fail2ban and whatever it imports come from the system.
_START = f"import sys; sys.path.append({_ROOT!r}); from fail2ban_ai.fail2ban.child.main import main; main()"


def interpreter() -> str:
    """Path of the Python that can import fail2ban.

    Raises:
        Fail2banAbsent: none can.
    """
    return _interpreter(os.environ.get(PYTHON_VARIABLE))


@functools.cache
def _interpreter(given: str | None) -> str:
    candidates = [given] if given else [_client_python(), "/usr/bin/python3"]
    for python in candidates:
        if python is None or not Path(python).is_file():
            continue
        check = subprocess.run(
            [python, "-I", "-c", "import fail2ban.version"], capture_output=True, timeout=30, check=False
        )
        if check.returncode == 0:
            return python
    tried = " and ".join(python for python in candidates if python)
    raise Fail2banAbsent(f"fail2ban is not installed: {tried} cannot import it (Debian: apt-get install fail2ban).")


def _client_python() -> str | None:
    """The interpreter that fail2ban-client names in its first line."""
    client = shutil.which("fail2ban-client")
    if client is None:
        return None
    with Path(client).open("rb") as file:
        first = file.readline(256).decode("utf-8", "replace")
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not words:
        return None
    return shutil.which(words[1]) if words[0].endswith("/env") and len(words) > 1 else words[0]


class Child:
    """A running child: answers to `job` come from `receive`, further requests go through `send`.

    Args:
        job: what to do; see child/main.py.
        zone: IANA name of the time zone of log lines that name none; None is this machine's own.

    Raises:
        Fail2banAbsent: no Python here can import fail2ban.
        ConfigError: there is no such time zone.
    """

    def __init__(self, job: dict[str, object], *, zone: str | None = None, silence: float = SILENCE) -> None:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        if zone is not None:
            try:
                zoneinfo.ZoneInfo(zone)
            except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
                raise ConfigError(f"there is no time zone {zone!r}; expected a name such as Europe/Berlin.") from error
            environment["TZ"] = zone
        elif "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]
        self._silence = silence
        self._read = b""
        self._process = subprocess.Popen(
            [interpreter(), "-I", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
        self.send(job)

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it died with a request half written

    def send(self, message: object) -> None:
        """Hand one request over.

        Raises:
            Fail2banError: the child is gone.
        """
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Fail2banError(self._why()) from error

    def receive(self) -> dict[str, object] | None:
        """The next answer; None when the child has ended of itself.

        Raises:
            Fail2banError: fail2ban's code failed, was silent for too long, or was killed at a limit.
        """
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        deadline = time.monotonic() + self._silence
        while b"\n" not in self._read:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Fail2banError(f"fail2ban's code was silent for {self._silence:.0f} seconds and was stopped.")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                if self._process.wait() != 0:
                    raise Fail2banError(self._why())
                return None
            self._read += chunk
            if len(self._read) > _ANSWER:
                raise Fail2banError("fail2ban's code answered with more than 64 MiB and was stopped.")
        line, _, self._read = self._read.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise Fail2banError("fail2ban's code gave an answer that is no object.")
        if "error" in answer:
            raise Fail2banError(f"fail2ban's code failed: {answer['error']}")
        return answer

    def _why(self) -> str:
        status = self._process.wait()
        if status < 0:
            return f"fail2ban's code was stopped at its limit of time or memory (signal {-status})."
        return f"fail2ban's code ended with status {status}."
