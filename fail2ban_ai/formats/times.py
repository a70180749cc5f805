"""Time stamps: the shapes logs write them in, years that are not written, and local time across a change of hour."""

import calendar
from datetime import timedelta

import polars as pl

from fail2ban_ai.formats.clock import Clock

_UTC = pl.Datetime("us", "UTC")
_NAIVE = pl.Datetime("us")
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_LENGTH = {name: calendar.monthrange(2000, number)[1] for name, number in _MONTHS.items()}
_BEFORE = {name: sum(list(_LENGTH.values())[: number - 1]) for name, number in _MONTHS.items()}  # days of the year
_YEAR_2000 = 946_684_800_000_000  # microseconds since 1970
_GAP = timedelta(hours=3)  # more than any change of local time takes


def to_utc(naive: pl.Series, clock: Clock, shape: str) -> pl.Series:
    """UTC of local times in file order.

    An hour that happens twice is the first one, until the file steps back within it: from there it is the second.
    An hour that never happens is read with the offset before the change, so it lies after it.
    """
    zone = clock.zone.key
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC")
    found = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    if found.null_count() > naive.null_count():
        odd = (found.is_null() & naive.is_not_null()).arg_true()
        local = naive.gather(odd)
        first = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        never = first.is_null()
        earlier = (local - _GAP).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        moved = earlier.dt.convert_time_zone("UTC") + _GAP
        read = first.dt.convert_time_zone("UTC").zip_with(~never, moved)
        twice = (~never).arg_true()
        if len(twice):
            last = local.gather(twice).dt.replace_time_zone(zone, ambiguous="latest").dt.convert_time_zone("UTC")
            second = pl.Series(clock.second(shape, local.gather(twice)))
            read = read.scatter(twice.filter(second), last.filter(second))
        found = found.scatter(odd, read)
    return found.cast(_UTC)


def clf(stamps: pl.Series, clock: Clock) -> pl.Series:
    """UTC of "24/Nov/2026:00:43:12 +0100" (Apache's and nginx's $time_local); without an offset, local time."""
    full = stamps.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", time_zone="UTC", strict=False)
    if full.null_count() > stamps.null_count():
        naive = stamps.str.to_datetime("%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False)
        full = full.zip_with(full.is_not_null(), to_utc(naive, clock, "clf"))
    return full


def iso(stamps: pl.Series, clock: Clock) -> pl.Series:
    """UTC of "2026-11-24T00:43:12.123456+01:00", with a space or "/" inside, "," for ".", "Z", or no offset."""
    part = stamps.str.replace_all("/", "-", literal=True).str.replace(",", ".", literal=True).str.replace(" ", "T")
    part = part.str.replace(r"\s*([+-]\d\d):?(\d\d)$", "$1$2").str.replace("[Zz]$", "+0000")
    offset = part.str.contains(r"[+-]\d{4}$") & part.str.contains("T", literal=True)
    whole = part.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False)
    if offset.all():
        return whole
    naive = part.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return whole.zip_with(offset.fill_null(value=True), to_utc(naive, clock, "iso"))


def ctime(stamps: pl.Series, clock: Clock) -> pl.Series:
    """UTC of "Sun Jan 04 07:02:07.123 2026" (Apache's error log, vsftpd), the fraction being optional."""
    tidy = stamps.str.slice(4).str.replace_all(r" +", " ")  # the day of the week adds nothing, and may be wrong
    naive = tidy.str.to_datetime("%b %e %H:%M:%S %Y", time_unit="us", strict=False)
    if naive.null_count() > stamps.null_count():
        fine = tidy.str.to_datetime("%b %e %H:%M:%S%.f %Y", time_unit="us", strict=False)
        naive = naive.zip_with(naive.is_not_null(), fine)
    return to_utc(naive, clock, "ctime")


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


def without_year(stamps: pl.Series, years: pl.Series, clock: Clock) -> pl.Series:
    """UTC of "Nov 24 00:43:12" in file order, each in its year.

    A stamp that would lie after `clock.latest` is of the year before; 29 February lies in a leap year.
    """
    base = _in_leap_year(stamps)
    frame = pl.DataFrame({"base": base, "year": years})
    naive = frame.select(_in_year()).to_series()
    late = naive > clock.latest
    if late.any():
        earlier = frame.filter(late).select(pl.col("base"), pl.col("year") - 1).select(_in_year())
        naive = naive.scatter(late.arg_true(), earlier.to_series())
    return to_utc(naive.cast(_NAIVE), clock, "classic").alias(stamps.name)


def _in_leap_year(stamps: pl.Series) -> pl.Series:
    """The stamps in the year 2000, in which every one has a place; null where it is no time."""
    # The usual stamp has its parts at fixed places: counting seconds reads them twice as fast as a parser of dates.
    text = pl.col("stamp")
    names = {"day": 4, "hour": 7, "minute": 10, "second": 13}
    month = text.str.slice(0, 3)
    frame = pl.DataFrame({"stamp": stamps}).select(
        *(
            text.str.slice(at, 2).str.strip_chars_start().cast(pl.Int32, strict=False).alias(name)
            for name, at in names.items()
        ),
        before=month.replace_strict(_BEFORE, default=None, return_dtype=pl.Int32),
        length=month.replace_strict(_LENGTH, default=None, return_dtype=pl.Int32),
    )
    day, hour, minute, second = (pl.col(name) for name in names)
    seconds = (((pl.col("before") + day - 1) * 24 + hour) * 60 + minute) * 60 + second
    exists = day.is_between(1, pl.col("length")) & (hour < 24) & (minute < 60) & (second < 60)
    micros = seconds.cast(pl.Int64) * 1_000_000 + _YEAR_2000
    found = frame.select(pl.when(exists).then(micros.cast(_NAIVE))).to_series()
    unusual = (stamps.str.len_bytes() != 15) | found.is_null()
    if unusual.any():
        tidy = "2000 " + stamps.filter(unusual).str.replace_all(r" +", " ")
        read = tidy.str.to_datetime("%Y %b %e %H:%M:%S%.f", time_unit="us", strict=False)
        found = found.scatter(unusual.arg_true(), read)
    return found


def _in_year() -> pl.Expr:
    """The column base in the column year."""
    base, year = pl.col("base"), pl.col("year")
    leapless = (base.dt.month() == 2) & (base.dt.day() == 29) & (year % 4 != 0)
    parts = [getattr(base.dt, part)() for part in ("month", "day", "hour", "minute", "second", "microsecond")]
    return pl.datetime(pl.when(leapless).then(year - year % 4).otherwise(year), *parts).alias("time")
