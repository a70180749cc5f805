"""Whether the gate spares an address that a rule matched. fail2ban asks for each address, once a minute at most.

    judge(Match(True, "192.0.2.7", line), Client(), ChildResolver(), now)      # a Refusal, or None: it may be banned

fail2ban holds all its commands back while it waits, so what can be remembered for a minute is: what its jails ignore,
and the host's own addresses. Slow name servers (attackers have some) are waited for a few seconds in a minute and no
longer. Standard library only: root runs this.
"""

import functools
import ipaddress
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from fail2ban_ai import decisions, paths, visitors
from fail2ban_ai.decisions import Decision, Traffic
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.facts import Banned, Facts, Protected, Resolver
from fail2ban_ai.facts import allow as facts_allow
from fail2ban_ai.facts import fail2ban as facts_fail2ban
from fail2ban_ai.facts.fail2ban import Fail2ban
from fail2ban_ai.facts.host import learn, own_addresses, published_ranges, ssh_peers
from fail2ban_ai.gate import Gate, Refusal
from fail2ban_ai.gate.rules import DAY

REMEMBERED = 60.0  # seconds
DNS_SECONDS = 5.0  # of waiting for DNS within REMEMBERED


@dataclass(slots=True)
class _Memory:
    """spares.json, root's own. Times are seconds since the epoch."""

    passed: dict[str, float] = field(default_factory=dict)  # addresses that may be banned: since when, for the budgets
    asked_at: float = 0.0  # when fail2ban and the host were asked …
    own: list[tuple[str, str]] = field(default_factory=list)  # … for addresses, and whose they are,
    ignoreip: list[tuple[str, str]] = field(default_factory=list)
    commands: dict[str, list[str]] = field(default_factory=dict)  # and for ignorecommands by jail
    dns_since: float = 0.0
    dns_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule matched: an address as fail2ban writes it, the line, and whether that is of a web server."""

    web: bool
    address: str
    line: str


def judge(match: Match, fail2ban: Fail2ban, resolver: Resolver, now: float) -> Refusal | None:
    """The gate's word on a match at `now` (seconds since the epoch).

    Raises ConfigError or TargetError for settings and addresses that are none; whoever calls this spares then.
    """
    address, line = decisions.normal(match.address), match.line
    gate = enforcer_settings.load().gate
    memory = _recall(now)
    patient = _Patient(resolver, memory)
    about = visitors.about(address, now)
    facts = _facts(memory, fail2ban, patient, now)
    # Search engines' crawlers neither log in nor send mail, so DNS need not be asked who does.
    facts = replace(facts, resolver=patient if match.web else _Nameless())
    if isinstance(about, str):
        refusal = Gate(gate, replace(facts, missing=(*facts.missing, about))).check(_decision(address, line, now), now)
    else:
        facts.bans.extend(Banned(at, network=False) for name, at in memory.passed.items() if name != address)
        traffic = about.traffic if match.web else replace(about.traffic, share=0.0, edges=0.0)
        refusal = Gate(gate, facts).check(_decision(address, line, now, about.logins, traffic), now)
    if refusal is None:
        memory.passed.setdefault(address, now)
    paths.replace(paths.spares(), json.dumps(asdict(memory)), lasting=False)
    return refusal


def _decision(
    address: str, line: str, now: float, logins: Mapping[str, int] | None = None, traffic: Traffic | None = None
) -> Decision:
    return decisions.make(address, at=now, reason="", matches=[line], known_logins=logins, traffic=traffic)


def _facts(memory: _Memory, fail2ban: Fail2ban, resolver: Resolver, now: float) -> Facts:
    missing: list[str] = []
    if not 0 <= now - memory.asked_at < REMEMBERED:
        own = learn(missing, "the host's own addresses", own_addresses)
        memory.own = [(str(one.network), one.source) for one in own]
        try:
            spared = facts_fail2ban.ask(fail2ban, resolver)
        except Fail2banError as error:
            missing.append(f"what fail2ban ignores ({error})")
        else:
            memory.ignoreip = [(str(one.network), one.source) for one in spared.ignoreip]
            memory.commands = spared.commands
            missing += spared.missing
        memory.asked_at = 0.0 if missing else now
    spares = functools.partial(facts_fail2ban.spared_by_command, memory.commands)
    return Facts(
        own=_protected(memory.own),
        peers=tuple(learn(missing, "the SSH sessions", ssh_peers)),
        ignoreip=_protected(memory.ignoreip),
        ranges=tuple(learn(missing, "the published ranges", lambda: published_ranges([]))),
        allow=tuple(learn(missing, "the allow list", facts_allow.load)),
        ignorecommand=spares if memory.commands else None,
        missing=tuple(missing),
    )


def _protected(kept: Iterable[tuple[str, str]]) -> tuple[Protected, ...]:
    return tuple(Protected(ipaddress.ip_network(network), source) for network, source in kept)


def _recall(now: float) -> _Memory:
    """What was remembered; nothing where the file is damaged, which costs a question more and empties the budgets."""
    text = paths.read_trusted(paths.spares())
    try:
        memory = _Memory(**json.loads(text)) if text else _Memory()
        memory.passed = {name: at for name, at in memory.passed.items() if 0 <= now - at < DAY}
    except (ValueError, TypeError, AttributeError):
        return _Memory()
    if not 0 <= now - memory.dns_since < REMEMBERED:
        memory.dns_since, memory.dns_seconds = now, 0.0
    return memory


@dataclass(slots=True)
class _Patient:
    """A resolver whose patience is bounded, over all questions of a minute."""

    resolver: Resolver
    memory: _Memory

    def reverse(self, address: str) -> list[str] | None:
        """As facts.Resolver; None once DNS has taken too long."""
        return self._timed(lambda: self.resolver.reverse(address))

    def forward(self, name: str) -> list[str] | None:
        """As facts.Resolver; None once DNS has taken too long."""
        return self._timed(lambda: self.resolver.forward(name))

    def _timed(self, ask: Callable[[], list[str] | None]) -> list[str] | None:
        if self.memory.dns_seconds >= DNS_SECONDS:
            return None
        began = time.monotonic()
        try:
            return ask()
        finally:
            self.memory.dns_seconds += time.monotonic() - began


class _Nameless:
    """A resolver for those who cannot be a crawler."""

    def reverse(self, address: str) -> list[str] | None:
        """No name."""
        return []

    def forward(self, name: str) -> list[str] | None:
        """No address."""
        return []
