"""Hosts as arrays that training can draw batches from: texts by number, events by number, windows by actor."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fail2ban_ai.model.labels import KINDS
from fail2ban_ai.model.runtime import BLOCK, WINDOW, Floats
from fail2ban_ai.model.scorer import attacks, convicting, features, intent, requested
from fail2ban_ai.training.hosts import Host


@dataclass(slots=True)
class Texts:
    """Every distinct text of a set of hosts; number 0 is the empty one."""

    number: dict[str, int]
    rows: list[Floats]  # [texts, text width], one for each part of the hosts, filled by `encode`

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> "Texts":
        """The texts of these hosts, not yet encoded."""
        number = {"": 0}
        for host in hosts:
            for column in (host.tokens.request, host.tokens.second, host.tokens.referer):
                for text in column:
                    number.setdefault(text, len(number))
        return cls(number, [])

    def encode(
        self, encode: Callable[[Sequence[str]], Floats], grams: Sequence[Callable[[Sequence[str]], Floats]]
    ) -> None:
        """Fill `rows`; the empty text stays a row of zeros.

        `grams`: the n-gram regression for each part of the hosts, trained without that part: a regression that knew
        a host's texts would be trusted more than it deserves elsewhere.
        """
        texts = list(self.number)[1:]
        encoded = encode(texts)
        self.rows = [_from_one(np.concatenate([encoded, score(texts)], axis=1)) for score in grams]


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

    def __init__(self, hosts: Sequence[Host], texts: Texts, embedding: int) -> None:
        """The i-th host reads part i % len(texts.rows) of the encoded texts, an overlay that of whose attackers it has.

        Overlays stand behind the hosts that they are made of.
        """
        self.hosts = hosts
        self._embedding = embedding
        place = {host.name: i for i, host in enumerate(hosts)}
        places = [place[host.made_of[0]] if host.made_of else i for i, host in enumerate(hosts)]
        self._rows = [texts.rows[i % len(texts.rows)] for i in places]
        self._numbers = [
            tuple(np.array([texts.number[t] for t in column], np.int64) for column in _columns(host)) for host in hosts
        ]
        self.windows = [window for i, host in enumerate(hosts) for window in _windows(i, host)]

    def features(self, window: Window) -> Floats:
        """[n, features] of a window's events."""
        texts = [self._rows[window.host][column[window.rows]] for column in self._numbers[window.host]]
        return features(texts, self.hosts[window.host].tokens.numeric[window.rows], self._embedding)

    def requested(self, host: int, rows: np.ndarray) -> np.ndarray:
        """What the n-gram regression makes of these events' requests, one for each row."""
        return requested(self._rows[host][self._numbers[host][0][rows]], self.hosts[host].tokens.numeric[rows])

    def unmistakable(self, host: int, rows: np.ndarray) -> np.ndarray:
        """Which of these events' requests may convict by themselves: bool, one for each row."""
        encoded = self._rows[host][self._numbers[host][0][rows]]
        said, numeric = self.requested(host, rows), self.hosts[host].tokens.numeric[rows]
        return convicting(attacks(encoded, self._embedding), intent(encoded), said, numeric)


def _from_one(rows: Floats) -> Floats:
    return np.concatenate([np.zeros((1, rows.shape[1]), np.float32), rows])


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
