"""A table is tried only on messages that begin as its pattern does: no message that fits may be passed over by that."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.formats import syslog
from fail2ban_ai.formats.patterns import Pattern

_PATTERNS = [pattern for service in syslog.SERVICES for pattern in service.table if not pattern.prefix]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_fits_begins_as_the_pattern_says(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(_PATTERNS))
    message = data.draw(st.from_regex(pattern.regex))
    assert pl.DataFrame({"message": [message]}).select(pattern.begins.alias("begins"))["begins"].item()


def test_other_beginnings_are_passed_over() -> None:
    pattern = Pattern(None, "((error: )){Address|reverse mapping} <any>")
    told = pl.DataFrame({"message": ["Address x", "error: reverse mapping x", "reverse", "Failed", "an error: "]})
    assert told.select(pattern.begins.alias("begins"))["begins"].to_list() == [True, True, True, False, False]
