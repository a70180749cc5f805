"""Hosts as arrays that training can draw batches from: texts by number, events by number, windows by actor."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fail2ban_ai.actors.features import NUMERIC
from fail2ban_ai.model.labels import ATTACK_SEEN, ATTACKS, KINDS
from fail2ban_ai.model.runtime import BLOCK, WINDOW, Floats
from fail2ban_ai.model.scorer import attacks, features
from fail2ban_ai.training.corpora import Host

_REQUEST = NUMERIC.index("request")


@dataclass(slots=True)
class Texts:
    """Every distinct text of a set of hosts; number 0 is the empty one."""

    number: dict[str, int]
    rows: Floats  # [texts, text width], filled by the encoder

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> "Texts":
        """The texts of these hosts, not yet encoded."""
        number = {"": 0}
        for host in hosts:
            for column in (host.tokens.request, host.tokens.second, host.tokens.referer):
                for text in column:
                    number.setdefault(text, len(number))
        return cls(number, np.zeros((len(number), 0), np.float32))

    def encode(self, encode: Callable[[Sequence[str]], Floats]) -> None:
        """Fill `rows`; the empty text stays a row of zeros."""
        rows = encode(list(self.number)[1:])
        self.rows = np.concatenate([np.zeros((1, rows.shape[1]), np.float32), rows])


@dataclass(slots=True)
class Window:
    """At most WINDOW consecutive events of one labelled actor, as the scorer would see them."""

    host: int
    rows: np.ndarray  # of the host's tokens
    first: int  # position from which this window's judgements are those the scorer would use
    hostile: bool
    kind: int  # index in KINDS, -1 unknown
    actor: str


class Sequences:
    """The labelled actors of some hosts."""

    def __init__(self, hosts: Sequence[Host], texts: Texts) -> None:
        self.hosts = hosts
        self._rows = texts.rows
        self._numbers = [
            tuple(np.array([texts.number[t] for t in column], np.int64) for column in _columns(host)) for host in hosts
        ]
        self.windows = [window for i, host in enumerate(hosts) for window in _windows(i, host)]

    def features(self, window: Window) -> Floats:
        """[n, features] of a window's events."""
        request, second, referer = (self._rows[column[window.rows]] for column in self._numbers[window.host])
        return features(request, second, referer, self.hosts[window.host].tokens.numeric[window.rows])

    def attacks(self, host: int, rows: np.ndarray) -> np.ndarray:
        """Whether the encoder sees an attack in these events' requests: bool, one for each row."""
        seen = attacks(self._rows[self._numbers[host][0][rows]], self._rows.shape[1] - len(ATTACKS))
        request = self.hosts[host].tokens.numeric[rows][:, _REQUEST] > 0
        found: np.ndarray = (seen[:, 1:].max(axis=1) >= ATTACK_SEEN) & request
        return found


def _columns(host: Host) -> tuple[list[str], list[str], list[str]]:
    return host.tokens.request, host.tokens.second, host.tokens.referer


def _windows(number: int, host: Host) -> Iterator[Window]:
    rows: dict[str, list[int]] = {}
    for row, actor in enumerate(host.tokens.actor):
        if actor in host.truth:
            rows.setdefault(actor, []).append(row)
    for actor, own in rows.items():
        truth = host.truth[actor]
        kind = KINDS.index(truth.kind) if truth.kind is not None else -1
        for start in range(0, max(1, len(own) - BLOCK), BLOCK):
            part = np.array(own[start : start + WINDOW], np.int64)
            yield Window(number, part, BLOCK if start else 0, truth.hostile, kind, actor)
