"""The rules of the gate, one small function each; RULES is their order. Pure; standard library only.

A rule gets a Case and returns a Refusal or None. Cheap rules come first; those that ask DNS or run a command come last.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fail2ban_ai import addresses
from fail2ban_ai.addresses import Network
from fail2ban_ai.decisions import Decision, spelled, target_of
from fail2ban_ai.facts import Facts, Protected, Resolver
from fail2ban_ai.gate.lists import CRAWLERS, PREFIXES, SPECIAL

HOUR = 3600.0
DAY = 86400.0
CLOCK_SLACK = 300.0  # seconds that evidence may lie in the future: two clocks, a log line's time zone is not among them
ASKED = 8  # members of a network for which DNS and ignorecommand are asked: each may cost a second
NAMES = 4  # host names of an address that are looked at


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What an admin may change. Times in seconds."""

    bantime: float = 86400.0  # of the AI jails, asked from fail2ban; -1: for ever, evidence never expires
    ban_special: frozenset[str] = frozenset()  # of gate_lists.OPT_IN: special ranges in which bans are wanted
    per_hour: int = 200
    per_day: int = 1000
    networks_per_day: int = 20
    client_share: float = 0.5  # bans in a day, as a share of the distinct clients seen in it …
    client_floor: int = 50  # … but this many are always allowed, or a quiet host could ban nobody
    login_days: int = 2
    proxy_share: float = 0.5
    proxy_agents: int = 10
    edge_share: float = 0.6  # of the addresses of a web log, see fail2ban_ai.edges


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a decision is not carried out. `temporary`: it may be asked again, the reason may pass."""

    code: str
    sentence: str
    temporary: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Case:
    """A decision before the gate."""

    decision: Decision
    target: Network
    now: float
    settings: GateSettings
    facts: Facts

    @property
    def asked(self) -> tuple[str, ...]:
        """The addresses for which DNS and ignorecommand are asked."""
        if self.target.prefixlen == self.target.max_prefixlen:
            return (spelled(self.target),)
        singles = (member for member in self.decision.members if addresses.parse(member) is not None)
        inside = [member for member in singles if overlap(addresses.parse_network(member), self.target)]
        return tuple(inside[:ASKED])


def target_rules(decision: Decision) -> Network | Refusal:
    """The parsed target; refused unless it is to be banned and is an address or network written in normal form."""
    if decision.action not in ("ban", "limit", "alert"):
        return Refusal("not-a-ban", "The decision asks for nothing to be done about its target.")
    text = decision.target
    target = target_of(text)
    if target is None:
        if "%" in text:
            return Refusal("scope-id", "An address with a scope id means another host on every interface.")
        return Refusal("not-an-address", "The target is not an IP address or a network in CIDR form.")
    if spelled(target) != text:
        return Refusal("not-normal", f"The target is not written in normal form, {spelled(target)}.")
    return target


def views(network: Network) -> tuple[Network, ...]:
    """The network, and the IPv4 network it stands for where it is IPv6 of NAT64 or 6to4.

    NAT64 with a prefix of 96 bits (RFC 6052, and RFC 8215 as commonly set up); 6to4 (RFC 3056).
    """
    if network.version == 4 or not addresses.is_translated(network.network_address):
        return (network,)
    value, length = int(network.network_address), network.prefixlen
    if value >> 112 == 0x2002 and length >= 16:
        shown = min(length - 16, 32)
        return (network, ipaddress.IPv4Network(((value >> 80) & 0xFFFFFFFF, shown), strict=False))
    if length >= 96:
        return (network, ipaddress.IPv4Network((value & 0xFFFFFFFF, length - 96)))
    return (network,)


def overlap(one: Network | None, other: Network | None) -> bool:
    """Whether the two share an address, in whatever form it is written. The same both ways round."""
    if one is None or other is None:
        return False
    return any(a.version == b.version and a.overlaps(b) for a in views(one) for b in views(other))


def _first(target: Network, protected: Iterable[Protected]) -> Protected | None:
    return next((one for one in protected if overlap(target, one.network)), None)


def special_range(case: Case) -> Refusal | None:
    """Ranges that no client on the Internet has."""
    for view in views(case.target):
        if view.version == 6 and addresses.is_translated(view.network_address):
            continue  # judged by the IPv4 address it stands for
        for name, (_, ranges) in SPECIAL.items():
            if name in case.settings.ban_special:
                continue
            hit = next((one for one in ranges if one.version == view.version and one.overlaps(view)), None)
            # ::1 and :: lie in the reserved ::/8 too; an admin who opted in to loopback means ::1.
            opted = name == "reserved" and any(
                view.version == one.version and view.subnet_of(one)  # type: ignore[arg-type]  # versions are equal
                for kind in case.settings.ban_special
                for one in SPECIAL[kind][1]
            )
            if hit is not None and not opted:
                return Refusal(f"special-{name}", f"{spelled(case.target)} lies in {hit}, a {name} range.")
    return None


def prefix_length(case: Case) -> Refusal | None:
    """Networks only of lengths that the AI jail has a set for, and never where addresses stand for hosts elsewhere."""
    target = case.target
    if target.prefixlen == target.max_prefixlen:
        return None
    if addresses.is_translated(target.network_address):
        return Refusal("translated", f"Addresses in {target} stand for IPv4 hosts all over the world.")
    if target.prefixlen not in PREFIXES[target.version]:
        lengths = ", ".join(f"/{length}" for length in PREFIXES[target.version])
        return Refusal("prefix", f"Networks of IPv{target.version} are banned as {lengths}, not /{target.prefixlen}.")
    return None


def evidence_age(case: Case) -> Refusal | None:
    """Evidence older than the jail's bantime would have been served by now."""
    age = case.now - case.decision.evidence_at
    if not age >= -CLOCK_SLACK:  # so written, a time that is no number is refused too
        return Refusal("future", "The newest evidence lies in the future.", temporary=True)
    if age > case.settings.bantime >= 0:
        return Refusal(
            "expired", f"The newest evidence is {age:.0f} s old, the jail's bantime {case.settings.bantime:.0f} s."
        )
    return None


