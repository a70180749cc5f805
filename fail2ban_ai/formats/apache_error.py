"""Apache's error log, 2.2 and 2.4: "[STAMP] [level] … [client ADDRESS] message".

Between the stamp and the client stand only Apache's own words, so the first "[client …]" is the client; what follows
it (paths, user names, requests) is the client's and holds no field but the account.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock
from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = (r"httpd(?:/.*)?", r"apache2?(?:/.*)?")

_PLACES = {
    "head": r"(?:\[[\w:]*\] )?(?:\[pid \d+(?::tid \d+)?\] )?",
    "client": r"[^\[\]]*\[(?:client|remote) (?:\[(?P<address6>[0-9a-fA-F:.]+)\]:\d+"
    r"|(?P<address>[0-9a-fA-F:]*:[0-9a-fA-F:.]*|[^\s\[\]:]+)(?::\d{1,5})?)\] (?:AH\d+: )?(?:Digest: )?",
    "tail": r".*?(?:, referer: (?P<referer>.*))?",
    "name": r"(?P<account>.*?)",
    "what": r"(?P<what>.*?)",
    "referer": r"(?:, referer: (?P<referer>.*))?",
}


def _p(kind: str | None, text: str) -> Pattern:
    return Pattern(kind, "<head>" + text, _PLACES)


TABLE = (
    _p("login_failed", "<client>user `<name>' in realm `<tail>"),
    _p("login_failed", "<client>user <name> not found((: <tail>))"),
    _p("login_failed", "<client>user <name>: {authentication failure for|password mismatch}<tail>"),
    _p("http_error", "<client><what><referer>"),
    _p(None, "<any>"),
)
_FRAME = r"^\[([A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] (\[[\w:]*\] .*)$"


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """Apache's error log."""

    name: str = "apache_error"
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        return base.stamped(
            frame, _FRAME, lambda stamps: times.ctime(stamps, clock), TABLE, service=self.service, source=source
        )
