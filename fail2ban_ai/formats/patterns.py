"""The language of the services' tables, and how a table is applied to a column of messages.

A pattern is the message as the service writes it. What varies stands in angle brackets:

    <ip>      the client's address          <n>     a number
    <user>    the account                   <word>  text without blanks
    <times>   how often the line counts     <any>   any text
    (( ))     optional text                 {a|b}   one of these, kept in the masked message

The pattern text without its optional brackets is the event's masked `message`; it covers the whole message, from its
first to its last character. <user> and <any> take as much as they can, so an address that a client put into its user
name never stands where the last <ip> stands. Text that a client chose may only follow <ip> where no second reading
with an address exists: say so at such a pattern.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

_PLACES = {
    "ip": r"(?P<address>[^ \[\](),;<>]+)",
    "user": r"(?P<account>.*)",
    "times": r"(?P<times>[0-9]+)",
    "n": r"[0-9]+",
    "word": r"\S+",
    "any": r".*",
}
_TOKEN = re.compile(r"<(\w+)>|(\(\()|(\)\))|\{([^{}]*)\}")
_FIELDS = ("address", "account", "times", "method", "target", "host", "referer", "request", "what", "address6")


@dataclass(frozen=True)
class Pattern:
    """A row of a service's table.

    `kind` is one of events.KINDS, or None for a line that is understood and stands for no event.
    `places` adds placeholders of this pattern alone: name to regex. `at_most` says how often a text may stand
    in the message: where a mark of a field stands twice, one of them may be the client's, and the message does not fit.
    """

    kind: str | None
    text: str
    places: Mapping[str, str] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)

    @functools.cached_property
    def quick(self) -> str | None:
        """The regex for names without blanks, where nothing else can hold one either; None elsewhere.

        Each of its steps is decided by the next character, which the engine runs several times as fast.
        """
        if self.places or self.at_most or not re.search("<user>", self.text) or "<any>" in self.text:
            return None
        return self.regex.replace(_PLACES["user"], "(?P<account>[^ ]*)")

    @functools.cached_property
    def regex(self) -> str:
        """The anchored regex; alternatives become groups alt0, alt1 …"""
        out, at, alternatives = ["^"], 0, 0
        for token in _TOKEN.finditer(self.text):
            out.append(_literal(self.text[at : token.start()]))
            at = token.end()
            name, opening, closing, choice = token.groups()
            if name is not None:
                out.append("(?:" + (self.places.get(name) or _PLACES[name]) + ")")
            elif opening or closing:
                out.append("(?:" if opening else ")?")
            else:
                words = "|".join(_literal(word) for word in choice.split("|"))
                out.append(f"(?P<alt{alternatives}>{words})")
                alternatives += 1
        out.append(_literal(self.text[at:]) + r"\s*$")
        return "".join(out)

    @functools.cached_property
    def prefix(self) -> str:
        """Literal text that each matching message starts with."""
        return re.split(r"[<{]|\(\(", self.text, maxsplit=1)[0]

    @functools.cached_property
    def begins(self) -> pl.Expr:
        """Whether a message (column message) begins as each that fits must."""
        words = [self.prefix] if self.prefix else sorted(_first_words(self.text))
        tests = [pl.col("message").str.starts_with(word) for word in words]
        return pl.lit(value=True) if "" in words else pl.any_horizontal(tests).fill_null(value=False)

    @functools.cached_property
    def message(self) -> pl.Expr:
        """The masked message, from the columns that regex captured."""
        parts = re.split(r"\{[^{}]*\}", self.text.replace("((", "").replace("))", ""))
        columns: list[pl.Expr] = []
        for number, part in enumerate(parts):
            columns += [pl.lit(part)] + ([pl.col(f"alt{number}")] if number < len(parts) - 1 else [])
        return pl.concat_str(columns, ignore_nulls=True)


def apply(table: Sequence[Pattern], messages: pl.Series) -> pl.DataFrame:
    """Match each message against the table's patterns; the first that fits counts.

    The frame has one row for each message that fits, with `row` (its place in `messages`, ascending), kind (null: no
    event), message (masked) and the captured columns address, account, times, method, target, host, referer, request
    and what, all String.
    """
    # One call for all patterns: each call costs as much as a thousand messages.
    begin = pl.DataFrame({"message": messages}).select(
        pattern.begins.alias(str(number)) for number, pattern in enumerate(table)
    )
    places = pl.int_range(0, len(messages), dtype=pl.UInt32, eager=True)
    waits = pl.repeat(value=True, n=len(messages), dtype=pl.Boolean, eager=True)  # for a pattern that fits
    found = [_nothing()]
    for pattern, begins in zip(table, begin.iter_columns(), strict=True):
        near = begins & waits
        if not near.any():
            continue
        rows, texts = places.filter(near), messages.filter(near)
        for regex in filter(None, (pattern.quick, pattern.regex)):
            fits = texts.str.contains(regex)
            for mark, count in pattern.at_most.items():
                fits &= texts.str.count_matches(mark, literal=True) <= count
            if not fits.any():
                continue
            found.append(_read(pattern, regex, rows.filter(fits), texts.filter(fits)))
            waits = waits.scatter(rows.filter(fits), values=False)
            rows, texts = rows.filter(~fits), texts.filter(~fits)
    return pl.concat(found, how="vertical").sort("row")


def _read(pattern: Pattern, regex: str, rows: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """The captured columns of messages that are known to fit."""
    hits = pl.DataFrame({"row": rows, "message": texts})
    captured: set[str] = set()
    if re.compile(regex).groupindex:
        hits = hits.select("row", pl.col("message").str.extract_groups(regex).alias("groups"))
        captured = {entry.name for entry in hits.schema["groups"].fields}  # type: ignore[attr-defined]
        hits = hits.unnest("groups")
    return hits.select(
        "row",
        pl.lit(pattern.kind, dtype=pl.String).alias("kind"),
        pattern.message.alias("message"),
        *((pl.col(name) if name in captured else pl.lit(None, dtype=pl.String).alias(name)) for name in _FIELDS),
    )


def _first_words(text: str) -> set[str]:
    """What the first word of a message can begin with: up to the first blank, of which a message may have several."""
    token = _TOKEN.search(text)
    literal = text[: token.start()] if token else text
    if token is None or " " in literal or token[1]:
        return {literal.partition(" ")[0]}
    if token[4] is not None:
        rest = _first_words(text[token.end() :])
        words = token[4].split("|")
        ends = {word.partition(" ")[0] for word in words if " " in word}
        return {literal + end for end in ends | {word + more for word in words if " " not in word for more in rest}}
    optional, _, rest_of_text = text[token.end() :].partition("))")
    return {literal + more for option in (optional + rest_of_text, rest_of_text) for more in _first_words(option)}


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row": pl.UInt32, "kind": pl.String, "message": pl.String} | dict.fromkeys(_FIELDS, pl.String)
    )


def _literal(text: str) -> str:
    """`text` as a regex; a blank stands for one blank or more."""
    return re.sub(r"(\\ )+", " +", re.escape(text))
