"""What every format is and gives, and the last step they share: from captured texts to the event table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from fail2ban_ai import addresses, events
from fail2ban_ai.formats import patterns
from fail2ban_ai.formats.clock import Clock

# A counted line ("message repeated N times") stands for N events, but a line may claim any number.
MOST_REPEATS = 50

_METHOD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = rf"^({_METHOD}) ([^ ]+) HTTP/[0-9](?:\.[0-9])?$"
_SPACED = rf"^({_METHOD}) ([^ ].*) HTTP/[0-9](?:\.[0-9])?$"  # servers log a raw blank in a target as it came
_MESSAGE_LIMIT = 200  # characters of a web server's error
_QUOTED = r"\"[^\"]*\"|'[^']*'|`[^']*'"
_PATH = r"/[^\s:,()]+"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format made of a chunk of lines.

    `events` is an event table in the order of the lines. `understood` counts the lines whose meaning is known,
    those that stand for no event included; it never exceeds the number of lines.
    """

    events: pl.DataFrame
    understood: int


class Format(Protocol):
    """A kind of log file. `service` is the events.SCHEMA service it mostly yields ("syslog" for a mixed file)."""

    @property
    def name(self) -> str:
        """Key in FORMATS."""

    @property
    def service(self) -> str:
        """Service shown for the source."""

    @property
    def yearless(self) -> bool:
        """Whether its stamps may leave out the year, so that a file must be looked over before it can be dated."""

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> Parsed:
        """Read lines.

        `frame` has the columns raw (String) and line (UInt32), in file order. `clock` is the source's own,
        kept over all its chunks: its zone and years, for stamps that name none.
        """


def with_request(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the columns method and target, from the request line in the column request.

    What is no request line is a target without a method. A request without a version is HTTP/0.9.
    """
    names = ["method", "target"]
    groups = pl.col("request").str.extract_groups(_REQUEST).struct.rename_fields(names).alias("parts")
    rows = rows.drop(names, strict=False).with_columns(groups).unnest("parts")
    odd = pl.col("method").is_null()
    if not rows["request"].is_not_null().any() or not rows["method"].is_null().any():
        return rows
    line = pl.col("request")
    method = line.str.extract(_SPACED, 1).fill_null(line.str.extract(r"^(GET|HEAD|POST) /[^ ]*$"))
    target = line.str.extract(_SPACED, 2).fill_null(line.str.extract(r"^(?:GET|HEAD|POST) (/[^ ]*)$"))
    return rows.with_columns(
        pl.when(odd).then(method).otherwise("method").alias("method"),
        pl.when(odd).then(target.fill_null(line)).otherwise("target").alias("target"),
    )


def to_events(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """The event table of `rows`: raw, line, time, service, kind, address as logged, and any other column of it.

    Rows whose address is none (a host name, "unknown") are dropped. An optional column `times` repeats a row.
    """
    known = {text: found for text in rows["address"].unique() if text and (found := addresses.normal(text))}
    rows = rows.with_columns(
        pl.col("address").replace_strict(known, default=None, return_dtype=pl.String),
        pl.lit(source).alias("source"),
        pl.col("raw").str.head(events.TEXT_LIMIT).alias("text"),
    ).filter(pl.col("address").is_not_null() & pl.col("time").is_not_null())
    if "times" in rows.columns:
        times = pl.col("times").cast(pl.UInt32, strict=False).fill_null(1).clip(1, MOST_REPEATS)
        rows = rows.with_columns(pl.int_ranges(0, times).alias("times")).explode("times", empty_as_null=True)
    missing = [
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in events.SCHEMA.items() if name not in rows.columns
    ]
    rows = rows.with_columns(missing)
    empty_is_null = [
        pl.when(pl.col(name).is_in(["", "-"])).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("referer", "agent", "host", "account")
    ]
    return rows.with_columns(empty_is_null).select(
        pl.col("account").str.head(events.ACCOUNT_LIMIT) if name == "account" else pl.col(name).cast(dtype)
        for name, dtype in events.SCHEMA.items()
    )


def stamped(
    frame: pl.DataFrame,
    pattern: str,
    read: Callable[[pl.Series], pl.Series],
    table: Sequence[patterns.Pattern],
    *,
    service: str,
    source: str,
) -> Parsed:
    """Read a log whose lines are a stamp and a message, the two groups of `pattern`; `read` makes times of stamps."""
    named = pl.col("raw").str.extract_groups(pattern).struct.rename_fields(["stamp", "message"])
    rows = frame.with_columns(named.alias("fields")).unnest("fields").filter(pl.col("stamp").is_not_null())
    rows = rows.with_columns(read(rows["stamp"]).alias("time")).filter(pl.col("time").is_not_null())
    return by_table(rows, table, service=service, source=source)


def by_table(rows: pl.DataFrame, table: Sequence[patterns.Pattern], *, service: str, source: str) -> Parsed:
    """Events of `rows` (raw, line, time, message) of one service, read with its table."""
    hits = patterns.apply(table, rows["message"])
    return Parsed(to_events(eventful(rows, hits, service), source), hits.height)


def eventful(rows: pl.DataFrame, hits: pl.DataFrame, service: str) -> pl.DataFrame:
    """The rows of a service that stand for an event, with what patterns.apply captured, ready for to_events.

    A capture named "what" is the event's message: of a web server's error the text, masked; of a ban the jail.
    """
    kept = rows.drop("message")[hits["row"]]
    both = pl.concat([kept, hits.drop("row")], how="horizontal").filter(pl.col("kind").is_not_null())
    what = pl.col("what")
    masked = what.str.replace_all(_QUOTED, '"<text>"').str.replace_all(_PATH, "<path>").str.replace_all(r"\d+", "<n>")
    return with_request(both).with_columns(
        pl.lit(service).alias("service"),
        pl.coalesce("address", "address6").alias("address"),
        pl.when(pl.col("kind") == "http_error")
        .then(masked.str.head(_MESSAGE_LIMIT))
        .otherwise(pl.coalesce(what, "message"))
        .alias("message"),
    )
