"""One module per service: its line patterns as a table, and what each field means.

FORMATS names every kind of log file; guess() finds the one that a file's lines are written in.
"""

from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai.formats import (
    apache_error,
    exim,
    nginx_error,
    syslog,
    vsftpd,
    web_access,
    web_json,
    web_proxy,
    web_wrapped,
)
from fail2ban_ai.formats.base import Format, Parsed
from fail2ban_ai.formats.clock import Clock, Years
from fail2ban_ai.formats.syslog import parse_messages

__all__ = ["FORMATS", "Clock", "Format", "Parsed", "Years", "guess", "parse_messages"]

_ALL: tuple[Format, ...] = (
    *web_access.FORMATS,
    web_json.JsonLog(),
    web_wrapped.WrappedLog(),
    *web_proxy.FORMATS,
    nginx_error.ErrorLog(),
    apache_error.ErrorLog(),
    *syslog.FORMATS,
    exim.Mainlog(),
    vsftpd.OwnLog(),
)
FORMATS: dict[str, Format] = {known.name: known for known in _ALL}

_LEAST_SHARE = (
    0.25  # of the sample's lines: PHP and Java spread one error over many lines; below it a file is none of ours
)
# What a file is called, tried in this order. Services with a name of their own take syslog's place when it fits too.
_HINTS = {
    "access": "combined",
    "vhost": "vhost_combined",
    "fail2ban": "fail2ban",
    "proftpd": "proftpd",
    "auth.log": "syslog",
    "secure": "syslog",
    "mail": "syslog",
    "journal": "syslog",
    "syslog": "syslog",
    "exim": "exim",
    "vsftpd": "vsftpd",
    "error": "apache_error",
}


def guess(lines: list[str], path: str) -> Format | None:
    """The format that understands the largest share of `lines`, at least a quarter of those that are not blank.

    `path` only breaks ties.
    """
    sample = [line for line in lines if line.strip()]
    if not sample:
        return None
    numbers = pl.int_range(1, len(sample) + 1, dtype=pl.UInt32, eager=True)
    frame = pl.DataFrame({"raw": pl.Series(sample, dtype=pl.String), "line": numbers})
    hinted = [name for part, name in _HINTS.items() if part in path.lower()]
    best, most = None, int(len(sample) * _LEAST_SHARE)
    for name in dict.fromkeys([*hinted, *FORMATS]):
        parsed = FORMATS[name].parse(frame, source=path, clock=Clock(ZoneInfo("UTC")))
        if parsed.understood > most:
            best, most = FORMATS[name], parsed.understood
        if most == len(sample):
            break  # nothing can be better, and the rest were no better hinted at
    return best
