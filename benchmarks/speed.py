"""`analyze`, cold, beside fail2ban-regex on the same files in the same run; and its memory when the log doubles.

    python benchmarks/speed.py [REPEATS]

The logs are simulated: the demo's weeks of a small site, written out several times over with later dates.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CLF = re.compile(r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}) \+0000\]")
_ISO = re.compile(r"^(\d{4}-\d{2}-\d{2}T\S+)")
_WRITE = """
import pathlib, sys
from fail2ban_ai.training.simulator import demo_world
demo_world().write(pathlib.Path(sys.argv[1]))
"""
FILTERS = {
    "nginx/access.log": ("nginx-botsearch", "nginx-bad-request", "apache-badbots"),
    "auth.log": ("sshd",),
    "mail.log": ("dovecot", "postfix"),
}
TIMES = {"nginx/access.log": 6, "auth.log": 20, "mail.log": 10}  # the larger log is the demo's, so many times over


def run(*command: str) -> tuple[float, int]:
    """Wall seconds and peak MB of a process and its children."""
    # An installed package has its bytecode; Python is not kept from writing it where this one has none yet.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - start, usage.ru_maxrss // 1024


def repeated(source: Path, target: Path, times: int) -> int:
    """The log several times over, each copy five weeks later; how many lines."""
    lines = source.read_text().splitlines()
    with target.open("w") as out:
        for copy in range(times):
            shift = timedelta(days=35 * copy)
            out.writelines(_later(line, shift) + "\n" for line in lines)
    return times * len(lines)


def _later(line: str, shift: timedelta) -> str:
    def clf(found: re.Match[str]) -> str:
        at = datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC) + shift
        return f"[{at:%d/%b/%Y:%H:%M:%S} +0000]"

    def iso(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[1]) + shift).isoformat()

    return _ISO.sub(iso, line, count=1) if _ISO.match(line) else _CLF.sub(clf, line, count=1)


def compare(ours: str, path: Path, kind: str, repeats: int) -> str:
    """A row of the table: medians of `repeats` runs, each beside fail2ban-regex."""
    with path.open() as log:
        lines = sum(1 for _ in log)
    ratios, mine, theirs, peak = [], [], [], 0
    for _ in range(repeats):
        seconds, memory = run(ours, "analyze", str(path), "--json")
        other, _ = run("fail2ban-regex", str(path), kind)
        ratios.append(other / seconds)
        mine.append(lines / seconds)
        theirs.append(lines / other)
        peak = max(peak, memory)
    row = (statistics.median(mine), statistics.median(theirs), statistics.median(ratios))
    return f"| {path.name} ({kind}) | {lines:,} | {row[0]:,.0f} | {row[1]:,.0f} | {row[2]:.2f} | {peak} |"


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ours = str(Path(sys.executable).with_name("fail2ban-ai"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: the peak memory of a child counts what its parent held when it was started.
        subprocess.run([sys.executable, "-c", _WRITE, name], check=True)
        run(ours, "analyze", "--help")
        print("| log | lines | analyze, lines/s | fail2ban-regex, lines/s | ratio | peak MB |")
        print("| --- | --- | --- | --- | --- | --- |")
        for log, kinds in FILTERS.items():
            larger = folder / f"larger-{Path(log).name}"
            repeated(folder / log, larger, TIMES[log])
            for path in (folder / log, larger):
                for kind in kinds:
                    print(compare(ours, path, kind, repeats), flush=True)
        lines = repeated(folder / "nginx/access.log", folder / "twice.log", 2)
        once = run(ours, "analyze", str(folder / "nginx/access.log"), "--json")
        twice = run(ours, "analyze", str(folder / "twice.log"), "--json")
        print("\n" + json.dumps({"peak MB": once[1], f"peak MB, doubled to {lines:,} lines": twice[1]}))


if __name__ == "__main__":
    main()
