"""A network namespace of our own with real nftables in it, for the demo and the tests.

The namespace has no name: it lives as long as a process that sleeps in it, and that process dies with us
(PR_SET_PDEATHSIG), so nothing is left behind, not even after SIGKILL. Nothing in it can touch the host's own rules.
"""

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType

# The kernel sends this child SIGKILL when the thread that started it ends.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


class Namespace:
    """A context manager: `command` is what to put before a command to run it inside."""

    def __init__(self) -> None:
        self._holder: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """A process inside, for `ip link set … netns PID`."""
        if self._holder is None:
            raise RuntimeError("the namespace is used outside its context")
        return self._holder.pid

    @property
    def command(self) -> tuple[str, ...]:
        """The words to put before a command; it execs, so the process id is the command's own."""
        return ("nsenter", f"--net=/proc/{self.pid}/ns/net", "--")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside and capture what it prints; raises CalledProcessError when it fails."""
        return subprocess.run([*self.command, *words], capture_output=True, text=True, timeout=20, check=True)

    def __enter__(self) -> "Namespace":
        outside = Path("/proc/self/ns/net").readlink()
        self._holder = subprocess.Popen(
            [*_WITH_US, "unshare", "--net", "--", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        inside = Path(f"/proc/{self.pid}/ns/net")
        for _ in range(200):
            # unshare has done its work once the link differs from ours.
            if self._holder.poll() is not None or inside.readlink() != outside:
                break
            time.sleep(0.01)
        if self._holder.poll() is not None:
            self.__exit__(None, None, None)
            raise OSError("the kernel gives us no network namespace")
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()
            self._holder = None


def why_not() -> str | None:
    """Why this host gives us no namespace with nftables, in words; None when it does (tried, not guessed)."""
    if os.geteuid() != 0:
        return "not root"
    try:
        with Namespace() as namespace:
            namespace.run("nft", "add", "table", "inet", "f2b-try")
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    except subprocess.CalledProcessError as error:
        return f"{error.cmd[3]} fails inside: {error.stderr.strip()}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None
