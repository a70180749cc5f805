"""The numbers that stand beside an event's texts, each roughly within -1..2 and each known before the event's answer.

No byte counts, clock hours, addresses or site names: they tell data sets apart, not attackers (see docs/model.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.chunk import KIND
from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.actors.columns import PLACE as _AT
from fail2ban_ai.actors.groups import Bools, Ints, Reals

_SERVICES = {"web": 0, "sshd": 1, "dovecot": 2, "postfix": 2, "exim": 2, "vsftpd": 3, "proftpd": 3}


@dataclass(frozen=True, slots=True)
class Seen:
    """Events as the features see them: one entry for each. Counters of the actor have it counted already."""

    service: list[str]
    kind: Ints
    method: Ints
    status: Ints
    day: Ints  # since the epoch, UTC
    gap: Reals  # seconds
    age: Reals  # seconds
    repeat: Ints
    layers: Ints
    changed: Reals
    familiar: Ints
    touched: Ints
    agent_known: Ints
    warm: Ints
    has_referer: Bools
    account_known: Bools
    account_own: Bools
    account_pressed: Ints
    answered: Bools  # somebody had success with the path before
    events: Ints
    failed: Ints
    missing: Ints
    ordinary: Ints
    agents: Ints
    accounts: Ints
    services: Ints
    logins: Ints
    login_days: Ints
    last_login_day: Ints


def numeric(seen: Seen) -> npt.NDArray[np.float32]:
    """[n, len(NUMERIC)] of these events."""
    n = seen.events
    columns = {
        "gap": np.log1p(seen.gap) / 10,
        "age": np.log1p(seen.age) / 15,
        "events": np.log1p(n) / 8,
        "rate": np.log1p(n / np.maximum(1.0, seen.age / 60)) / 5,
        "repeat": np.log2(seen.repeat) / 8,
        "layers": seen.layers / 3,
        "changed": seen.changed,
        "familiar": np.log1p(seen.familiar) / 2,
        "touched": np.log1p(seen.touched) / 6,
        "agent_known": np.log1p(seen.agent_known) / 6,
        "warm": np.log1p(seen.warm) / 10,
        "referer": seen.has_referer,
        "share_failed": seen.failed / n,
        "share_missing": seen.missing / n,
        "share_familiar": seen.ordinary / n,
        "agents": np.log1p(seen.agents) / 3,
        "accounts": np.log1p(seen.accounts) / 3,
        "logged_in": np.log1p(seen.logins) / 3,
        "logged_in_before_today": (seen.login_days > 1) | ((seen.login_days > 0) & (seen.last_login_day < seen.day)),
        "account_known": seen.account_known,
        "account_own": seen.account_own,
        "account_pressed": np.log1p(seen.account_pressed) / 4,
        "services": seen.services / 3,
        "breaks": (seen.status >= 500) & seen.answered,
    }
    out = np.zeros((len(n), len(NUMERIC)), np.float32)
    for name, column in columns.items():
        out[:, _AT[name]] = column
    rows = np.arange(len(n))
    out[rows, _AT["web"] + np.array([_SERVICES.get(name, _OTHER) for name in seen.service], np.int64)] = 1
    out[rows, _KIND_AT[seen.kind]] = 1
    request = seen.kind == KIND["request"]
    out[rows[request], _METHOD_AT[seen.method[request]]] = 1
    answered = request & (seen.status > 0)
    out[rows[answered], _status_at(seen.status[answered])] = 1
    return out


def _status_at(status: Ints) -> Ints:
    denied = (status == 401) | (status == 403)
    names = ("ok", "redirect", "denied", "missing", "client_error")
    found = (status < 300, status < 400, denied, status == 404, status < 500)
    at: Ints = np.select(found, [_AT[name] for name in names], _AT["server_error"])
    return at


_OTHER = 4  # service that is none of _SERVICES
# The places of kinds and methods, by their codes.
_KIND_AT = np.array([_AT.get("reject" if kind == "failure" else kind, -1) for kind in KIND], np.int64)
_METHOD_AT = np.array([_AT[name] for name in ("get", "post", "head", "other_method", "malformed")], np.int64)
