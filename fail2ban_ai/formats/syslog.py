"""Files that a syslog daemon writes, several programs in one: the frame of a line, then each program's own table.

A program without a table is somebody else's: its lines are understood and stand for no event, unless PAM reports a
failed log-in from an address in its name.
"""

import re
from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import (
    apache_error,
    base,
    dovecot,
    exim,
    fail2ban_log,
    frames,
    nginx_error,
    pam,
    patterns,
    postfix,
    proftpd,
    sshd,
    vsftpd,
)
from fail2ban_ai.formats.clock import Clock

_REPEATED = r"^message repeated (\d+) times: \[ (.*)\]$"
_SOLARIS = r"^\[ID \d+ \w+\.\w+\] "


@dataclass(frozen=True, slots=True)
class Service:
    """A service's programs (regexes over the whole name, lower case) and its patterns, tried in order."""

    name: str
    programs: tuple[str, ...]
    table: tuple[patterns.Pattern, ...]


SERVICES = (
    Service("sshd", sshd.PROGRAMS, (*sshd.TABLE, *pam.TABLE)),
    Service("dovecot", dovecot.PROGRAMS, (*dovecot.TABLE, *pam.TABLE)),
    Service("postfix", postfix.PROGRAMS, postfix.TABLE),
    Service("exim", exim.PROGRAMS, exim.TABLE),
    Service("vsftpd", vsftpd.PROGRAMS, (*vsftpd.TABLE, *pam.TABLE)),
    Service("proftpd", proftpd.PROGRAMS, (*proftpd.TABLE, *pam.TABLE)),
    Service("fail2ban", fail2ban_log.PROGRAMS, fail2ban_log.TABLE),
    Service("nginx", nginx_error.PROGRAMS, nginx_error.TABLE),
    Service("apache", apache_error.PROGRAMS, apache_error.TABLE),
)
_PAM = Service("pam", (), pam.TABLE)
_WEB = {"nginx": "web", "apache": "web"}  # the events' service


def parse_messages(rows: pl.DataFrame, *, source: str) -> base.Parsed:
    """Events of framed messages.

    `rows` has the columns raw, line, time (UTC), program and message, in order; a null program is a line that is no
    syslog line, and not understood.
    """
    bare = pl.col("program").str.extract(r"^([^(]*)").str.to_lowercase()
    rows = rows.with_columns(bare.alias("bare"), pl.col("message").str.replace(_SOLARIS, "")).with_row_index("row")
    known = {name: _service(name) for name in rows["bare"].unique() if name is not None}
    named = {name: service.name for name, service in known.items() if service}
    of_others = pl.col("message").str.contains("authentication failure;", literal=True)
    rows = rows.with_columns(
        pl.col("bare").replace_strict(named, default=None, return_dtype=pl.String).alias("service"),
        *_unfolded(),
    )
    others = rows.filter(pl.col("service").is_null() & pl.col("program").is_not_null())
    understood, found = others.height, [_events(_PAM, others.filter(of_others))[0]]
    for service in SERVICES:
        own = rows.filter(pl.col("service") == service.name)
        if own.height:
            events, count = _events(service, own)
            understood += count
            found.append(events)
    return base.Parsed(base.to_events(pl.concat(found).sort("order"), source), understood)


def _service(program: str) -> Service | None:
    return next((s for s in SERVICES if any(re.fullmatch(p, program) for p in s.programs)), None)


def _unfolded() -> list[pl.Expr]:
    """Columns repeats and message: "message repeated N times" undone, and a process in the program's place put back."""
    text = pl.col("message")
    folded = text.str.starts_with("message repeated ")
    inner = pl.when(folded).then(pl.coalesce(text.str.extract(_REPEATED, 2), text)).otherwise(text)
    program = pl.col("program")
    return [
        pl.when(folded).then(text.str.extract(_REPEATED, 1)).alias("repeats"),
        pl.when(pl.col("bare").is_in(dovecot.PROCESSES) & ~text.str.contains(r"^\(?pam_"))
        .then(pl.concat_str(program, pl.lit(": "), inner))
        .when(program.str.ends_with(")") & program.str.contains("(pam_", literal=True))
        .then(pl.concat_str(program.str.extract(r"(\(pam_\w+\))$"), pl.lit(": "), inner))
        .otherwise(inner)
        .alias("message"),
    ]


def _events(service: Service, own: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Rows of a service's lines that stand for an event, and how many lines its table knows."""
    hits = patterns.apply(service.table, own["message"])
    own = own.select("row", "raw", "line", "time", "repeats", "message").rename({"row": "order"})
    events = base.eventful(own, hits, _WEB.get(service.name, service.name))
    return events.with_columns(pl.coalesce("repeats", "times").alias("times")).drop("repeats"), hits.height


@dataclass(frozen=True, slots=True)
class Syslog:
    """A syslog file of any programs; under another name, of one service mostly."""

    name: str = "syslog"
    service: str = "syslog"
    yearless: bool = True

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        rows = pl.concat([frame, frames.framed(frame, clock)], how="horizontal")
        parsed = parse_messages(rows, source=source)
        rest = rows.filter(pl.col("program").is_null())["raw"]
        return base.Parsed(parsed.events, parsed.understood + (frames.nobodys(rest) if len(rest) else 0))


FORMATS = (
    Syslog(),
    Syslog("sshd", "sshd"),
    Syslog("pam", "pam"),
    Syslog("dovecot", "dovecot"),
    Syslog("postfix", "postfix"),
    Syslog("proftpd", "proftpd"),
    Syslog("fail2ban", "fail2ban"),
)
