"""What the watcher gives back: pages of libraries that only the start needed, and they still work."""

import subprocess
import sys

_TRIMMED = """
from pathlib import Path
from fail2ban_ai.watch import memory
memory.settle()
import polars as pl
from fail2ban_ai.model.onnx import OnnxRuntime

def mapped():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("RssFile"))

def said():
    frame = pl.DataFrame({"a": ["x", "y", "x"]}).group_by("a").len().sort("a")
    return frame.rows(), runtime.encode(["get /index.php"]).tolist()

runtime = OnnxRuntime()
first = said()
before = mapped()
memory.trim()
print(before - mapped())
assert said() == first
memory.trim()
assert said() == first
"""


def test_code_that_is_not_called_is_let_go_and_works_when_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", _TRIMMED], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 20_000  # KB
