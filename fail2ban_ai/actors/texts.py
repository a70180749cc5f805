"""The texts of an event that go to the encoder, made once for each distinct value in a chunk."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from fail2ban_ai import canonical

_ORIGIN = r"^(?i)https?://[^/?#]*/?"


@dataclass(frozen=True, slots=True)
class Request:
    """What a request target or a log message comes down to."""

    text: str  # for the encoder: decoded, masked
    path: str | None  # web: the key that rarity and familiarity count
    layers: int  # rounds of decoding that changed something
    changed: float  # share of the raw text that decoding changed, 0..1


def _web_requests(targets: list[str]) -> list[Request]:
    done = canonical.canonical_many(targets)
    return [
        Request(canonical.mask(c.text), canonical.path_key(raw), c.layers, c.changed)
        for raw, c in zip(targets, done, strict=True)
    ]


def requests(frame: pl.DataFrame) -> list[Request]:
    """One Request for each row: of the target for web requests, of service and message for every other line."""
    keys = frame.select(
        web=pl.col("kind") == "request",
        key=pl.when(pl.col("kind") == "request")
        .then(pl.col("target").fill_null(""))
        .otherwise(pl.concat_str("service", pl.lit(": "), pl.col("message").fill_null(""))),
    )
    unique = keys.unique(maintain_order=True)
    web = unique.filter("web")["key"].to_list()
    other = unique.filter(~pl.col("web"))["key"].to_list()
    table: dict[tuple[bool, str], Request] = {
        (True, key): made for key, made in zip(web, _web_requests(web), strict=True)
    }
    for key in other:
        table[False, key] = Request(canonical.mask(key.lower())[: canonical.LIMIT], None, 0, 0.0)
    return [table[row] for row in keys.iter_rows()]


def seconds(frame: pl.DataFrame) -> list[str]:
    """The second text of each row: the user agent of a request, the account tried at a log-in, "" for none."""
    column = frame.select(
        pl.when(pl.col("kind") == "request")
        .then(pl.col("agent"))
        .otherwise(pl.lit("user ") + pl.col("account"))
        .fill_null("")
        .str.slice(0, canonical.LIMIT)
    ).to_series()
    return _per_unique(column, lambda text: canonical.mask(text.lower()))


def referers(frame: pl.DataFrame) -> list[str]:
    """The referer without its origin (a site's name must not tell the data set), "" for none or a bare origin."""
    column = frame["referer"].fill_null("").str.replace(_ORIGIN, "/")
    texts = dict.fromkeys(column.to_list())
    made = [
        canonical.mask(c.text) if c.text != "/" else "" for c in canonical.canonical_many([t for t in texts if t != ""])
    ]
    table = dict(zip([t for t in texts if t != ""], made, strict=True)) | {"": ""}
    return [table[text] for text in column.to_list()]


def _per_unique(column: pl.Series, make: Callable[[str], str]) -> list[str]:
    table = {text: make(text) if text else "" for text in column.unique().to_list()}
    return [table[text] for text in column.to_list()]
