"""Memory and disk of `fail2ban-ai watch` as logs grow: the same host for six days, ten million lines.

    python benchmarks/soak.py [MILLIONS]        (default: 10)

One watcher reads a web log and sshd's from their first lines to their last, so nothing is left out for lack of time, and
tells what it holds at every doubling. One web line in fifty is an attacker's, one in twenty holds a text that was never
seen, visitors come and go for good; one line in ten is sshd's, nearly all of them guesses of ever new addresses.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAYS = 6.0
FIRST = 250_000  # lines at which it is looked at first
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(80, 130)]
PROBES = ("/.env", "/wp-login.php", "/phpmyadmin/", "/.git/config", "/cgi-bin/test.cgi", "/shell.php?cmd=id")
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]


def write(folder: Path, lines: int) -> None:
    """A web log and sshd's, of so many lines together, that end now."""
    chance = random.Random(1)  # noqa: S311 - for a log
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    step = DAYS * 86400 / lines
    visitors = [(_address(chance), chance.choice(AGENTS)) for _ in range(500)]
    with (folder / "access.log").open("w") as web, (folder / "auth.log").open("w") as sshd:
        for number in range(lines):
            at = begin + timedelta(seconds=number * step)
            if number % 10 == 7:
                sshd.write(f"{at:%Y-%m-%dT%H:%M:%S}+00:00 host sshd[{number % 30000}]: {_guess(chance, number)}\n")
                continue
            stamp = f"{at:%d/%b/%Y:%H:%M:%S} +0000"
            if number % 50 == 0:
                attacker = f"203.0.113.{number // 20000 % 250 + 1}" if number % 100 else _address(chance)
                probe = chance.choice(PROBES) + (f"?x={_words(chance)}" if number % 200 == 0 else "")
                web.write(f'{attacker} - - [{stamp}] "GET {probe} HTTP/1.1" 404 150 "-" "python-requests/2.28"\n')
                continue
            if number % 40 == 1:
                visitors[chance.randrange(500)] = (_address(chance), chance.choice(AGENTS))
            address, agent = visitors[chance.randrange(500)]
            page = f"/search?q={_words(chance)}" if number % 20 == 3 else f"/page/{_word(chance.randrange(2000))}"
            web.write(f'{address} - - [{stamp}] "GET {page} HTTP/1.1" 200 {chance.randrange(9000)} "-" "{agent}"\n')


def _address(chance: random.Random) -> str:
    return f"198.{18 + chance.randrange(2)}.{chance.randrange(256)}.{chance.randrange(256)}"


def _word(number: int) -> str:
    return SYLLABLES[number % 70] + SYLLABLES[number // 70 % 70]


def _words(chance: random.Random) -> str:
    return "+".join(_word(chance.randrange(4900)) for _ in range(4))


def _guess(chance: random.Random, number: int) -> str:
    if number % 1000 == 7:
        return (
            f"Accepted publickey for user{number // 1000 % 20} from 192.0.2.{number // 1000 % 20 + 1} port 50000 ssh2"
        )
    who = f"invalid user {_word(chance.randrange(4900))}" if number % 3 else "root"
    return f"Failed password for {who} from {_address(chance)} port {chance.randrange(1024, 65535)} ssh2"


def soak(folder: Path) -> None:
    """Print a row at each doubling while a watcher reads the logs, and one when it has."""
    (folder / "etc/fail2ban-ai").mkdir(parents=True)
    logs = [str(folder / name) for name in ("access.log", "auth.log")]
    settings = {"sources": logs, "zones": {"*": "UTC"}, "history_megabytes": 64}
    (folder / "etc/fail2ban-ai/config.yaml").write_text(json.dumps(settings))
    command = [str(Path(sys.executable).with_name("fail2ban-ai")), "watch"]
    environment = os.environ | {"FAIL2BAN_AI_ROOT": str(folder)}
    began, due = time.monotonic(), FIRST
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                time.sleep(1.0)
                beat = _beat(folder)
                if beat.get("lines", 0) >= due:
                    _row(folder, process.pid, beat["lines"], time.monotonic() - began)
                    due *= 2
                if beat.get("live"):
                    time.sleep(10.0)  # what it is left with
                    _row(folder, process.pid, _beat(folder)["lines"], time.monotonic() - 10.0 - began)
                    return
        finally:
            process.send_signal(signal.SIGTERM)


def _beat(folder: Path) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads((folder / "var/lib/fail2ban-ai/heartbeat.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def _row(folder: Path, pid: int, lines: int, seconds: float) -> None:
    status = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, own, most = (int(status[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon", "VmHWM"))
    state = folder / "var/lib/fail2ban-ai"
    disk = sum(file.stat().st_size for file in state.rglob("*") if file.is_file()) / 1e6
    values = (lines, lines / seconds, now, own, most, disk)
    print("| " + " | ".join(f"{value:,.0f}" for value in values) + " |", flush=True)


def main() -> None:
    """Print the table."""
    print("| lines | lines/s | resident MB | of it no file's | most so far | state on disk, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), int(float((*sys.argv[1:], "10")[0]) * 1e6))
        soak(Path(name))


if __name__ == "__main__":
    main()
