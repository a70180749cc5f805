"""A format of the tests' own, so that these tests fail only when reading fails: "SECONDS WORD"."""

from dataclasses import dataclass

import polars as pl
import pytest

from fail2ban_ai import events, formats

GUESS = formats.guess  # for the tests that want the real formats


@dataclass(frozen=True)
class _Parsed:
    events: pl.DataFrame
    understood: int


class SecondsFormat:
    name = "seconds"
    service = "test"
    yearless = False

    def parse(self, frame, *, source, clock):
        fields = frame.with_columns(
            pl.col("raw").str.extract(r"^(\d+(?:\.\d+)?) \S").cast(pl.Float64).alias("at"),
        ).filter(pl.col("at").is_not_null())
        made = fields.select(
            time=(pl.col("at") * 1_000_000).cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            source=pl.lit(source),
            line=pl.col("line"),
            service=pl.lit("test"),
            kind=pl.lit("request"),
            # What the reader handed over, for the tests to look at.
            account=pl.lit(clock.zone.key),
            host=pl.lit(None if clock.year_hint is None else clock.year_hint.isoformat()),
            text=pl.col("raw"),
        )
        rest = [
            pl.lit(None, dtype=kind).alias(name) for name, kind in events.SCHEMA.items() if name not in made.columns
        ]
        table = made.with_columns(rest).select(pl.col(name).cast(kind) for name, kind in events.SCHEMA.items())
        return _Parsed(table, table.height)


@pytest.fixture
def seconds():
    return SecondsFormat()


@pytest.fixture(autouse=True)
def guessing(monkeypatch):
    """Guess the tests' format wherever one of the sampled lines has it."""

    def guess(lines, path):
        return SecondsFormat() if any(line.split(" ")[0].replace(".", "").isdigit() for line in lines) else None

    monkeypatch.setattr(formats, "guess", guess)
