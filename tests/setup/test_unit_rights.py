"""The enforcer with no more rights than its unit leaves it: bans a target for real, and learns all the gate needs."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.setup import units
from tests.setup import private_host

RUN = "import sys; from fail2ban_ai.cli import main; sys.argv[0] = 'fail2ban-ai'; main()"


def kept(unit: str) -> list[str]:
    """The capabilities of a unit's bounding set, as setpriv names them."""
    text = (units.folder() / unit).read_text()
    found = re.search(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
    assert found is not None
    return [name.removeprefix("CAP_").lower() for name in found[1].split()]


@pytest.mark.bench
def test_the_enforcer_bans_with_the_capabilities_of_its_unit(
    server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.namespace is not None
    assert server.nft is not None
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", private_host.client_on_path(tmp_path / "bin", server))
    paths.settings().parent.mkdir(parents=True)
    paths.settings().write_text(json.dumps({"mode": "enforce"}))
    theirs = paths.decisions().parent
    decision = decisions.make("203.0.113.9", at=time.time(), reason="test", matches=["a line"])
    decisions_log.append(paths.decisions(), decisions.to_line(decision))
    for path in (paths.decisions(), theirs):  # the watcher's, closed to others: root needs DAC_READ_SEARCH
        os.chown(path, 65534, 65534)
        path.chmod(0o700 if path == theirs else 0o600)
    bounds = ",".join(["-all", *(f"+{name}" for name in kept("fail2ban-ai-enforce.service"))])
    limited = ["setpriv", f"--bounding-set={bounds}", f"--inh-caps={bounds}", "--no-new-privs", "--"]
    done = subprocess.run(
        [*server.namespace.command, *limited, sys.executable, "-c", RUN, "enforce", "--once"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (outcome,) = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    assert (outcome.result, outcome.reason) == ("banned", "")
    assert server.nft.blocked(jails.ADDRESSES) == {"203.0.113.9"}


@pytest.mark.parametrize("unit", ["fail2ban-ai-watch.service", "fail2ban-ai-analyze.service"])
def test_who_reads_hostile_lines_holds_no_capability_and_has_no_network(unit: str) -> None:
    text = (units.folder() / unit).read_text()
    assert kept(unit) == []
    assert {"User=fail2ban-ai", "PrivateNetwork=yes", "IPAddressDeny=any", "NoNewPrivileges=yes"} <= set(
        text.split("\n")
    )
