"""The numbers that stand beside an event's texts, each roughly within -1..2 and each known before the event's answer.

No byte counts, clock hours, addresses or site names: they tell data sets apart, not attackers (see docs/model.md).
"""

import functools
from math import log1p, log2

from fail2ban_ai.actors.state import ActorState, Context

_SERVICES = {"web": 0, "sshd": 1, "dovecot": 2, "postfix": 2, "exim": 2, "vsftpd": 3, "proftpd": 3}
_KINDS = ("request", "http_error", "login_failed", "login_ok", "invalid_user", "login_hint", "probe", "reject")
_METHODS = ("GET", "POST", "HEAD")

NUMERIC: tuple[str, ...] = (
    "gap",  # seconds since the actor's last event, log
    "age",  # seconds since its first event, log
    "events",  # events so far, log
    "rate",  # events a minute so far, log
    "repeat",  # times this very event was seen from this actor, log2
    "web",
    "ssh",
    "mail",
    "ftp",
    "other_service",
    *_KINDS,
    "get",
    "post",
    "head",
    "other_method",
    "malformed",
    "ok",
    "redirect",
    "denied",
    "missing",
    "client_error",
    "server_error",
    "layers",  # rounds of decoding that changed something
    "changed",  # share of the text that decoding took away
    "familiar",  # networks that fetched this path with success before, log
    "touched",  # other actors that asked for this path before, log
    "agent_known",  # other actors that came with this agent before, log
    "warm",  # actors seen so far on this host, log: how much familiarity can mean
    "referer",
    "share_failed",
    "share_missing",
    "share_familiar",
    "agents",  # distinct agents of this actor, log
    "accounts",  # distinct accounts it tried, log
    "logged_in",  # its successful log-ins so far, log
    "logged_in_before_today",
    "account_known",  # somebody has logged in to this account before
    "account_own",  # this actor has
    "account_pressed",  # other actors that failed on this account before, log
    "services",  # distinct services it touched
    "breaks",  # a 5xx on a path that answered well before
)
_FIRST, _LAST = NUMERIC.index("web"), NUMERIC.index("server_error")  # what an event is, whoever it comes from
_KIND_AT = {kind: kind for kind in _KINDS} | {"failure": "reject"}
_SERVICE_NAMES = NUMERIC[_FIRST : _FIRST + 5]


@functools.lru_cache(maxsize=4096)
def _what(service: str, kind: str, method: str | None, status: int) -> tuple[float, ...]:
    """The part of the row from "web" to "server_error"."""
    ones = {_SERVICE_NAMES[_SERVICES.get(service, 4)], _KIND_AT[kind]}
    if kind == "request":
        ones.add("malformed" if not method else method.lower() if method in _METHODS else "other_method")
        if status:
            ones.add(_status_at(status))
    return tuple(float(name in ones) for name in NUMERIC[_FIRST : _LAST + 1])


def _status_at(status: int) -> str:
    if status < 300:
        return "ok"
    if status < 400:
        return "redirect"
    if status in (401, 403):
        return "denied"
    if status == 404:
        return "missing"
    return "client_error" if status < 500 else "server_error"


def numeric(state: ActorState, now: Context) -> list[float]:
    """One row of NUMERIC for the event `now`, which `state` already counts."""
    n = state.events
    age = now.time - state.first
    before_today = state.login_days > 1 or (state.login_days > 0 and state.last_login_day < now.time // 86400)
    return [
        log1p(now.gap) / 10,
        log1p(age) / 15,
        log1p(n) / 8,
        log1p(n / max(1.0, age / 60)) / 5,
        log2(now.repeat) / 8,
        *_what(now.service, now.kind, now.method, now.status),
        now.layers / 3,
        now.changed,
        log1p(now.familiar) / 2,
        log1p(now.touched) / 6,
        log1p(now.agent_known) / 6,
        log1p(now.warm) / 10,
        float(now.has_referer),
        state.failed / n,
        state.missing / n,
        state.ordinary / n,
        log1p(len(state.agents)) / 3,
        log1p(len(state.accounts)) / 3,
        log1p(state.logins) / 3,
        float(before_today),
        float(now.account_known),
        float(now.account_own),
        log1p(now.account_pressed) / 4,
        len(state.services) / 3,
        float(now.breaks),
    ]
