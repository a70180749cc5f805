"""Lines of honest clients that no rule may match, whatever this host's own history holds.

Everyday traffic comes from the simulator, made anew from a seed for each kind of site; benign.txt adds what honest
clients do that looks like an attack. Access lines are given the head that the rule's own log has, else a rule for a
log with virtual hosts would never be tried.
"""

import functools
import importlib.resources
import re
from collections.abc import Iterator

import polars as pl

from fail2ban_ai.addresses import normal
from fail2ban_ai.rules.services import head_of
from fail2ban_ai.training.simulator import Part, Scenario, simulate

_SEED = 11
_START = 1_773_014_400.0  # 2026-03-09 00:00 UTC, a Monday
_ADDRESS = "198.51.100.77"
_DAYS = {"blog": 3.0, "shop": 1.0, "forum": 1.0, "wiki": 1.0, "spa": 1.0, "webmail": 1.0, "git": 1.0, "legacy": 1.0}
_WEB = """
visitors regulars searches stale_bookmarks crawlers previews monitors feed_readers broken_clients api_clients
admin_scripts backup link_scanners players mail_programs developers
"""
_AUTH = "mail_clients old_password office roaming sysadmins deploy_keys lost_users ftp_users cron senders"
_FILES = {"web": "access.log", "sshd": "auth.log", "dovecot": "mail.log", "postfix": "mail.log", "vsftpd": "vsftpd.log"}
_WORD = re.compile(r"[^\s\[\]\"]+")


def lines(service: str, like: str) -> Iterator[str]:
    """Lines of a service, laid out as `like`, a line of the log in question."""
    head = _head(service, like)
    for line in _simulated().get(_FILES.get(service, ""), ()):
        yield line
        if head is not None and service == "web":
            yield head + line[line.find('"') :]
    for program, text in _written():
        if program.partition("/")[0] == service:
            yield _line(program, text, head)


def series(service: str, like: str) -> pl.Series:
    """`lines` as a column."""
    return _series(service, _head(service, like), like)


@functools.lru_cache(maxsize=8)
def _series(service: str, head: str | None, like: str) -> pl.Series:
    del head
    return pl.Series(list(lines(service, like)), dtype=pl.String)


def examples(service: str, like: str, count: int) -> list[str]:
    """The first lines of benign.txt for a service, laid out as `like`."""
    head = _head(service, like)
    found = [_line(program, text, head) for program, text in _written() if program.partition("/")[0] == service]
    return found[:count]


def _line(program: str, text: str, head: str | None) -> str:
    if program != "web" and head is not None:
        return head + text.replace("<ip>", _ADDRESS)
    if program != "web":
        return f"Mar  9 10:00:00 host {program}[1234]: {text.replace('<ip>', _ADDRESS)}"
    request, status, agent = text.split("\t")
    start = head or f"{_ADDRESS} - - [09/Mar/2026:10:00:00 +0000] "
    return f'{start}"{request} HTTP/1.1" {status} 512 "-" "{agent}"'


def _head(service: str, like: str) -> str | None:
    """What stands before the request or, in a log of the service's own, before the message; with another address."""
    if service != "web":
        own = head_of(service, like)
        return "".join(own) if own else None
    head, quote, _ = like.partition('"')
    words = [word for word in _WORD.findall(head) if normal(word) is not None]
    return head.replace(words[-1], _ADDRESS) if quote and words else None


@functools.cache
def _written() -> tuple[tuple[str, str], ...]:
    text = (importlib.resources.files("fail2ban_ai.rules") / "benign.txt").read_text(encoding="utf-8")
    rows = (line.partition("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return tuple((program, rest) for program, _, rest in rows)


@functools.cache
def _simulated() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for site, days in _DAYS.items():
        roles = [*_WEB.split(), *(_AUTH.split() if site == "blog" else ())]
        cast = tuple(Part(role) for role in roles)
        scenario = Scenario("benign", _START, days, site, cast, stamps="bsd", ssh="password")
        for name, rows in simulate(_SEED, scenario).lines.items():
            found.setdefault(name.rpartition("/")[2], []).extend(line for _, line in rows)
    return found
