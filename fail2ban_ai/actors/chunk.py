"""A frame of events as columns of numbers: what stands on many rows is worked out once."""

import numpy as np
import polars as pl

from fail2ban_ai.actors.groups import Bools, Ints, Reals
from fail2ban_ai.actors.texts import Coded, Request, Texts, coded, hosts
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.events import KINDS

KIND = {name: code for code, name in enumerate(KINDS)}
_GREETING = r"^(?:\\x16\\x03|\x16\x03)"
METHODS = ("GET", "POST", "HEAD")
OTHER_METHOD, MALFORMED = len(METHODS), len(METHODS) + 1


class Chunk:
    """The rows of an event frame whose address is one."""

    def __init__(self, frame: pl.DataFrame, clock: float, made: Texts) -> None:
        """`clock`: the newest time before (seconds since the epoch); a line that comes late counts as if on time."""
        addresses = coded(frame["address"], lambda column: [actor_of(text) for text in column])
        if None in addresses.values:
            known = np.array([actor is not None for actor in addresses.values], np.bool_)[addresses.codes]
            frame = frame.filter(pl.Series(known))
            addresses = coded(frame["address"], lambda column: [actor_of(text) for text in column])
        self.size = frame.height
        self.rows: Ints = frame["row"].to_numpy().astype(np.int64)  # of each row in the frame that was fed
        self.times: Reals = frame["time"].dt.timestamp("us").to_numpy() / 1e6
        self.clock: Reals = np.maximum(np.maximum.accumulate(self.times), clock)
        self.actors = addresses.as_text(lambda actor: actor)
        self.requests: Coded[Request] = made.requests(frame)
        self.seconds = made.seconds(frame)
        self.referers = made.referers(frame)
        self.kind: Ints = _kinds(frame["kind"])
        self.is_request: Bools = self.kind == KIND["request"]
        origins, host = hosts(frame["referer"]), hosts(frame["host"])
        self.origins = coded(origins, lambda column: column).as_text(str)
        self.host_told: Bools = (host != "").to_numpy()  # the virtual host of the request
        self.from_host: Bools = (origins == host).to_numpy()  # the referer names that very host
        self.is_greeting: Bools = self.is_request & _greetings(frame["target"])
        self.texts = self.requests.as_text(lambda request: request.text)
        self.paths = self.requests.as_text(lambda request: request.path)
        odd = np.array([request.odd for request in self.requests.values], np.bool_)
        self.odd: Bools = odd[self.requests.codes]  # a parameter holds what plain values do not
        self.agents = self.seconds.as_text(lambda text: text).only(self.is_request)
        self.accounts = coded(frame["account"].fill_null(""), lambda column: column).as_text(lambda name: name)
        self.services = coded(frame["service"], lambda column: column)
        self.status: Ints = frame["status"].fill_null(0).to_numpy().astype(np.int64)
        self.good: Bools = self.is_request & (self.status >= 200) & (self.status < 400)  # a request that succeeded
        self.refused: Bools = self.kinds("login_failed", "invalid_user", "reject", "failure")
        self.method: Ints = _methods(frame["method"])

    def kinds(self, *names: str) -> Bools:
        """Which rows are of one of these kinds."""
        return np.isin(self.kind, [KIND[name] for name in names])


def _greetings(targets: pl.Series) -> Bools:
    """Which requests are the beginning of a TLS handshake (RFC 8446, section 5.1), as logged or raw."""
    found: Bools = targets.str.contains(_GREETING).fill_null(value=False).to_numpy()
    return found


def _kinds(column: pl.Series) -> Ints:
    return column.cast(pl.Enum(list(KIND))).to_physical().to_numpy().astype(np.int64)


def _methods(column: pl.Series) -> Ints:
    # nginx and Apache log no method, or "", where a request line is malformed.
    codes = {"": MALFORMED} | {name: code for code, name in enumerate(METHODS)}
    return column.fill_null("").replace_strict(codes, default=OTHER_METHOD, return_dtype=pl.Int64).to_numpy()
