"""The jail of a rule: which log, which ports, how many lines within which time."""

import re
from pathlib import Path

from fail2ban_ai.rules.material import Row
from fail2ban_ai.rules.services import SERVICES
from fail2ban_ai.rules.suggestion import Jail
from fail2ban_ai.rules.synthesis import Draft
from fail2ban_ai.sources import journal

DAY = 86_400
HOUR = 3_600
CAUGHT = 0.8  # of the sources that a higher maxretry must still ban
_ROTATED = re.compile(r"(?:[.-]\d{1,3}|[.-]\d{8}(?:-\d+)?)?(?:\.gz)?$")
_PATH = re.compile(r"/[A-Za-z0-9/._*?@+:=,-]{1,499}")


def jail_of(name: str, made: Draft) -> Jail | None:
    """The jail for a draft, None where no jail could name its log.

    Rules on accounts ban at the first line, for an hour: a mistyped name costs little.
    """
    service = made.cluster.service
    known = SERVICES[service]
    rows = [*made.early, *made.later]
    units = sorted({row.source for row in rows if journal.is_name(row.source)})
    paths = tuple(sorted({path for row in rows if (path := _live(row.source)) is not None}))[:16]
    matches = known.journalmatch or " + ".join(f"_SYSTEMD_UNIT={unit.partition(':')[2]}" for unit in units)
    if not paths and not units:
        return None
    account = made.cluster.kind == "account"
    return Jail(
        filter=name,
        service=service,
        backend="systemd" if units and not paths else "polling",
        logpaths=paths,
        journalmatch=matches if units and not paths else "",
        port=known.port,
        maxretry=1 if account else _maxretry(rows),
        findtime=DAY,
        bantime=HOUR if account else DAY,
    )


def _live(source: str) -> str | None:
    """The log that a source is a part of: rotated parts are read no more; None where its path has odd characters."""
    if journal.is_name(source):
        return None
    path = str(Path(source).absolute())
    live = path[: _ROTATED.search(path).start()]  # type: ignore[union-attr]  # it matches the empty text too
    return live if _PATH.fullmatch(live) else None


def _maxretry(rows: list[Row]) -> int:
    """The most lines within a day, up to 3, that still catch nearly all sources."""
    times: dict[str, list[float]] = {}
    for row in sorted(rows, key=lambda each: each.time):
        times.setdefault(row.actor, []).append(row.time)
    for retries in (3, 2):
        caught = sum(
            any(later - first <= DAY for first, later in zip(each, each[retries - 1 :], strict=False))
            for each in times.values()
        )
        if caught >= CAUGHT * len(times):
            return retries
    return 1
