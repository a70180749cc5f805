"""Runs what may hang or fail in a child with limits on time and memory: foreign regexes, foreign code's imports."""

import json
import subprocess
import sys
from typing import Any

from fail2ban_ai.fail2ban import code as fail2ban_code

SECONDS = 10
_LIMITS = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
"""


def system_python() -> str:
    """The Python that fail2ban runs in; Fail2banAbsent where there is none."""
    return fail2ban_code.interpreter()


def ask(code: str, question: object, *, python: str = sys.executable, seconds: float = SECONDS) -> dict[str, Any]:
    """Run `code` with the question as JSON on its standard input; its answer is the JSON object it prints.

    TimeoutError when it takes longer than `seconds`; ChildProcessError when it fails.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", _LIMITS + code],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"no answer within {seconds:.0f} s") from error
    if done.returncode < 0:
        raise TimeoutError(f"ended by signal {-done.returncode}")
    if done.returncode != 0:
        raise ChildProcessError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    answer = json.loads(done.stdout)
    if not isinstance(answer, dict):
        raise ChildProcessError("no JSON object came back")
    return answer
