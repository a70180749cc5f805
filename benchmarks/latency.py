"""From a line written to the address in the nft set: real fail2ban in a namespace, `watch` and `enforce` as processes.

    python benchmarks/latency.py [LINES_A_SECOND] [SECONDS]        (default: 1000 60; root)

A fifth of the lines hold a text never seen. Every second an address begins to attack, with six requests half a second
apart; its time counts from the line at which the watcher's verdict was due: the one that it names, or the last before.
Both are told, from the first line too.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer

PROBES = ("/.env", "/wp-login.php", "/phpmyadmin/index.php", "/.git/config", "/shell.php?cmd=id", "/cgi-bin/test.cgi")
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(80, 130)]


SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]


class Load(threading.Thread):
    """Writes the log, and remembers when each attacker's lines were written."""

    def __init__(self, path: Path, rate: int, seconds: float) -> None:
        super().__init__()
        self.attackers: dict[str, list[float]] = {}
        self._path, self._rate, self._seconds = path, rate, seconds
        self.written = 0

    def run(self) -> None:
        chance = random.Random(2)  # noqa: S311 - traffic, no secrets
        visitors = [f"198.18.{chance.randrange(256)}.{chance.randrange(256)}" for _ in range(400)]
        begin = time.time()
        due: list[tuple[float, str, int]] = []
        with self._path.open("a") as out:
            while (now := time.time()) < begin + self._seconds:
                if len(self.attackers) < (now - begin) and now < begin + self._seconds - 8:
                    # Attackers of different networks: else their network is banned for all of them.
                    number = len(self.attackers)
                    attacker = f"198.19.{number}.{number % 200 + 1}"
                    self.attackers[attacker] = []
                    due += [(now + step / 2, attacker, step) for step in range(6)]
                stamp = f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S} +0000"
                lines = []
                for _, attacker, step in [each for each in due if each[0] <= now]:
                    probe = PROBES[step]
                    lines.append(f'{attacker} - - [{stamp}] "GET {probe} HTTP/1.1" 404 1 "-" "python-requests/2.28"\n')
                    self.attackers[attacker].append(time.time())
                due = [each for each in due if each[0] > now]
                for _ in range(int((now - begin) * self._rate) - self.written):
                    who = chance.randrange(400)
                    page = f"/search?q={_words(chance)}" if self.written % 5 == 0 else f"/page/{who % 90}"
                    agent = AGENTS[who % 50]
                    lines.append(f'{visitors[who]} - - [{stamp}] "GET {page} HTTP/1.1" 200 {who} "-" "{agent}"\n')
                    self.written += 1
                out.write("".join(lines))
                out.flush()
                time.sleep(0.01)


def _words(chance: random.Random) -> str:
    """A text never seen: figures would be masked."""
    return "+".join("".join(chance.choices(SYLLABLES, k=3)) for _ in range(3))


def main() -> None:  # noqa: PLR0915 - one play from start to end
    """Print the figures."""
    rate, seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000, float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    blocked: dict[str, float] = {}
    asked: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, Namespace() as inside, PrivateServer(inside, stock=()) as server:
        root = Path(name)
        (root / "bin").mkdir()
        client = root / "bin/fail2ban-client"
        client.write_text(
            f'#!/bin/sh\nexec {shutil.which("fail2ban-client")} {" ".join(server.client._command[1:])} "$@"\n'
        )
        client.chmod(0o755)
        log = root / "access.log"
        log.touch()
        (root / "etc/fail2ban-ai").mkdir(parents=True)
        settings = {"sources": [str(log)], "zones": {"*": "UTC"}, "auto_ban": "low"}
        (root / "etc/fail2ban-ai/config.yaml").write_text(json.dumps(settings))
        gate = {"per_hour": 10_000, "per_day": 10_000, "client_floor": 10_000}
        (root / "etc/fail2ban-ai/enforce.json").write_text(json.dumps({"mode": "enforce", "gate": gate}))
        environment = os.environ | {"FAIL2BAN_AI_ROOT": name, "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}
        ours = str(Path(sys.executable).with_name("fail2ban-ai"))
        told = (root / "told.txt").open("w")
        watch = subprocess.Popen([ours, "watch"], env=environment, stderr=told)
        enforce = subprocess.Popen([*inside.command, ours, "enforce"], env=environment, stdout=told, stderr=told)
        time.sleep(6)
        log_of_decisions = root / "var/lib/fail2ban-ai/decisions.jsonl"
        load = Load(log, rate, seconds)
        load.start()
        end = time.time() + seconds + 15
        assert server.nft is not None
        while time.time() < end and (load.is_alive() or len(blocked) < len(load.attackers)):
            now_blocked = server.nft.blocked(jails.ADDRESSES) or set()
            for address in now_blocked:
                blocked.setdefault(address, time.time())
            if log_of_decisions.exists():
                for line in log_of_decisions.read_text().splitlines():
                    asked.setdefault(json.loads(line)["target"], time.time())
            time.sleep(0.02)
        load.join()
        print((root / "told.txt").read_text()[-1500:])
        decided = {}
        for line in (root / "var/lib/fail2ban-ai/decisions.jsonl").read_text().splitlines():
            decision = json.loads(line)
            decided.setdefault(decision["target"], decision)
        beat = json.loads((root / "var/lib/fail2ban-ai/heartbeat.json").read_text())
        for process in (watch, enforce):
            process.terminate()
            process.wait()
        told.close()
        first, crossing, half = [], [], []
        for address, times in load.attackers.items():
            if address in blocked and address in decided:
                events = int(decided[address]["reason"].rpartition(" after ")[2].split()[0])
                half.append(asked[address] - times[min(events, len(times)) - 1])
                first.append(blocked[address] - times[0])
                crossing.append(blocked[address] - times[min(events, len(times)) - 1])
        keys = ("lines", "lag_seconds", "degraded", "unscored", "rss_bytes")
        print(json.dumps({key: beat[key] for key in keys}), f"{load.written / seconds:.0f} lines/s")
        print(f"{len(crossing)} of {len(load.attackers)} attackers blocked")
        for text, values in (
            ("the line that decided to the decision", half),
            ("the line that decided", crossing),
            ("its first line", first),
        ):
            if len(values) > 1:
                late = statistics.quantiles(values, n=100)[98]
                print(
                    f"from {text}: median {statistics.median(values):.2f} s, 99th percentile {late:.2f} s, most {max(values):.2f} s"
                )


if __name__ == "__main__":
    main()
