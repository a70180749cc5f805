"""Access logs that a container's log driver wrapped: a JSON object a line whose field holds the combined line.

Docker's json-file ("log"), and shippers of journald or syslog entries ("message"), where "host program: " may stand
before the line. The stamp is the web server's own.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, web_access
from fail2ban_ai.formats.clock import Clock

_TAG = r"^[\w.-]+ [\w.-]+(?:\[\d+\])?: "


@dataclass(frozen=True, slots=True)
class WrappedLog:
    """Combined lines in JSON."""

    name: str = "web_wrapped"
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse; the events' text is the inner line."""
        raw = pl.col("raw")
        held = raw.str.starts_with("{") & (raw.str.contains('"log"', literal=True) | raw.str.contains('"message"'))
        fields = [raw.str.json_path_match(path) for path in ("$.log", "$.message")]
        inner = pl.coalesce(fields).str.strip_chars_end("\r\n").str.replace(_TAG, "")
        lines = frame.filter(held).select(inner.alias("raw"), "line").filter(raw.is_not_null())
        return web_access.FORMATS[0].parse(lines, source=source, clock=clock)
