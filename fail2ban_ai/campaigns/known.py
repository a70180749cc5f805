"""Who logs in where: an actor, or its network, with a success on an earlier day belongs there."""

Target = tuple[str, str]

EARLIER = 12 * 3600.0  # a success at least so long ago happened on an earlier day; a fresh one could be the break-in


class Known:
    """First and last success of actors (anywhere) and of actors and networks (on each target)."""

    def __init__(self, most: int) -> None:
        """`most`: entries held; the longest idle are forgotten first."""
        self._most = most
        self._times: dict[tuple[str, Target | None], tuple[float, float]] = {}
        self._used: dict[Target, float] = {}

    def add(self, time: float, actor: str, network: str | None, targets: list[Target]) -> None:
        """A log-in of the actor worked on these targets."""
        self._touch((actor, None), time)
        for target in targets:
            self._used.pop(target, None)
            self._used[target] = time
            if target[0] != "service" and network:  # a whole service is nobody's office
                self._touch((network, target), time)
        while len(self._times) > self._most:
            del self._times[next(iter(self._times))]
        while len(self._used) > self._most:
            del self._used[next(iter(self._used))]

    def _touch(self, key: tuple[str, Target | None], time: float) -> None:
        known = self._times.pop(key, None)
        self._times[key] = (time if known is None else known[0], time)

    def belongs(self, actor: str, network: str | None, target: Target, time: float) -> bool:
        """Whether the actor (an office or a user at home) or its network (a user's provider) has a history here."""
        keys = [(actor, None)] + ([(network, target)] if network else [])
        return any(key in self._times and self._times[key][0] <= time - EARLIER for key in keys)

    def is_used(self, target: Target) -> bool:
        """Whether anybody ever logged in there, so that strangers who fail on it must know it exists."""
        return target in self._used

    def forget(self, before: float) -> None:
        """Drop what last succeeded before `before`."""
        self._times = {k: v for k, v in self._times.items() if v[1] >= before}
        self._used = {t: at for t, at in self._used.items() if at >= before}
