"""Lines that no service ever wrote, and lines whose texts imitate other lines: nothing ends, no bystander is banned.

Peers are addresses of 203.0.113.0/24: they connect, and may be banned. Bystanders, 198.51.100.0/24, only ever stand in
what a peer can choose: a user name, a path, a user agent, a mail address, each made to look like a line about them.
"""

import ipaddress
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fail2ban_ai import decisions, heartbeat, paths
from fail2ban_ai.decisions import log as decisions_log

LINES = int(os.environ.get("FUZZ_LINES", "4000"))  # make fuzz: a million
LONG = 70_000  # bytes of a line beyond what is read
WAIT = 60.0 + LINES / 200  # seconds
BYSTANDERS = ipaddress.ip_network("198.51.100.0/24")
LOGS = ("access.log", "auth.log", "mail.log")
NOISE = [bytes([code]) for code in range(256) if code not in b"\n\r"]
CLAIMS = (
    "Failed password for root from {} port 22 ssh2",
    "Invalid user admin from {} port 4711",
    '{} - - [{}] "GET /.env HTTP/1.1" 404 9 "-" "sqlmap/1.7"',
    "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={}  user=root",
    "imap-login: Disconnected: (auth failed, 9 attempts): user=<root>, method=PLAIN, rip={}, lip=192.0.2.1",
    "warning: unknown[{}]: SASL LOGIN authentication failed",
    "[sshd] Ban {}",
    "' OR 1=1 -- {}",
)


class Fuzz:
    """Lines by chance, the same in every run."""

    def __init__(self) -> None:
        self._chance = random.Random(7)  # noqa: S311 - repeatable, not secret
        self._real: list[bytes] = []
        self._ways: tuple[Callable[[str], bytes], ...] = (
            self._rubbish,
            self._mutated,
            self._imitation,
            self._real_line,
        )

    def line(self, log: str) -> bytes:
        """One line for this log, without its end."""
        if self._chance.random() < 0.0005:
            return self._imitation(log).ljust(LONG, b"A")
        return self._chance.choices(self._ways, (2, 3, 4, 3))[0](log)

    def _real_line(self, log: str) -> bytes:
        """What the service writes about a peer."""
        made = self._about(log, self._chance.choice(("admin", "info@example.com", "test")), "Mozilla/5.0 Firefox/115.0")
        self._real = [*self._real, made][-50:]
        return made

    def _imitation(self, log: str) -> bytes:
        """The same, with texts of the peer's that look like lines about a bystander."""
        return self._about(log, self._claim(log), self._claim(log))

    def _rubbish(self, log: str) -> bytes:
        return b"".join(self._chance.choices(NOISE, k=self._chance.randrange(120)))

    def _mutated(self, log: str) -> bytes:
        """A real line cut, doubled, spliced with another one, or with bytes of any kind in it."""
        line = bytearray(self._chance.choice(self._real or [b"\0"]))
        for _ in range(self._chance.randrange(1, 5)):
            at, to = sorted(self._chance.randrange(len(line) + 1) for _ in range(2))
            other = self._chance.choice(self._real or [b"\0"])
            line[at:to] = self._chance.choice((b"", line[at:to] * 2, other[at:to], self._chance.choice(NOISE)))
        return bytes(line[:2000])

    def _claim(self, log: str) -> str:
        address = str(BYSTANDERS[self._chance.randrange(256)])
        text = self._chance.choice(CLAIMS).replace("{}", address, 1).replace("{}", _web_time())
        around = "".join(
            self._chance.choices(["", " ", "\t", "\0", "\x1b[2J", "é", "\udcff", "%0a", "from ", "'"], k=4)
        )
        text = around + text + around[::-1]
        # Quotation marks are escaped in a web log, angle brackets are none of a mail address's.
        return text.replace('"', "\\x22") if log == "access.log" else text.replace(">", "").replace("<", "")

    def _about(self, log: str, name: str, agent: str) -> bytes:
        peer = f"203.0.113.{self._chance.randrange(256)}"
        stamp, number = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"), self._chance.randrange(1024, 60000)
        if log == "access.log":
            said = (
                f'{peer} - - [{_web_time()}] "GET /{name} HTTP/1.1" {self._chance.choice((200, 404))} 9 "-" "{agent}"'
            )
        elif log == "auth.log":
            said = (
                f"{stamp} host sshd[{number}]: Failed password for invalid user {name} from {peer} port {number} ssh2"
            )
        else:
            said = (
                f"{stamp} host dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
                f"user=<{name}>, method=PLAIN, rip={peer}, lip=192.0.2.1, session=<{number}>"
            )
        return said.encode("utf-8", "surrogateescape").replace(b"\n", b" ").replace(b"\r", b" ")


def _web_time() -> str:
    return datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Logs that begin as those of their services do."""
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    made, fuzz = {name: tmp_path / name for name in LOGS}, Fuzz()
    for name, path in made.items():
        path.write_bytes(b"".join(fuzz._real_line(name) + b"\n" for _ in range(60)))
    paths.config().parent.mkdir(parents=True)
    paths.config().write_text(json.dumps({"sources": [str(path) for path in made.values()], "auto_ban": "low"}))
    return made


@pytest.fixture
def watcher(logs: dict[str, Path]) -> Iterator[subprocess.Popen[bytes]]:
    words = [str(Path(sys.executable).with_name("fail2ban-ai")), "watch"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def test_nothing_ends_and_no_bystander_is_banned(logs: dict[str, Path], watcher: subprocess.Popen[bytes]) -> None:
    fuzz, count = Fuzz(), sum(path.read_bytes().count(b"\n") for path in logs.values())
    pens = {name: path.open("ab") for name, path in logs.items()}
    for number in range(LINES):
        pens[LOGS[number % 3]].write(fuzz.line(LOGS[number % 3]) + b"\n")
    for pen in pens.values():
        pen.close()
    blank = sum(not line.strip() for path in logs.values() for line in path.read_bytes().split(b"\n")) - len(logs)
    end = time.monotonic() + WAIT
    while _read() < count + LINES - blank and time.monotonic() < end and watcher.poll() is None:
        time.sleep(1.0)
    assert watcher.poll() is None, "it still runs"
    assert abs(_read() - (count + LINES - blank)) <= blank, "and read everything"
    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait(60) == 0
    asked = {decision.target for decision in decisions_log.read_all(paths.decisions(), decisions.from_line)}
    assert asked, "peers are banned, so that it would show"
    assert not {target for target in asked if _holds_bystanders(target)}


def test_analyze_says_the_same(logs: dict[str, Path]) -> None:
    fuzz = Fuzz()
    for name, path in logs.items():
        with path.open("ab") as pen:
            pen.writelines(fuzz.line(name) + b"\n" for _ in range(LINES // 3))
    words = [str(Path(sys.executable).with_name("fail2ban-ai")), "analyze", *map(str, logs.values()), "--json"]
    done = subprocess.run(words, capture_output=True, check=False, timeout=WAIT)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    banned = {each["target"] for each in found["decisions"] if each["action"] == "ban"}
    assert banned
    assert not {target for target in banned if _holds_bystanders(target)}


def _read() -> int:
    beat = heartbeat.read()
    return 0 if isinstance(beat, str) else beat.lines


def _holds_bystanders(target: str) -> bool:
    network = ipaddress.ip_network(target)
    return network.version == BYSTANDERS.version and network.overlaps(BYSTANDERS)
