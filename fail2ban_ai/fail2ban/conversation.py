"""Several questions to fail2ban in one `fail2ban-client -i`, each asked when the answer before it is known.

A start of the client costs about 0.1 s, twice that on a busy machine, a question to one that runs a few milliseconds.
Standard library only: the root process imports this.
"""

import os
import secrets
import select
import shlex
import subprocess
import time
from collections.abc import Sequence

from fail2ban_ai.errors import Fail2banAbsent, Fail2banDown

_PROMPT = "fail2ban> "
_NO_SERVER = b"socket path"  # "Failed to access socket path …", whatever is asked


class Conversation:
    """Started with the first question; `close` ends it."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command = [*command, "-i"]
        self._timeout = timeout
        self._child: subprocess.Popen[bytes] | None = None
        self._left = b""
        self._complained = b""
        self._broken = False

    def ask(self, words: Sequence[str]) -> tuple[str, str] | None:
        """What the command prints, and its complaints; None when it must be asked in a process of its own.

        Raises Fail2banAbsent, and Fail2banDown when no answer comes in time.
        """
        line = shlex.join(words)
        if self._broken or any(end in line for end in "\r\n\0"):  # a line is a command here
            return None
        if self._child is None:
            self._start()
        mark = secrets.token_hex(8)  # so that no answer can hold what ends it
        text = self._answer(f"{line}\necho {mark}\n", f"{_PROMPT}{mark}\n".encode())
        if text is None:  # it ended, or cannot do this
            self._broken = True
            return None
        return text.partition(_PROMPT)[2].strip("\n"), self._complaints()

    def close(self) -> None:
        """End the client, which has nothing to do."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _start(self) -> None:
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except FileNotFoundError as error:
            raise Fail2banAbsent("fail2ban is not installed: fail2ban-client is not on the PATH.") from error

    def _complaints(self) -> str:
        """What it wrote to stderr so far, which it does before it ends its answer."""
        if self._child is None or self._child.stderr is None:
            return ""
        os.set_blocking(self._child.stderr.fileno(), False)
        said, self._complained = self._complained + (self._child.stderr.read() or b""), b""
        return said.decode("utf-8", "replace")

    def _answer(self, said: str, end: bytes) -> str | None:
        if self._child is None or not (self._child.stdin and self._child.stdout and self._child.stderr):
            return None
        try:
            self._child.stdin.write(said.encode("utf-8", "surrogateescape"))
        except OSError:
            return None
        deadline = time.monotonic() + self._timeout
        while end not in self._left:
            pipes = [self._child.stdout, self._child.stderr]
            ready, _, _ = select.select(pipes, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._broken = True
                raise Fail2banDown(f"fail2ban did not answer within {self._timeout:.0f} s.")
            if self._child.stderr in ready:
                self._complained += os.read(self._child.stderr.fileno(), 65536)
                if _NO_SERVER in self._complained:  # it goes on without one, and answers nothing
                    return None
            if self._child.stdout not in ready:
                continue
            more = os.read(self._child.stdout.fileno(), 65536)
            if not more:
                return None
            self._left += more
        answer, _, self._left = self._left.partition(end)
        return answer.decode("utf-8", "replace")
