r"""Web access logs: common, combined and vhost_combined, as nginx and Apache write them.

The address stands first, before anything a client can choose, and a client's quotes are escaped by both servers
(nginx: \x22, Apache: \"), so nothing in a request, referer or agent can be taken for another field.
Addresses that proxies name in further fields are not read.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_STAMP = r"\[([0-9]{1,2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}(?: [+-][0-9]{4})?)\] "
_REQUEST = _QUOTED + r" ([0-9]{3}) ([0-9]+|-)"
_AGENT = f" {_QUOTED} {_QUOTED}(?: .*)?"
# The last field may end where a line was cut.
_CUT_AGENT = f" {_QUOTED} " + _QUOTED.removesuffix('"') + r'(?:"(?: .*)?)?'
# The identity (column two or three) is "-" nearly always and holds no "." or ":", so it is never an address, and
# "host address - user" is never "address identity user".
_PLAIN = "([^ ]+) [^ .:]+ "
_USER = r'([^ "]+) '
# Most lines fit _USER and end where they should: every step of these regexes is decided by the next character, which
# the engine runs four times as fast as the ones for the rest.
_COMBINED = f"^(){_PLAIN}{_USER}{_STAMP}{_REQUEST}(?:{_AGENT})?$"
_VHOST = f"^([^ ]+) {_PLAIN.replace('[^ ]', '[0-9a-fA-F.:]', 1)}{_USER}{_STAMP}{_REQUEST}(?:{_AGENT})?$"
_COMMON = f"^(){_PLAIN}{_USER}{_STAMP}{_REQUEST}()()$"
_FIELDS = ("host", "address", "account", "stamp", "request", "status", "bytes", "referer", "agent")


def _loose(strict: str) -> str:
    """The same with blanks in front, at the end or in the user's name, a host after the stamp, or the agent cut."""
    loose = strict.replace("^", "^ ?", 1).replace(_USER, r'([^"]*?) ').replace(_AGENT, _CUT_AGENT)
    return loose.replace(_STAMP, _STAMP.replace(r"\]", r" ?\]") + r'(?:[^ "]+ )?').removesuffix("$") + r"\s*$"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """An access log of one line per request."""

    name: str
    regex: str
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        rows = _fields(frame, self.regex)
        rest = rows.filter(pl.col("stamp").is_null())
        rows = rows.filter(pl.col("stamp").is_not_null())
        if rest.height:
            late = _fields(rest.select("raw", "line"), _loose(self.regex)).filter(pl.col("stamp").is_not_null())
            rows = pl.concat([rows, late]).sort("line") if late.height else rows
        rows = rows.with_columns(times.clf(rows["stamp"], clock).alias("time")).filter(pl.col("time").is_not_null())
        rows = base.with_request(rows).with_columns(
            pl.lit(self.service).alias("service"),
            pl.lit("request").alias("kind"),
            pl.col("status").cast(pl.UInt16),
            pl.col("bytes").str.replace("^-$", "0").cast(pl.Int64, strict=False),
        )
        return base.Parsed(base.to_events(rows, source), rows.height)


def _fields(frame: pl.DataFrame, regex: str) -> pl.DataFrame:
    groups = pl.col("raw").str.extract_groups(regex).struct.rename_fields(list(_FIELDS)).alias("fields")
    return frame.with_columns(groups).unnest("fields")


FORMATS = (
    AccessLog("combined", _COMBINED),
    AccessLog("vhost_combined", _VHOST),
    AccessLog("common", _COMMON),
)
