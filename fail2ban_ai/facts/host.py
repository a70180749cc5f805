"""Gathers the gate's facts on a real host. Standard library only: the root process imports this.

    facts = gather(Client())

What cannot be learnt is named in `missing`, and the gate then refuses everything until it can.
"""

import functools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from fail2ban_ai import addresses, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions import target_of
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.errors import ConfigError, Fail2banError
from fail2ban_ai.facts import AllowEntry, Banned, Facts, Protected, Resolver
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.facts import fail2ban as facts_fail2ban
from fail2ban_ai.facts.dns import ChildResolver
from fail2ban_ai.gate.rules import DAY, counts_as_network

_Fact = TypeVar("_Fact")
_SECONDS = 5.0
_RESOLV_CONF = Path("/etc/resolv.conf")
_PROC = Path("/proc")


def gather(
    fail2ban: facts_fail2ban.Fail2ban,
    resolver: Resolver | None = None,
    now: float | None = None,
    bans: list[Banned] | None = None,
) -> Facts:
    """The facts as of `now` (None: of the clock). Never raises for what the host lacks: it is in `missing`.

    Without a resolver DNS is asked as facts.dns does; without `bans`, those of the last day, the outcomes are read.
    """
    resolver = resolver or ChildResolver()
    since = (time.time() if now is None else now) - DAY
    missing: list[str] = []
    problems: list[str] = []
    own = learn(missing, "the host's own addresses", own_addresses)
    peers = learn(missing, "the SSH sessions", ssh_peers)
    allow: list[AllowEntry] = learn(missing, "the allow list", facts_allow.load)
    ranges = learn(missing, "the published ranges", lambda: published_ranges(problems))
    spared = facts_fail2ban.Spared()
    try:
        spared = facts_fail2ban.ask(fail2ban, resolver)
    except Fail2banError as error:
        missing.append(f"what fail2ban ignores ({error})")
    spares = functools.partial(facts_fail2ban.spared_by_command, spared.commands)
    return Facts(
        own=tuple(own),
        peers=tuple(peers),
        ignoreip=tuple(spared.ignoreip),
        ranges=tuple(ranges),
        allow=tuple(allow),
        ignorecommand=spares if spared.commands else None,
        resolver=resolver,
        bans=learn(missing, "the bans of the last day", lambda: recent_bans(since) if bans is None else bans),
        missing=(*missing, *spared.missing),
        problems=(*problems, *spared.problems),
    )


def learn(missing: list[str], what: str, how: Callable[[], Iterable[_Fact]]) -> list[_Fact]:
    """What `how` gives; where it cannot, nothing, and `what` with the reason is among the missing."""
    try:
        return list(how())
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, ConfigError) as error:
        reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
        missing.append(f"{what} ({reason})")
        return []


def _output(*words: str) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout


def own_addresses() -> Iterator[Protected]:
    """The addresses of all interfaces, the default gateways and the name servers (iproute2's JSON, resolv.conf)."""
    for interface in json.loads(_output("ip", "-j", "addr")):
        for each in interface.get("addr_info", []):
            yield from _protected(each.get("local", ""), str(interface.get("ifname")))
    for family in ("-4", "-6"):
        for route in json.loads(_output("ip", "-j", family, "route", "show", "default") or "[]"):
            for hop in (route, *route.get("nexthops", [])):
                yield from _protected(str(hop.get("gateway", "")), "default gateway")
    if _RESOLV_CONF.exists():
        for server in re.findall(r"^\s*nameserver\s+(\S+)", _RESOLV_CONF.read_text(errors="replace"), re.MULTILINE):
            yield from _protected(server, "name server")


def _protected(text: str, source: str) -> Iterator[Protected]:
    network = target_of(text.partition("%")[0])  # a scope id narrows; what protects may be wide
    if network is not None:
        yield Protected(network, source)


def ssh_peers() -> Iterator[Protected]:
    """The other ends of SSH sessions that somebody is logged in to.

    A connection alone protects nobody: an attacker who is guessing has one too. OpenSSH's processes say in their titles
    how far they are: "sshd: root [net]" and "[priv]" stand for one that may still be guessing, "sshd: root@pts/0" (and
    "sshd: root", when only ports are forwarded) for one that is in; since 9.8 they begin with "sshd-session:".
    """
    if os.geteuid() != 0:
        raise PermissionError("other users' processes are not shown")
    for line in _output("ss", "-Htnp", "state", "established").splitlines():
        columns = line.split()
        if '"sshd' in line and len(columns) >= 5 and any(map(_logged_in, re.findall(r"pid=(\d+)", line))):
            yield from _protected(columns[3].rpartition(":")[0].strip("[]"), "ss")
    yield from _protected(os.environ.get("SSH_CONNECTION", "").partition(" ")[0], "SSH_CONNECTION")


def _logged_in(pid: str) -> bool:
    try:
        title = (_PROC / pid / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:  # it ended
        return False
    return re.match(r"sshd(-session)?: ", title) is not None and not title.endswith("]") and "[listener]" not in title


def published_ranges(problems: list[str]) -> Iterator[Protected]:
    """The networks in ranges.d/*.txt: one a line, "#" starts a comment. A line that is none is a problem.

    ConfigError when a file could have been written by another than root.
    """
    folder = paths.ranges()
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
        for number, line in enumerate((paths.read_trusted(path) or "").splitlines(), 1):
            text = line.partition("#")[0].strip()
            network = target_of(text)
            if network is not None:
                yield Protected(network, path.name)
            elif text:
                problems.append(f"{path}, line {number}: {clean(text, 60)!r} is no network.")


def recent_bans(since: float) -> Iterator[Banned]:
    """The bans carried out after `since`, from the outcomes."""
    for outcome in decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line):
        target = addresses.parse_network(outcome.target)
        if outcome.result in ("banned", "limited") and outcome.at > since and target is not None:
            yield Banned(outcome.at, counts_as_network(target))
