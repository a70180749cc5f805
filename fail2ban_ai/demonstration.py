"""The way from log to ban on one machine, with nothing left behind: what `fail2ban-ai demo` runs.

A private fail2ban server in a network namespace of its own takes the bans, so the host's own fail2ban and firewall are
not touched. The logs are simulated and lie in the past; the enforcer's clock goes through their hours.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.analysis import Analysis
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce.enforcer import BANTIME, Enforcer
from fail2ban_ai.facts.host import gather
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.effective import Nft
from fail2ban_ai.fail2ban.namespace import Namespace, why_not
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.gate import GateSettings
from fail2ban_ai.request import ask

ROUND = 3600.0  # seconds of event time between two rounds of the enforcer


class NoNames:
    """A resolver for documentation addresses: none of them has a name."""

    def reverse(self, address: str) -> list[str]:
        """No host name."""
        del address
        return []

    def forward(self, name: str) -> list[str]:
        """No address."""
        del name
        return []


@dataclass(slots=True)
class Enforced:
    """What became of the bans asked for."""

    asked: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)  # jail: what `fail2ban-client status JAIL` prints
    blocked: dict[str, list[str]] | None = None  # jail: targets in the real nft sets; None without a namespace
    recorded: list[str] = field(default_factory=list)  # without a namespace: what the recording action wrote


def enforce(found: Analysis, folder: Path) -> Enforced:
    """Carry the bans of an analysis out on a private server; `folder` takes the decisions log.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        Fail2banError: the private server does not start.
    """
    made = Enforced()
    with _root(folder), ExitStack() as stack:
        namespace = None if why_not() else stack.enter_context(Namespace())
        server = stack.enter_context(PrivateServer(namespace))
        now = 0.0
        nft = server.nft or Nft(("false",))  # a command that never answers: no firewall is looked at
        facts = gather(server.client, NoNames(), now)
        enforcer = Enforcer(server.client, nft, GateSettings(bantime=BANTIME), lambda: facts, True, lambda: now)
        for at, verdicts in groupby(found.result.verdicts, key=lambda verdict: verdict.at // ROUND):
            now = at * ROUND + ROUND
            made.asked += ask(list(verdicts), found.passed)
            made.outcomes += enforcer.step()
        made.status = {jail: server.client.status(jail) for jail in jails.JAILS}
        if server.nft:
            made.blocked = {jail: sorted(server.nft.blocked(jail) or ()) for jail in jails.JAILS}
        elif server.recorded.exists():
            made.recorded = server.recorded.read_text().splitlines()
    return made


@contextmanager
def _root(folder: Path) -> Iterator[None]:
    """All of the project's files under `folder` meanwhile."""
    before = os.environ.get("FAIL2BAN_AI_ROOT")
    os.environ["FAIL2BAN_AI_ROOT"] = str(folder)
    paths.make_folder(paths.decisions().parent)
    paths.make_folder(paths.outcomes().parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FAIL2BAN_AI_ROOT"]
        else:
            os.environ["FAIL2BAN_AI_ROOT"] = before
