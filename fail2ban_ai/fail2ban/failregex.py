"""Reads the log of a service without a format of its own through its jail's failregex, by fail2ban's own code.

Satisfies formats.Format. Slow (some ten thousand lines a second) and it sees failures only, so it is the last resort.
"""

import re
from datetime import UTC, datetime, timedelta

import polars as pl

from fail2ban_ai import addresses, events
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import code
from fail2ban_ai.formats.base import Parsed
from fail2ban_ai.formats.clock import Clock

BATCH = 4096  # lines in one request
LINE = 65536  # characters of a line that are tried
_DIGITS = re.compile(r"\d+")
_GIVE_UP = 3  # children that died on a source's lines, then the rest is not tried


class FailregexFormat:
    """One jail's failregex as a format; `service` of its events is the jail's name.

    A child of its own runs for each source, so that what fail2ban remembers of a connection outlives a chunk; `close`
    ends them. A batch whose child dies at its limits is counted as not understood, and so is a line that its regexes
    do not finish with.
    """

    def __init__(self, jail: str, *, config: str = code.CONFIG) -> None:
        self.name = f"failregex:{jail}"
        self.service = jail
        self.yearless = False  # fail2ban dates the lines
        self.stuck = 0  # lines given up by now, over all sources
        self._config = config
        self._children: dict[str, code.Child] = {}
        self._deaths: dict[str, int] = {}
        self._read: dict[str, int] = {}  # number of the last line of each source

    def __enter__(self) -> "FailregexFormat":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children."""
        while self._children:
            self._children.popitem()[1].close()

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> Parsed:
        """Failures of the lines in `frame` (columns line and raw); `understood` counts lines that matched.

        Args:
            frame: lines of one source, in order.
            source: its name.
            clock: the source's zone and the moment that no line is after, for lines that name none.

        Raises:
            Fail2banAbsent: fail2ban is not installed.
            Fail2banError: fail2ban would not start this jail.
        """
        rows: list[tuple[object, ...]] = []
        understood: set[int] = set()
        numbers, lines = frame["line"].to_list(), [raw or "" for raw in frame["raw"].to_list()]
        if numbers and numbers[0] <= self._read.get(
            source, 0
        ):  # read again from an earlier line: forget what came after
            self._end(source)
        self._read[source] = numbers[-1] if numbers else 0
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            for index, time, text, user, message in self._matches(batch, source, clock):
                address = addresses.parse(text)
                if address is None:
                    continue
                at = start + index
                understood.add(at)
                account = user[: events.ACCOUNT_LIMIT] if user else None
                masked = _mask(message, text, user)
                rows.append((time, numbers[at], str(address), account, masked, lines[at][: events.TEXT_LIMIT]))
        return Parsed(events=self._frame(rows, source), understood=len(understood))

    def _matches(self, batch: list[str], source: str, clock: Clock) -> list[tuple[int, float, str, str | None, str]]:
        if self._deaths.get(source, 0) >= _GIVE_UP:
            return []
        child = self._children.get(source) or self._start(source, clock)
        try:
            child.send([line[:LINE] for line in batch])
            answer = child.receive()
        except Fail2banError:
            answer = None
        if answer is None:
            self._deaths[source] = self._deaths.get(source, 0) + 1
            self._end(source)
            return []
        found, stuck = answer["events"], answer["stuck"]
        if not isinstance(found, list) or not isinstance(stuck, int):
            return []
        self.stuck += stuck
        return [(int(i), float(t), str(a), None if u is None else str(u), str(m)) for i, t, a, u, m in found]

    def _end(self, source: str) -> None:
        child = self._children.pop(source, None)
        if child is not None:
            child.close()

    def _start(self, source: str, clock: Clock) -> code.Child:
        reference = ((clock.year_hint or datetime.now(UTC)) + timedelta(days=1)).timestamp()
        job: dict[str, object] = {
            "do": "match",
            "config": self._config,
            "jail": self.service,
            "reference": reference,
        }
        child = code.Child(job, zone=clock.zone.key, silence=60.0)
        try:
            if child.receive() is None:
                raise Fail2banError(f"fail2ban's code did not start for the jail {self.service}.")
        except Fail2banError:
            child.close()
            raise
        self._children[source] = child
        return child

    def _frame(self, rows: list[tuple[object, ...]], source: str) -> pl.DataFrame:
        if not rows:
            return events.empty()
        columns = pl.DataFrame(
            rows,
            schema=["time", "line", "address", "account", "message", "text"],
            orient="row",
            infer_schema_length=None,
        )
        micros = (pl.col("time") * 1_000_000).round().cast(pl.Int64)
        known = columns.with_columns(
            micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time"),
            pl.lit(source).alias("source"),
            pl.lit(self.service).alias("service"),
            pl.lit("failure").alias("kind"),
        )
        return known.select(
            (pl.col(name) if name in known.columns else pl.lit(None).alias(name)).cast(dtype)
            for name, dtype in events.SCHEMA.items()
        )


def _mask(message: str, address: str, user: str | None) -> str:
    """The message with what varies masked, as events.SCHEMA asks."""
    message = message.replace(address, "<ip>")
    if user and len(user) > 1:
        message = message.replace(user, "<user>")
    return _DIGITS.sub("<n>", message)[: events.TEXT_LIMIT]
