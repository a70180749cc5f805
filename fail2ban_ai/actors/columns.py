"""The columns of the numbers that stand beside an event's texts. Without Polars, which training does not need."""

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.groups import Bools

_KINDS = ("request", "http_error", "login_failed", "login_ok", "invalid_user", "login_hint", "probe", "reject")
FAMILIAR = 3  # other networks with success on a path before a request for it is ordinary

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
PLACE = {name: place for place, name in enumerate(NUMERIC)}


def ordinary(columns: npt.NDArray[np.float32]) -> Bools:
    """Whether each event is a success on a path that is familiar here; `columns`: [n, len(NUMERIC)]."""
    fetched = (columns[:, PLACE["ok"]] > 0) | (columns[:, PLACE["redirect"]] > 0)
    found: Bools = fetched & (columns[:, PLACE["familiar"]] >= np.float32(np.log1p(FAMILIAR) / 2))
    return found
