"""On which days each actor logged in: what protects an address from a ban, if it came before the first attack."""

DAY = 86400.0
_COUNTED = 35  # days that count
# Questions lag behind what was noted: logs are read ahead of the verdicts on them, and a chunk may span a year.
_DAYS_KEPT = 3650


class Logins:
    """Days with at least one successful log-in, per actor (UTC days)."""

    def __init__(self) -> None:
        self._days: dict[str, list[int]] = {}

    def success(self, actor: str, time: float) -> None:
        """An actor logged in at `time` (seconds since the epoch)."""
        day = int(time // DAY)
        days = self._days.setdefault(actor, [])
        if not days or days[-1] != day:
            days.append(day)
            del days[:-_DAYS_KEPT]

    def actors(self) -> list[str]:
        """Everybody who ever logged in."""
        return list(self._days)

    def last(self, actor: str) -> float:
        """The start of the last day on which an actor logged in, seconds since the epoch."""
        return self._days[actor][-1] * DAY

    def forget(self, now: float) -> None:
        """Drop actors whose last log-in counts no more for events from `now` on (seconds since the epoch)."""
        self._days = {actor: days for actor, days in self._days.items() if days[-1] >= now // DAY - _COUNTED}

    def days_before(self, actor: str, time: float) -> int:
        """Distinct days with a log-in of this actor that ended before the day of `time`, within the last 35 days."""
        day = int(time // DAY)
        return sum(day - _COUNTED <= d < day for d in self._days.get(actor, ()))
