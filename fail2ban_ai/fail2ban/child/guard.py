"""Limits that the child sets on itself before it imports anything of fail2ban's."""

import atexit
import resource
import signal
import socket
from types import FrameType
from typing import NoReturn

MEMORY = 1 << 30  # bytes of address space; a replay of a busy host needs a tenth of it
CPU_AHEAD = 120  # seconds of processor time until the next sign of progress, then the kernel kills the child
TICK = 0.5  # seconds of processor time; a line that outlasts two ticks is given up


class Stuck(BaseException):
    """A line that fail2ban's regexes do not finish with.

    Not an Exception, because fail2ban's processLineAndAdd catches those, logs them and goes on.
    """


def confine() -> None:
    """Limit memory, forbid core files and cut the child off from name resolution."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    more_time()

    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        raise OSError("no look-ups in a replay")  # a host name in a log line would otherwise become a DNS query

    socket.getaddrinfo = refuse
    socket.gethostbyname = refuse
    socket.gethostbyname_ex = refuse
    socket.gethostbyaddr = refuse
    socket.getfqdn = lambda name="": name


def more_time() -> None:
    """Move the kernel's limit on processor time ahead: called with each sign of progress."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_AHEAD
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


class Watch:
    """Interrupts the one line that takes too long.

    CPython's regex engine looks for signals while it backtracks, so a handler that raises ends the match. Ticks count
    processor time, not wall time: a busy machine interrupts nobody. No system call a line.
    """

    def __init__(self) -> None:
        self._line = 0
        self._seen = 0
        self._busy = False
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
        # While Python ends it puts the signal's deadly default back: the timer must be off by then.
        atexit.register(signal.setitimer, signal.ITIMER_PROF, 0.0)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        if self._busy and self._seen == self._line:
            self._busy = False
            raise Stuck
        self._seen = self._line

    def __enter__(self) -> None:
        self._line += 1
        self._busy = True

    def __exit__(self, *_exc: object) -> None:
        self._busy = False
