"""Memory and disk of `fail2ban-ai watch` as a log grows: the same host for six days, with ever more lines.

    python benchmarks/soak.py [MILLIONS…]        (default: 0.5 1 2)

Each size is read by a watcher of its own from its first line to its last, so nothing is left out for lack of time. One
line in fifty is an attacker's, one in twenty holds a text that was never seen, visitors come and go for good.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAYS = 6.0
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(80, 130)]
PROBES = ("/.env", "/wp-login.php", "/phpmyadmin/", "/.git/config", "/cgi-bin/test.cgi", "/shell.php?cmd=id")


def write(path: Path, lines: int) -> None:
    """An access log of so many lines that ends now."""
    chance = random.Random(1)  # noqa: S311 - for a log
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    step = DAYS * 86400 / lines
    visitors = [(_address(chance), chance.choice(AGENTS)) for _ in range(500)]
    with path.open("w") as out:
        for number in range(lines):
            at = begin + timedelta(seconds=number * step)
            stamp = f"{at:%d/%b/%Y:%H:%M:%S} +0000"
            if number % 50 == 0:
                attacker = f"203.0.113.{number // 20000 % 250 + 1}" if number % 100 else _address(chance)
                probe = chance.choice(PROBES) + (f"?x={chance.random()}" if number % 200 == 0 else "")
                out.write(f'{attacker} - - [{stamp}] "GET {probe} HTTP/1.1" 404 150 "-" "python-requests/2.28"\n')
                continue
            if number % 40 == 1:
                visitors[chance.randrange(500)] = (_address(chance), chance.choice(AGENTS))
            address, agent = visitors[chance.randrange(500)]
            page = f"/search?q={chance.random():.9f}" if number % 20 == 3 else f"/page/{chance.randrange(400)}"
            out.write(f'{address} - - [{stamp}] "GET {page} HTTP/1.1" 200 {chance.randrange(9000)} "-" "{agent}"\n')


def _address(chance: random.Random) -> str:
    return f"198.{18 + chance.randrange(2)}.{chance.randrange(256)}.{chance.randrange(256)}"


def soak(lines: int) -> dict[str, float]:
    """Figures of a watcher that reads so many lines."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        log = root / "access.log"
        write(log, lines)
        (root / "etc/fail2ban-ai").mkdir(parents=True)
        settings = {"sources": [str(log)], "zones": {"*": "UTC"}, "history_megabytes": 64}
        (root / "etc/fail2ban-ai/config.yaml").write_text(json.dumps(settings))
        command = [str(Path(sys.executable).with_name("fail2ban-ai")), "watch"]
        began = time.monotonic()
        environment = os.environ | {"FAIL2BAN_AI_ROOT": name}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("caught up"):
                break
        seconds = time.monotonic() - began
        time.sleep(5)
        status = Path(f"/proc/{process.pid}/status").read_text()
        now, peak = (int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 1024 for key in ("VmRSS", "VmHWM"))  # type: ignore[index]
        process.send_signal(signal.SIGTERM)
        process.communicate()
        state = root / "var/lib/fail2ban-ai"
        disk = sum(file.stat().st_size for file in state.rglob("*") if file.is_file()) / 1e6
        with log.open() as written:
            actors = len({line.partition(" ")[0] for line in written})
    return {"lines": lines, "actors": actors, "lines/s": lines / seconds, "MB": now, "peak MB": peak, "disk MB": disk}


def main() -> None:
    """Print a table, a row for each size."""
    sizes = [float(word) for word in sys.argv[1:]] or [0.5, 1.0, 2.0]
    print("| lines | addresses | lines/s | resident MB at the end | at most | state on disk, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        found = soak(int(size * 1e6))
        print("| " + " | ".join(f"{value:,.0f}" for value in found.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
