"""Lines of sshd as syslog writes them."""

import itertools
from datetime import UTC, datetime

_PIDS = itertools.count(1000)  # each log-in has a process of its own, and fail2ban joins the lines of one process


def failed(at: datetime, address: str, user: str = "root") -> str:
    return f"{at:%b %e %H:%M:%S} host sshd[{next(_PIDS)}]: Failed password for {user} from {address} port 4242 ssh2\n"


def seconds(at: datetime) -> float:
    """`at`, taken as UTC, in seconds since the epoch."""
    return at.replace(tzinfo=UTC).timestamp()