def own_address(case: Case) -> Refusal | None:
    """The host's own addresses, its default gateways and its name servers."""
    hit = _first(case.target, case.facts.own)
    return None if hit is None else Refusal("own", f"{spelled(hit.network)} belongs to this host ({hit.source}).")


def ssh_peer(case: Case) -> Refusal | None:
    """Whoever is logged in by SSH at this moment."""
    hit = _first(case.target, case.facts.peers)
    return None if hit is None else Refusal("ssh-peer", f"{spelled(hit.network)} has an SSH session open on this host.")


def allow_list(case: Case) -> Refusal | None:
    """The project's own allow list; entries past their expiry do not count."""
    for entry in case.facts.allow:
        if (entry.expires is None or entry.expires > case.now) and overlap(case.target, entry.network):
            note = f": {entry.note}" if entry.note else ""
            return Refusal("allowed", f"{spelled(entry.network)} is on the allow list{note}.")
    return None


def ignoreip(case: Case) -> Refusal | None:
    """What fail2ban itself is told to ignore, in any jail; fail2ban 1.0.2 does not apply it to banip (FAIL2BAN.md)."""
    hit = _first(case.target, case.facts.ignoreip)
    return None if hit is None else Refusal("ignoreip", f"{spelled(hit.network)} is in {hit.source}.")


def published_range(case: Case) -> Refusal | None:
    """Ranges that operators of CDN edges and crawlers publish."""
    hit = _first(case.target, case.facts.ranges)
    return (
        None
        if hit is None
        else Refusal("published-range", f"{spelled(hit.network)} is a published range of {hit.source}.")
    )


def known_user(case: Case) -> Refusal | None:
    """Addresses somebody logged in from on several days before anything hostile came from them."""
    for address, days in case.decision.known_logins.items():
        if days >= case.settings.login_days and overlap(case.target, target_of(address)):
            return Refusal("known-user", f"{address} logged in on {days} days before its first hostile event.")
    return None


def shared_proxy(case: Case) -> Refusal | None:
    """One address that brings most of the traffic of many agents is a proxy in front of the real clients.

    So is every address in the few networks that most visitors of a site come through.
    """
    traffic = case.decision.traffic
    if traffic is None:
        return None
    if traffic.edges >= case.settings.edge_share:
        return Refusal(
            "shared-proxy",
            f"{spelled(case.target)} is in one of the few networks that {traffic.edges:.0%} of all addresses are in, "
            "with many visitors each: a CDN. Make the web server log the client's real address.",
        )
    if traffic.share < case.settings.proxy_share or traffic.agents < case.settings.proxy_agents:
        return None
    return Refusal(
        "shared-proxy",
        f"{spelled(case.target)} brings {traffic.share:.0%} of all requests with {traffic.agents} user agents: a proxy "
        "or CDN edge. Make the web server log the client's real address.",
    )


