"""Time stamps: the shapes logs write them in, years that are not written, and local time across a change of hour."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import polars as pl

_UTC = pl.Datetime("us", "UTC")
_NAIVE = pl.Datetime("us")
_DAY = timedelta(days=1)

# A second pass through an ambiguous hour shows as a step back in the file; writers alone shuffle lines by less.
_STEP_BACK = timedelta(minutes=10)


def to_utc(naive: pl.Series, zone: zoneinfo.ZoneInfo) -> pl.Series:
    """UTC of local times in file order.

    An hour that happens twice is the first one, until the file steps back within it: from there it is the second.
    An hour that never happens is read with the offset before the change, so it lies after it.
    """
    if zone.key == "UTC":
        return naive.dt.replace_time_zone("UTC")
    first = naive.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    last = naive.dt.replace_time_zone(zone.key, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    frame = pl.DataFrame({"naive": naive, "first": first, "last": last})
    if frame.select((pl.col("first") != pl.col("last")).any()).item():
        before = pl.col("first").cum_max().shift(1)
        stepped = (pl.col("first") != pl.col("last")) & (pl.col("first") < before - _STEP_BACK)
        second = stepped.cast(pl.UInt8).cum_max().over(pl.col("naive").dt.date()) == 1
        ambiguous = pl.col("first") != pl.col("last")
        frame = frame.with_columns(
            pl.when(ambiguous & second.fill_null(value=False)).then("last").otherwise("first").alias("first")
        )
    if frame["first"].null_count() > naive.null_count():
        gap = timedelta(hours=3)
        earlier = (naive - gap).dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
        frame = frame.with_columns(pl.col("first").fill_null(earlier.dt.convert_time_zone("UTC") + gap))
    return frame["first"].cast(_UTC)


def clf(stamps: pl.Series, zone: zoneinfo.ZoneInfo) -> pl.Series:
    """UTC of "24/Nov/2026:00:43:12 +0100" (Apache's and nginx's $time_local); without an offset, local time."""
    full = stamps.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", time_zone="UTC", strict=False)
    if full.null_count() > stamps.null_count():
        naive = stamps.str.to_datetime("%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False)
        full = full.zip_with(full.is_not_null(), to_utc(naive, zone))
    return full


def iso(stamps: pl.Series, zone: zoneinfo.ZoneInfo) -> pl.Series:
    """UTC of "2026-11-24T00:43:12.123456+01:00", with a space or "/" inside, "," for ".", "Z", or no offset."""
    part = stamps.str.replace_all("/", "-", literal=True).str.replace(",", ".", literal=True).str.replace(" ", "T")
    part = part.str.replace(r"\s*([+-]\d\d):?(\d\d)$", "$1$2").str.replace("[Zz]$", "+0000")
    offset = part.str.contains(r"[+-]\d{4}$") & part.str.contains("T", literal=True)
    whole = part.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False)
    if offset.all():
        return whole
    naive = part.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return whole.zip_with(offset.fill_null(value=True), to_utc(naive, zone))


def ctime(stamps: pl.Series, zone: zoneinfo.ZoneInfo) -> pl.Series:
    """UTC of "Sun Jan 04 07:02:07.123 2026" (Apache's error log, vsftpd), the fraction being optional."""
    tidy = stamps.str.slice(4).str.replace_all(r" +", " ")  # the day of the week adds nothing, and may be wrong
    naive = tidy.str.to_datetime("%b %e %H:%M:%S %Y", time_unit="us", strict=False)
    if naive.null_count() > stamps.null_count():
        fine = tidy.str.to_datetime("%b %e %H:%M:%S%.f %Y", time_unit="us", strict=False)
        naive = naive.zip_with(naive.is_not_null(), fine)
    return to_utc(naive, zone)


def epoch(seconds: pl.Series) -> pl.Series:
    """UTC of seconds since 1970 as text, with or without a fraction."""
    micros = (seconds.cast(pl.Float64, strict=False) * 1e6).round().clip(-6e16, 6e16)
    return micros.cast(pl.Int64, strict=False).cast(_NAIVE).dt.replace_time_zone("UTC")


def tai64n(stamps: pl.Series) -> pl.Series:
    """UTC of multilog's "@4000000" stamps: 2^62 seconds plus TAI, which runs ahead of UTC by 10 s and the leap seconds.

    multilog counts TAI as UTC plus 10 s, whatever the leap seconds (libtai's tai_now); so does this.
    """
    seconds = stamps.str.slice(2, 15).str.to_integer(base=16, strict=False) - 10
    micros = stamps.str.slice(17, 8).str.to_integer(base=16, strict=False) // 1000
    return (seconds * 1_000_000 + micros).cast(_NAIVE).dt.replace_time_zone("UTC")


def without_year(stamps: pl.Series, zone: zoneinfo.ZoneInfo, year_hint: datetime | None) -> pl.Series:
    """UTC of "Nov 24 00:43:12" in file order.

    The last stamp is the latest that is not more than a day after `year_hint` (the file's modification time; now
    when None). Before it the year falls by one at each step from December to January; a step back the other way
    (a board without a clock that boots in January) takes that back.
    """
    hint = (year_hint or datetime.now(UTC)).astimezone(zone).replace(tzinfo=None) + _DAY
    tidy = stamps.str.replace_all(r" +", " ")
    # Year 2000 is a leap year, so that every stamp has a place in it.
    base = ("2000 " + tidy).str.to_datetime("%Y %b %e %H:%M:%S%.f", time_unit="us", strict=False)
    month = base.dt.month().forward_fill()
    before = month.shift(1)
    wraps = ((before >= 11) & (month <= 2)).cast(pl.Int32) - ((before <= 2) & (month >= 11)).cast(pl.Int32)
    passed = wraps.fill_null(0).cum_sum()
    known = base.drop_nulls()
    if known.is_empty():
        return pl.Series(stamps.name, [None] * len(stamps), dtype=_UTC)
    last = known[-1]
    years = passed - passed[-1] + hint.year - (1 if _in_year(last, hint.year) > hint else 0)
    frame = pl.DataFrame({"base": base, "year": years})
    naive = pl.datetime(
        pl.col("year"),
        pl.col("base").dt.month(),
        pl.col("base").dt.day(),
        pl.col("base").dt.hour(),
        pl.col("base").dt.minute(),
        pl.col("base").dt.second(),
        pl.col("base").dt.microsecond(),
    )
    leapless = (pl.col("base").dt.month() == 2) & (pl.col("base").dt.day() == 29) & (pl.col("year") % 4 != 0)
    frame = frame.with_columns(
        pl.when(leapless).then(pl.col("year") - pl.col("year") % 4).otherwise("year").alias("year")
    )
    dated = frame.select(naive.alias("time"), "year")
    late = dated["time"] > hint
    if late.any():
        earlier = frame.with_columns(pl.col("year") - 1).filter(late)
        earlier = earlier.with_columns(
            pl.when(leapless).then(pl.col("year") - pl.col("year") % 4).otherwise("year").alias("year")
        )
        dated = dated.with_columns(dated["time"].scatter(late.arg_true(), earlier.select(naive)[:, 0]))
    return to_utc(dated["time"].cast(_NAIVE), zone).alias(stamps.name)


def _in_year(stamp: datetime, year: int) -> datetime:
    """`stamp` in `year`, 29 February read as the 28th where there is none."""
    try:
        return stamp.replace(year=year)
    except ValueError:
        return stamp.replace(year=year, day=28)
