"""A service without a format of its own, read through its jail's failregex by fail2ban's own code."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fail2ban_ai import events
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban.failregex import FailregexFormat
from fail2ban_ai.formats.base import Parsed
from fail2ban_ai.formats.clock import Clock

pytestmark = pytest.mark.bench

Make = Callable[..., str]
FILTER = r"""[Definition]
failregex = ^ refused user "<F-USER>[^"]*</F-USER>" from <ADDR>$
            ^ evil (?:a+)+b from <ADDR>$
"""
JAIL = "[thing]\nenabled = true\nbackend = polling\nlogpath = /dev/null\nfilter = thing\n"
UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture
def thing(config: Make) -> Iterator[FailregexFormat]:
    with FailregexFormat("thing", config=config(JAIL, thing=FILTER)) as fmt:
        yield fmt


def parse(fmt: FailregexFormat, lines: list[str], first: int = 1, zone: ZoneInfo = UTC_ZONE) -> Parsed:
    frame = pl.DataFrame(
        {"raw": lines, "line": range(first, first + len(lines))}, schema={"raw": pl.String, "line": pl.UInt32}
    )
    return fmt.parse(frame, source="thing.log", clock=Clock(zone, datetime(2025, 6, 1, tzinfo=UTC)))


def test_failures_become_events_of_the_jail(thing: FailregexFormat) -> None:
    lines = [
        "2025-03-10 12:00:00 hello",
        '2025-03-10 12:00:01 refused user "bob" from 192.0.2.1',
        'Mar 10 13:00:00 refused user "" from ::ffff:192.0.2.2',
        '2025-03-10 12:00:03 refused user "x" from nobody.example',
    ]
    parsed = parse(thing, lines, zone=ZoneInfo("Europe/Berlin"))
    assert dict(parsed.events.schema) == events.SCHEMA
    assert parsed.understood == 2
    first, second = parsed.events.to_dicts()
    assert (first["line"], first["service"], first["kind"], first["account"]) == (2, "thing", "failure", "bob")
    assert first["time"] == datetime(2025, 3, 10, 11, 0, 1, tzinfo=UTC)
    assert first["message"] == 'refused user "<user>" from <ip>'
    assert first["text"] == lines[1]
    assert (second["line"], second["address"], second["account"]) == (3, "192.0.2.2", None)
    assert second["time"] == datetime(2025, 3, 10, 12, 0, 0, tzinfo=UTC)


def test_chunks_give_the_same_events_as_the_whole(thing: FailregexFormat) -> None:
    lines = [f'2025-03-10 12:00:{n:02d} refused user "u{n}" from 192.0.2.{n}' for n in range(30)]
    whole = parse(thing, lines).events
    parts = [parse(thing, lines[i : i + 7], first=i + 1).events for i in range(0, 30, 7)]
    assert whole.height == 30
    assert pl.concat(parts).equals(whole)


def test_a_line_without_an_end_is_given_up_and_its_neighbours_are_read(thing: FailregexFormat) -> None:
    good = '2025-03-10 12:00:01 refused user "bob" from 192.0.2.1'
    parsed = parse(thing, [good, f"2025-03-10 12:00:02 evil {'a' * 60} from 192.0.2.2", good])
    assert parsed.events["address"].to_list() == ["192.0.2.1"] * 2
    assert (parsed.understood, thing.stuck) == (2, 1)


def test_hostile_lines_are_no_crash_and_no_ban_of_who_is_mentioned(thing: FailregexFormat) -> None:
    lines = [
        '2025-03-10 12:00:01 refused user "x" from 192.0.2.66" from 192.0.2.1',  # the user name imitates the line's end
        "\x00" * 500,
        "",
        "a" * 200_000,
        '2025-13-99 99:99:99 refused user "x" from 192.0.2.3 ',
        '2025-03-10 12:00:01 refused user "\ufffd\x1b[2J{{7*7}}" from 192.0.2.4',
    ]
    parsed = parse(thing, lines)
    assert parsed.events["address"].to_list() == ["192.0.2.4"]


def test_a_child_that_dies_costs_its_batch_only(thing: FailregexFormat) -> None:
    good = '2025-03-10 12:00:01 refused user "bob" from 192.0.2.1'
    assert parse(thing, [good]).understood == 1
    thing._children["thing.log"]._process.kill()
    assert parse(thing, [good], first=2).understood == 0
    assert parse(thing, [good], first=3).understood == 1


def test_a_jail_that_fail2ban_would_not_start_is_an_error(config: Make) -> None:
    with FailregexFormat("nothing", config=config()) as fmt, pytest.raises(Fail2banError, match="nothing"):
        parse(fmt, ["x"])
