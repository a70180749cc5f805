"""The root process imports the standard library and ourselves, nothing else."""

import subprocess
import sys

import pytest

MODULES = (
    "paths",
    "decisions",
    "decisions.log",
    "decisions.outcomes",
    "decisions.lift",
    "gate",
    "facts",
    "facts.host",
    "facts.dns",
    "facts.allow",
    "enforce.enforcer",
    "enforce.trial",
    "enforce.breaker",
    "enforce.notices",
    "enforce.no_effect",
    "enforce.spares",
    "cli.enforce",
    "cli.spares",
)
SCRIPT = """
import importlib, sys
importlib.import_module(sys.argv[1])
ours = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(*sorted(name for name in ours if not name.startswith("_")))
"""


@pytest.mark.parametrize("module", MODULES)
def test_nothing_from_outside(module):
    # -I keeps this test's own environment out; the site's start-up hooks are subtracted by an empty run.
    words = [sys.executable, "-I", "-c", SCRIPT]
    before, after = (
        set(subprocess.run([*words, name], capture_output=True, text=True, check=True).stdout.split())
        for name in ("sys", f"fail2ban_ai.{module}")
    )
    assert after - before == {"fail2ban_ai"}
