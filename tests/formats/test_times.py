"""Years that are not written, and the two nights a year when local time jumps."""

from datetime import UTC, datetime

from tests.formats.reading import events

MESSAGE = "web1 sshd[7]: Invalid user bob from 192.0.2.1"


def times(*stamps: str, hint: datetime, zone: str = "UTC") -> list[datetime]:
    return [event["time"] for event in events("syslog", *(f"{s} {MESSAGE}" for s in stamps), hint=hint, zone=zone)]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_a_year_begins_inside_the_file() -> None:
    found = times("Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  2 10:00:00", hint=utc(2026, 1, 3))
    assert found == [utc(2025, 12, 31, 23, 59, 59), utc(2026, 1, 1, 0, 0, 1), utc(2026, 1, 2, 10)]


def test_the_last_line_is_not_after_the_file_was_written() -> None:
    assert times("Dec 30 10:00:00", hint=utc(2026, 1, 3)) == [utc(2025, 12, 30, 10)]
    assert times("Jan  4 00:00:00", hint=utc(2026, 1, 3, 12)) == [utc(2026, 1, 4)]  # within a day: another zone's clock


def test_a_file_over_several_years() -> None:
    stamps = [
        "Jun  1 00:00:00",
        "Dec 31 00:00:00",
        "Jan  1 00:00:00",
        "Jun  1 00:00:00",
        "Dec  1 00:00:00",
        "Jan  5 00:00:00",
    ]
    found = times(*stamps, hint=utc(2026, 1, 6))
    assert [time.year for time in found] == [2024, 2024, 2025, 2025, 2025, 2026]


def test_a_board_that_boots_in_january_starts_no_year() -> None:
    found = times("Nov 20 10:00:00", "Jan  1 00:00:05", "Nov 20 10:05:00", hint=utc(2026, 11, 24))
    assert [found[0].year, found[2].year] == [2026, 2026]


def test_a_leap_day_lies_in_a_leap_year() -> None:
    assert times("Feb 29 12:00:00", "Mar  1 12:00:00", hint=utc(2024, 3, 2))[0] == utc(2024, 2, 29, 12)


def test_the_hour_that_happens_twice_is_told_by_the_order_of_lines() -> None:
    stamps = [f"Oct 25 {clock}" for clock in ("01:59:00", "02:10:00", "02:50:00", "02:05:00", "02:55:00", "03:01:00")]
    found = times(*stamps, hint=utc(2026, 10, 26), zone="Europe/Vienna")
    assert found == [
        utc(2026, 10, 24, 23, 59), utc(2026, 10, 25, 0, 10), utc(2026, 10, 25, 0, 50),
        utc(2026, 10, 25, 1, 5), utc(2026, 10, 25, 1, 55), utc(2026, 10, 25, 2, 1),
    ]  # fmt: skip


def test_an_ambiguous_time_alone_is_the_first_one() -> None:
    assert times("Oct 25 02:30:00", hint=utc(2026, 10, 26), zone="Europe/Vienna") == [utc(2026, 10, 25, 0, 30)]


def test_the_hour_that_never_happens_lies_after_the_change() -> None:
    found = times("Mar 29 01:59:59", "Mar 29 02:30:00", "Mar 29 03:00:00", hint=utc(2026, 3, 30), zone="Europe/Vienna")
    assert found == [utc(2026, 3, 29, 0, 59, 59), utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1)]
