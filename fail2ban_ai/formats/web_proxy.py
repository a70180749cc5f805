r"""Access logs of nginx as a reverse proxy that begin with the stamp: Nginx Proxy Manager, and "[time] host address".

Nothing with a blank or a quote that a client can choose stands before the address: nginx takes neither in a host name
or method, and writes quotes in a request target as \x22.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock

_STAMP = r"^\[(?P<stamp>[0-9]{1,2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}(?: [+-][0-9]{4})?)\] "
_TEXT = r'(?:[^"\\]|\\.)*'
# Cache status and the upstream's status come first where Nginx Proxy Manager passes a request on.
_MANAGER = (
    rf"{_STAMP}(?:[A-Z-]+ [0-9,: -]+? )?(?P<status>[0-9]{{3}}) - (?P<method>[^ ]+) [a-z]+ (?P<host>[^ ]+)"
    rf' "(?P<target>{_TEXT})" \[Client (?P<address>[0-9a-fA-F.:]+)\] \[Length (?P<bytes>[0-9]+|-)\] \[Gzip [^\]]*\]'
    rf'(?: \[Sent-to [^\]]*\])? "(?P<agent>{_TEXT})" "(?P<referer>{_TEXT})"\s*$'
)
_TIMED = (
    rf'{_STAMP}(?P<host>[^ "]+) (?P<address>[0-9a-fA-F.:]+) [0-9.]+ "(?P<request>{_TEXT})" (?P<status>[0-9]{{3}})'
    r" (?P<bytes>[0-9]+)(?: [0-9]+ (?P<referer>[^ ]+) (?P<agent>.*?))?\s*$"
)


@dataclass(frozen=True, slots=True)
class ProxyLog:
    """An access log of one line per request."""

    name: str
    regex: str
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        groups = pl.col("raw").str.extract_groups(self.regex).alias("fields")
        rows = frame.with_columns(groups).unnest("fields").filter(pl.col("stamp").is_not_null())
        rows = rows.with_columns(times.clf(rows["stamp"], clock).alias("time")).filter(pl.col("time").is_not_null())
        if "request" in rows.columns:
            rows = base.with_request(rows)
        rows = rows.with_columns(
            pl.lit(self.service).alias("service"),
            pl.lit("request").alias("kind"),
            pl.col("status").cast(pl.UInt16),
            pl.col("bytes").str.replace("^-$", "0").cast(pl.Int64, strict=False),
        )
        return base.Parsed(base.to_events(rows, source), rows.height)


FORMATS = (ProxyLog("nginx_proxy_manager", _MANAGER), ProxyLog("nginx_timed", _TIMED))
