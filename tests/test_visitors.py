"""What a run learns about who must not be banned, for the bans of rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.pipeline import Pipeline
from fail2ban_ai.protection import Protection
from fail2ban_ai.sources import LogReader
from fail2ban_ai.visitors import Visitors

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
USER, NEWCOMER, INTRUDER = "203.0.113.5", "203.0.113.6", "203.0.113.7"


def line(hours: float, message: str) -> str:
    at = START + timedelta(hours=hours)
    return f"{at:%Y-%m-%dT%H:%M:%S}.000000+00:00 host sshd[4711]: {message}"


def log_in(hours: float, address: str) -> str:
    return line(hours, f"Accepted password for alice from {address} port 50001 ssh2")


def guess(hours: float, address: str, name: str) -> str:
    return line(hours, f"Failed password for invalid user {name} from {address} port 50001 ssh2")


def learnt(folder: Path, lines: list[str], days: float) -> Visitors:
    log = folder / "auth.log"
    log.write_text("".join(f"{each}\n" for each in sorted(lines)))
    pipeline = Pipeline(Scorer(), "normal", Protection(2))
    for frame in LogReader([log]):
        pipeline.feed(frame)
    return pipeline.visitors((START + timedelta(days=days)).timestamp())


def test_days_with_log_ins_before_anything_hostile_count(tmp_path: Path) -> None:
    names = ("oracle", "ubnt", "admin", "test", "git", "ftp", "redis", "pi", "dev", "www")
    lines = [log_in(24 * day, USER) for day in range(4)]
    lines += [log_in(24 * 4, NEWCOMER)]
    lines += [guess(n / 50, INTRUDER, name) for n, name in enumerate(names * 4)]
    lines += [log_in(24 * day, INTRUDER) for day in range(1, 5)]  # it got in
    seen = learnt(tmp_path, lines, 4.5)
    assert seen.users[USER].days == 4
    assert seen.users[USER].last == datetime(2026, 3, 5, tzinfo=UTC).timestamp()
    assert NEWCOMER not in seen.users, "today's log-in may be the attacker's"
    assert INTRUDER not in seen.users
    assert learnt(tmp_path, lines, 45).users == {}, "log-ins of long ago protect nobody"