def facts_missing(case: Case) -> Refusal | None:
    """What cannot be learnt might protect the target."""
    if not case.facts.missing:
        return None
    return Refusal("facts-missing", f"Not known: {', '.join(case.facts.missing)}.", temporary=True)


def counts_as_network(target: Network) -> bool:
    """An IPv6 /64 is one customer, as an IPv4 address is, so the budgets take it for a single address."""
    return target.prefixlen < (32 if target.version == 4 else 64)


def budget(case: Case) -> Refusal | None:
    """More bans than an attack explains are a mistake of ours until an admin says otherwise."""
    settings, decision = case.settings, case.decision
    if decision.action == "alert":
        return None
    hour = sum(case.now - ban.at < HOUR for ban in case.facts.bans)
    today = [ban for ban in case.facts.bans if case.now - ban.at < DAY]
    if hour >= settings.per_hour:
        return Refusal("budget-hour", f"{hour} bans in the last hour, {settings.per_hour} are allowed.", temporary=True)
    if len(today) >= settings.per_day:
        return Refusal(
            "budget-day", f"{len(today)} bans in the last day, {settings.per_day} are allowed.", temporary=True
        )
    networks = sum(ban.network for ban in today)
    if counts_as_network(case.target) and networks >= settings.networks_per_day:
        return Refusal(
            "budget-networks",
            f"{networks} networks banned in the last day, {settings.networks_per_day} are allowed.",
            temporary=True,
        )
    if decision.traffic is not None:
        most = max(settings.client_floor, settings.client_share * decision.traffic.clients)
        if len(today) >= most:
            return Refusal(
                "budget-clients",
                f"{len(today)} bans in a day among {decision.traffic.clients} clients seen, {most:.0f} are allowed.",
                temporary=True,
            )
    return None


def ignore_command(case: Case) -> Refusal | None:
    """The ignorecommand of fail2ban's jails."""
    ask = case.facts.ignorecommand
    if ask is None:
        return None
    # Of a network whose members nobody named, its first address is better than no question.
    for address in case.asked or (str(case.target.network_address),):
        jail = ask(address)
        if jail is not None:
            return Refusal("ignorecommand", f"{address} is spared by the ignorecommand of jail {jail}.")
    return None


def verified_crawler(case: Case) -> Refusal | None:
    """A search engine's crawler: its host name is in the operator's domain, and that name leads back to the address."""
    claim = any(name in match.lower() for match in case.decision.matches for name in CRAWLERS)
    for address in case.asked:
        verdict = _crawler(address, case.facts.resolver)
        if isinstance(verdict, str):
            return Refusal("verified-crawler", f"{address} is {verdict}, by reverse and forward DNS.")
        if verdict is None and claim:
            return Refusal(
                "crawler-unverified",
                f"The evidence names a search engine's crawler and DNS gave no answer about {address}.",
                temporary=True,
            )
    return None


def _crawler(address: str, resolver: Resolver | None) -> str | bool | None:
    """The crawler's host name; False when it is none; None when DNS gave no answer."""
    names = None if resolver is None else resolver.reverse(address)
    if resolver is None or names is None:
        return None
    unanswered = False
    for name in (name.lower().rstrip(".") for name in names[:NAMES]):
        if not any(name.endswith(f".{domain}") for domains in CRAWLERS.values() for domain in domains):
            continue
        found = resolver.forward(name)
        if found is None:
            unanswered = True
        elif addresses.parse(address) in [addresses.parse(one) for one in found]:
            return name
    return None if unanswered else False


RULES: tuple[Callable[[Case], Refusal | None], ...] = (
    special_range,
    prefix_length,
    evidence_age,
    own_address,
    ssh_peer,
    allow_list,
    ignoreip,
    published_range,
    known_user,
    shared_proxy,
    facts_missing,
    budget,
    ignore_command,
    verified_crawler,
)
