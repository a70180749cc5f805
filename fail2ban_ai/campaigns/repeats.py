"""Clients that repeat one failing log-in like clockwork: a mail client with an old password."""

import itertools
import statistics

Target = tuple[str, str]

GAPS = 5  # repeats that it takes to call a rhythm
EVEN = 0.2  # share of the median gap by which the middle half of the gaps may differ
SHORTEST = 30.0  # seconds: what repeats faster is no mail client
SAME = 5.0  # seconds: attempts so close together are one poll of the client


class Repeats:
    """Times of each actor's last failures on each target."""

    def __init__(self, most: int) -> None:
        """`most`: pairs of an actor and a target held; the longest idle are forgotten first."""
        self._most = most
        self._times: dict[tuple[Target, str], list[float]] = {}
        self._regular: dict[Target, dict[str, None]] = {}  # newly regular since they were last taken

    def add(self, actor: str, target: Target, time: float) -> None:
        """Count one failure."""
        times = self._times.pop((target, actor), [])
        self._times[target, actor] = times  # popped and put back: the order is that of the last failure
        if len(self._times) > self._most:
            del self._times[next(iter(self._times))]
        if times and time - times[-1] < SAME:
            return
        times.append(time)
        del times[: -2 * GAPS]
        if len(times) > GAPS and self.is_regular(actor, target):
            self._regular.setdefault(target, {})[actor] = None

    def is_regular(self, actor: str, target: Target) -> bool:
        """Whether the last failures of the actor on the target came at even gaps."""
        times = self._times.get((target, actor), [])
        if len(times) <= GAPS:
            return False
        gaps = [b - a for a, b in itertools.pairwise(times)]
        low, middle, high = statistics.quantiles(gaps, n=4)
        return middle >= SHORTEST and high - low <= EVEN * middle

    def take_regular(self, target: Target, among: dict[str, None]) -> list[str]:
        """Those `among` who turned out to be regular on the target since the last call."""
        return [actor for actor in self._regular.pop(target, {}) if actor in among]

    def forget(self, before: float) -> None:
        """Drop what was last seen before `before`."""
        self._times = {k: v for k, v in self._times.items() if v[-1] >= before}
        self._regular = {}
