"""The frame of a syslog line: stamp, host, program, pid, message.

Stamps: classic ("Nov 24 00:43:12", no year), ISO 8601 (rsyslog's high precision, Debian 12 and later, ProFTPD,
fail2ban), RFC 5424, and TAI64N ("@4000…", multilog). The host may be missing.
"""

import polars as pl

from fail2ban_ai.formats import times
from fail2ban_ai.formats.clock import Clock

_CLASSIC = r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_TAI = r"@40{6}[0-9a-f]{17}"
# A host name holds no bracket and does not end in ":", so "sshd[7]:" and "sshd:" after the stamp are programs.
_FRAME = (
    rf"^(?:<\d{{1,3}}>)?(?:({_CLASSIC})(?: \d{{4}})?|({_ISO})|({_TAI})) (?:[^\s\[\]]*[^\s\[\]:] +)?"
    r"(?:([A-Za-z0-9/][\w.+@/-]*(?:\([^\s()]*\)(?:<[^\s<>]*>)?)?)"
    r"(?:\s*\[\d*\]:?|:)|\[([A-Za-z][\w.+-]*)\]:?)(?: (.*))?$"
)
# The usual line, each step decided by the next character, which the engine runs several times as fast.
_QUICK = (
    r"^(?:([A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"|([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})))"
    r"() [^ \[\]:]+ ([A-Za-z][A-Za-z0-9_.+@/-]*)()(?:\[[0-9]+\])?: (.*)$"
)
_RFC5424 = (
    rf"^<\d{{1,3}}>1 ({_ISO}) \S+ (\S+) \S+ \S+ (?:-|(?:\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\])+)(?: \x{{feff}}?(.*))?$"
)
_NOBODY = rf"^(?:<\d{{1,3}}>)?(?:{_CLASSIC}|{_ISO}) (?:\S+ )?(?:last message repeated \d+ times?|-- MARK --)\s*$"
_COLUMNS = ("classic", "iso", "tai", "program", "bracketed", "message")


def nobodys(raw: pl.Series) -> int:
    """How many lines are the syslog daemon's own marks, which name no program."""
    return int(raw.str.contains(_NOBODY).sum())


def framed(lines: pl.DataFrame, clock: Clock) -> pl.DataFrame:
    """Columns time (UTC), program (as written, "auth-worker(7)") and message of `lines` (raw, line).

    Null where none fits.
    """
    raw = lines["raw"]
    frame = _columns(raw, _QUICK, _COLUMNS).with_columns(
        # A group that matches nothing gives "".
        pl.lit(None, pl.String).alias("tai"),
        pl.lit(None, pl.String).alias("bracketed"),
    )
    for regex, names in ((_FRAME, _COLUMNS), (_RFC5424, ("iso", "program", "message"))):
        missing = frame["program"].is_null() & frame["bracketed"].is_null()
        if missing.any():
            late = _columns(raw.filter(missing), regex, names)
            at = missing.arg_true()
            frame = frame.with_columns(frame[name].scatter(at, late[name]) for name in names)
    frame = frame.with_columns(pl.coalesce("program", "bracketed").alias("program"), pl.col("message").fill_null(""))
    time = pl.Series("time", [None] * frame.height, dtype=pl.Datetime("us", "UTC"))
    for column in ("classic", "iso", "tai"):
        at = frame[column].is_not_null().arg_true()
        if len(at):
            stamps = frame[column].gather(at)
            if column == "classic":
                years = clock.years(lines).of(lines["line"].gather(at))
                read = times.without_year(stamps, pl.Series(years), clock)
            else:
                read = times.iso(stamps, clock) if column == "iso" else times.tai64n(stamps)
            time = read.alias("time") if len(at) == frame.height else time.scatter(at, read)
    dated = pl.col("time").is_not_null()
    return frame.with_columns(time).select(
        "time",
        pl.when(dated).then("program").alias("program"),
        pl.col("message").fill_null("").str.strip_suffix("\r"),
    )


def _columns(raw: pl.Series, regex: str, names: tuple[str, ...]) -> pl.DataFrame:
    groups = pl.col("raw").str.extract_groups(regex).struct.rename_fields(list(names)).alias("frame")
    return pl.DataFrame({"raw": raw}).select(groups).unnest("frame")
