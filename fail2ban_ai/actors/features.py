"""The numbers that stand beside an event's texts, each roughly within -1..2 and each known before the event's answer.

No byte counts, clock hours, addresses or site names: they tell data sets apart, not attackers (see docs/model.md).
"""

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
_AT = {name: i for i, name in enumerate(NUMERIC)}
_KIND_AT = {kind: _AT[kind] for kind in _KINDS} | {"failure": _AT["reject"]}
_SERVICE_AT = _AT["web"]
_METHOD_AT = {method: _AT[method.lower()] for method in _METHODS}


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
    row = [0.0] * len(NUMERIC)
    n = state.events
    row[0] = log1p(now.gap) / 10
    row[1] = log1p(now.time - state.first) / 15
    row[2] = log1p(n) / 8
    row[3] = log1p(n / max(1.0, (now.time - state.first) / 60)) / 5
    row[4] = log2(now.repeat) / 8
    row[_SERVICE_AT + _SERVICES.get(now.service, 4)] = 1.0
    row[_KIND_AT[now.kind]] = 1.0
    if now.kind == "request":
        at = _METHOD_AT.get(now.method) if now.method else _AT["malformed"]
        row[_AT["other_method"] if at is None else at] = 1.0
        if now.status:
            row[_AT[_status_at(now.status)]] = 1.0
    values = {
        "layers": now.layers / 3,
        "changed": now.changed,
        "familiar": log1p(now.familiar) / 2,
        "touched": log1p(now.touched) / 6,
        "agent_known": log1p(now.agent_known) / 6,
        "warm": log1p(now.warm) / 10,
        "referer": float(now.has_referer),
        "share_failed": state.failed / n,
        "share_missing": state.missing / n,
        "share_familiar": state.ordinary / n,
        "agents": log1p(len(state.agents)) / 3,
        "accounts": log1p(len(state.accounts)) / 3,
        "logged_in": log1p(state.logins) / 3,
        "logged_in_before_today": float(state.login_days > 0 and state.last_login_day < now.time // 86400)
        or float(state.login_days > 1),
        "account_known": float(now.account_known),
        "account_own": float(now.account_own),
        "account_pressed": log1p(now.account_pressed) / 4,
        "services": len(state.services) / 3,
        "breaks": float(now.breaks),
    }
    for name, value in values.items():
        row[_AT[name]] = value
    return row
