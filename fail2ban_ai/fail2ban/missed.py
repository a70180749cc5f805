"""Why fail2ban missed a campaign, in one or two sentences with its own figures, and the table of `--compare`.

With a replay the figures are those of fail2ban's own code. Without one they are an estimate from the events, and the
sentence says so.
"""

import ipaddress
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fail2ban_ai import addresses
from fail2ban_ai.fail2ban.replay import Ban, JailFailures, Replay, jails_for
from fail2ban_ai.findings import Campaign

LIMIT = 400  # characters
STOCK_FINDTIME = 600  # seconds, jail.conf
STOCK_MAXRETRY = 5  # jail.conf

# Kinds of events.KINDS that a stock jail's failregex is written for. A web request is matched only by its address's
# path or agent, which an estimate cannot tell.
_FAILURES = {"login_failed", "invalid_user", "probe", "reject", "http_error", "failure"}


def why_missed(actors: Iterable[str], found: Replay | Mapping[str, Sequence[JailFailures]]) -> str:
    """What fail2ban saw of a campaign's actors ("192.0.2.1", "2001:db8::/64") and why that was not enough.

    `found` is a replay, or what `estimate` made where there is none. At most LIMIT characters, no text from any log.
    """
    members = set(actors)
    estimated = not isinstance(found, Replay)
    bans = (
        [ban for ban in found.banned if addresses.actor_of(ban.address) in members] if isinstance(found, Replay) else []
    )
    failures = found.failures if isinstance(found, Replay) else found
    banned = {addresses.actor_of(ban.address) for ban in bans}
    rest = members - banned
    near = [
        (address, entry) for address in failures if addresses.actor_of(address) in rest for entry in failures[address]
    ]
    sentences = []
    if banned:
        jails = ", ".join(sorted({ban.jail for ban in bans})[:3])
        whole = "it" if len(members) == 1 else f"all {_count(len(members), 'address')}"
        share = f"only {len(banned)} of {_count(len(members), 'address')}" if rest else whole
        sentences.append(f"fail2ban bans {share} (jail {jails}).")
    if rest:
        sentences.append(_near(near, len(rest), estimated) if near else _unseen(estimated, bool(banned)))
    return " ".join(sentences)[:LIMIT]


def _near(near: list[tuple[str, JailFailures]], members: int, estimated: bool) -> str:
    """The jail that came nearest to a ban, and how near."""
    address, entry = max(near, key=lambda item: (item[1].worst / item[1].maxretry, item[1].failures, item[0]))
    verb = "would count about" if estimated else "counts"
    told = (
        f"{entry.jail} {verb} {_count(entry.worst, 'failure')} in its worst {period(entry.findtime)} from {address}, "
        f"{'below' if entry.worst < entry.maxretry else 'which reaches'} maxretry {entry.maxretry}"
    )
    if members > 1:
        told += f"; {members} addresses shared the work"
    elif entry.failures > entry.worst:
        told += f"; {entry.failures} failures in all, spread over time"
    return f"{'Estimate with stock settings: ' if estimated else ''}{told}."


def _unseen(estimated: bool, rest: bool) -> str:
    whose = "the lines of the others" if rest else "these lines"
    return f"Estimate: no stock jail is written for {whose}." if estimated else f"No jail matches {whose}."


def estimate(events: Iterable[tuple[float, str, str, str]]) -> dict[str, list[JailFailures]]:
    """What stock jails would about count, without fail2ban's code.

    Args:
        events: (time in seconds, service, kind, address) in order of time; kinds that no stock jail matches count 0.
    """
    recent: dict[tuple[str, str], deque[float]] = defaultdict(deque)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for time, service, kind, address in events:
        if kind not in _FAILURES:
            continue
        jail = (jails_for(service, kind, "") or (service,))[0]
        key = (address, jail)
        window = recent[key]
        window.append(time)
        while window[0] <= time - STOCK_FINDTIME:
            window.popleft()
        total, worst = counts.get(key, (0, 0))
        counts[key] = (total + 1, max(worst, len(window)))
    result: dict[str, list[JailFailures]] = {}
    for (address, jail), (total, worst) in counts.items():
        result.setdefault(address, []).append(JailFailures(jail, total, worst, STOCK_FINDTIME, STOCK_MAXRETRY))
    return result


@dataclass(frozen=True, slots=True)
class Added:
    """Campaigns of a kind with addresses that fail2ban does not ban, and how many those are."""

    kind: str
    campaigns: int
    addresses: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table of `--compare`."""

    fail2ban: tuple[str, ...]  # addresses it bans, sorted
    added: tuple[Added, ...]  # most addresses first
    both: int  # actors that both ban
    lacking: tuple[tuple[str, str], ...]  # (address, jail) that fail2ban bans and we do not


def compare_table(campaigns: Iterable[Campaign], banned: Iterable[Ban]) -> Comparison:
    """What fail2ban bans, what we add to it, and what it has that we lack."""
    bans = sorted(banned)
    theirs = {addresses.actor_of(ban.address) for ban in bans}
    ours: set[str] = set()
    networks = []
    by_kind: dict[str, list[int]] = {}
    counted: set[str] = set()
    for campaign in campaigns:
        mine = {member.actor for member in campaign.members.values() if member.decision == "ban"}
        ours |= mine
        networks += [ipaddress.ip_network(net.cidr) for net in campaign.networks if net.decision == "ban"]
        new = mine - theirs - counted  # an actor of two campaigns is one address more, not two
        counted |= new
        if new:
            row = by_kind.setdefault(campaign.kind, [0, 0])
            row[0] += 1
            row[1] += len(new)
    lacking = {
        (ban.address, ban.jail)
        for ban in bans
        if addresses.actor_of(ban.address) not in ours and not _covered(ban.address, networks)
    }
    return Comparison(
        fail2ban=tuple(sorted({ban.address for ban in bans}, key=_order)),
        added=tuple(
            sorted((Added(kind, *row) for kind, row in by_kind.items()), key=lambda row: (-row.addresses, row.kind))
        ),
        both=len(ours & theirs),
        lacking=tuple(sorted(lacking, key=lambda item: (_order(item[0]), item[1]))),
    )


def _covered(address: str, networks: Iterable[addresses.Network]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in networks)


def _order(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def period(seconds: int) -> str:
    """A span of time in words: "10 minutes", "day", "90 seconds"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return unit if seconds == size else f"{seconds // size} {unit}s"
    return _count(seconds, "second")


def _count(number: int, thing: str) -> str:
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"
