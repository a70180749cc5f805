"""What the unprivileged side learnt from the logs about who must not be banned, for the bans of rules.

A decision says of its target what was known of it. Rules ban without a decision, so the same is kept in a file: who
logged in on earlier days, which addresses are a proxy or the edge of a CDN. The watcher writes it, so to root it is
hostile input, and all that it can do is spare. Standard library only: the root process imports this.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fail2ban_ai import addresses, paths
from fail2ban_ai.decisions import COUNT_LIMIT, Traffic, strict
from fail2ban_ai.errors import DecisionError

DAY = 86_400.0
KEPT = 35 * DAY  # seconds a log-in protects, as in actors.logins
STALE = 8 * DAY  # seconds after which what is written no longer says who logs in here
USERS = 20_000  # actors; those with the most days
CROWDS = 500  # networks of edges, and busy addresses
LIMIT = 4 << 20  # bytes
WIDEST = {4: 16, 6: 32}  # of fail2ban_ai.edges: nothing wider is taken from the file
_KEYS = ("at", "busy", "clients", "edges", "users")


@dataclass(frozen=True, slots=True)
class User:
    """An actor that somebody logged in from."""

    days: int  # distinct days with log-ins that ended before its first hostile event
    last: float  # the last of them, seconds since the epoch


@dataclass(frozen=True, slots=True)
class Visitors:
    """As of `at` (seconds since the epoch). Keys are actors (an IPv4 address, an IPv6 /64)."""

    at: float
    clients: int = 0  # distinct clients seen
    users: Mapping[str, User] = field(default_factory=dict)
    edges: Mapping[str, float] = field(default_factory=dict)  # crowded networks: see edges.Edges.share
    busy: Mapping[str, tuple[float, int]] = field(default_factory=dict)  # share of all events, user agents


@dataclass(frozen=True, slots=True)
class About:
    """What the file says about one address."""

    logins: Mapping[str, int]
    traffic: Traffic


def keep(found: Visitors) -> None:
    """Write what was found, with the users of earlier runs whose log-ins still count. OSError when it cannot be."""
    known = dict(found.users)
    for name, old in _earlier().items():
        new = known.get(name, old)
        known[name] = User(max(new.days, old.days), max(new.last, old.last))
    fresh = {name: user for name, user in known.items() if found.at - user.last <= KEPT}
    most = sorted(fresh.items(), key=lambda item: (-item[1].days, -item[1].last))[:USERS]
    values = {
        "at": found.at,
        "clients": found.clients,
        "users": {name: [user.days, user.last] for name, user in most},
        "edges": dict(list(found.edges.items())[:CROWDS]),
        "busy": {name: list(seen) for name, seen in list(found.busy.items())[:CROWDS]},
    }
    paths.replace(paths.visitors(), strict.canonical(values) + "\n")


def about(address: str, now: float) -> About | str:
    """What the file says about an address in normal form at `now`, or a sentence on why it says nothing."""
    values = _load()
    if isinstance(values, str):
        return values
    actor = addresses.actor_of(address)
    try:
        age = now - strict.number(values, "at", strict.TIME_LIMIT)
        if age > STALE:
            return f"nobody has looked for {age / DAY:.0f} days who logs in here: is `fail2ban-ai watch` running?"
        user = _pair(values["users"].get(actor))
        share, agents = _pair(values["busy"].get(actor))
        return About(
            {address: strict.count({"days": user[0]}, "days", COUNT_LIMIT)},
            Traffic(
                clients=max(1, strict.count(values, "clients", COUNT_LIMIT)),
                share=strict.number({"share": share}, "share", 1),
                agents=strict.count({"agents": agents}, "agents", COUNT_LIMIT),
                edges=_edges(values["edges"], address),
            ),
        )
    except DecisionError as error:
        return f"{paths.visitors()} is damaged: {error}"


def known(now: float) -> str:
    """Why the file does not say at `now` who logs in here; an empty text where it does."""
    found = about("192.0.2.1", now)
    return found if isinstance(found, str) else ""


def _edges(table: dict[str, Any], address: str) -> float:
    """The largest share of a network that the address is in. None wider than an operator's is believed."""
    parsed, most = addresses.parse(address), 0.0
    for name, share in table.items():
        network = addresses.parse_network(name) if len(name) <= 64 else None
        if network is None or network.prefixlen < WIDEST[network.version]:
            raise DecisionError("edges: expected networks, no wider than /16 or /32")
        if parsed is not None and parsed in network:
            most = max(most, strict.number({"edges": share}, "edges", 1))
    return most


def _pair(value: object) -> list[Any]:
    if value is None:
        return [0, 0]
    if not isinstance(value, list) or len(value) != 2:
        raise DecisionError("expected two numbers for each address")
    return value


def _earlier() -> dict[str, User]:
    """The users as they were written before: by us, so what is damaged is as good as nothing."""
    values = _load()
    users = {} if isinstance(values, str) else values["users"]
    try:
        return {str(name): User(int(days), float(last)) for name, (days, last) in users.items()}
    except (TypeError, ValueError):
        return {}


def _load() -> dict[str, Any] | str:
    path = paths.visitors()
    try:
        content = _content(path)
        values = strict.load(content.decode("ascii"), _KEYS)
    except FileNotFoundError:
        return "nobody has looked yet who logs in here: run `fail2ban-ai watch`, or `analyze` without a log"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except (DecisionError, UnicodeDecodeError):
        return f"{path} is damaged"
    for key, most in (("users", USERS), ("edges", CROWDS), ("busy", CROWDS)):
        if not isinstance(values[key], dict) or len(values[key]) > most:
            return f"{path} is damaged: {key}: expected an object of at most {most} entries"
    return values


def _content(path: Path) -> bytes:
    """The file, which may be anything: no link is followed, no pipe waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        content = file.read(LIMIT + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    return content if len(content) <= LIMIT else b""
