"""The texts of an event that go to the encoder, made once for each distinct value in a chunk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from fail2ban_ai import canonical
from fail2ban_ai.actors.groups import Bools, Ints
from fail2ban_ai.lately import Lately

T = TypeVar("T")

_ORIGIN = r"^(?i)https?://[^/?#]*/?"
_HOST = r"^(?i)(?:https?://)?(?:www\.)?([^/?#:]*)"
_WEB, _LINE = "w", "l"  # the first character of a key tells targets from lines


@dataclass(frozen=True, slots=True)
class Request:
    """What a request target or a log message comes down to."""

    text: str  # for the encoder: decoded, masked
    place: canonical.Place | None  # web: what rarity and familiarity are counted by
    layers: int  # rounds of decoding that changed something
    changed: float  # share of the raw text that decoding changed, 0..1

    @property
    def path(self) -> str | None:
        """The key of its place."""
        return self.place.key if self.place else None

    @property
    def odd(self) -> bool:
        """Whether a parameter holds what plain values do not."""
        return self.place is not None and self.place.odd


@dataclass(frozen=True, slots=True)
class Coded(Generic[T]):
    """A column in which few distinct values stand on many rows: `values[codes[i]]` is that of row i."""

    codes: Ints
    values: list[T]

    def at(self, rows: Ints) -> list[T]:
        """The values of these rows, none of which has the code -1."""
        return [self.values[code] for code in self.codes[rows].tolist()]

    def as_text(self, text: Callable[[T], str | None]) -> "Coded[str]":
        """The distinct texts of the values; rows of a value without one (None or "") have the code -1."""
        places: dict[str, int] = {}
        found = [text(value) for value in self.values]
        codes = [places.setdefault(one, len(places)) if one else -1 for one in found]
        return Coded(np.array(codes, np.int64)[self.codes], list(places))

    def only(self, rows: Bools) -> "Coded[T]":
        """The same for these rows; the others have the code -1."""
        rows = rows & (self.codes >= 0)
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        found = np.full(len(rows), -1, np.int64)
        found[rows] = codes
        return Coded(found, [self.values[code] for code in used.tolist()])


def coded(column: pl.Series, make: Callable[[list[str]], list[T]]) -> Coded[T]:
    """`make` gets the distinct values of `column` (String, without nulls), each once."""
    distinct = column.unique()
    codes = column.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.int64)
    return Coded(codes, make(distinct.to_list()))


class Texts:
    """Makes the columns of texts; what it made of a text lately it does not make again."""

    def __init__(self, most: int) -> None:
        """How many texts of each column a generation holds."""
        self._requests = Lately(_requests, most)
        self._seconds = Lately(_masked, most)
        self._referers = Lately(_referers, most)

    def requests(self, frame: pl.DataFrame) -> Coded[Request]:
        """The Request of each row: of the target for web requests, of service and message for every other line."""
        target = pl.lit(_WEB) + pl.col("target").fill_null("")
        line = pl.concat_str(pl.lit(_LINE), "service", pl.lit(": "), pl.col("message").fill_null(""))
        keys = frame.select(pl.when(pl.col("kind") == "request").then(target).otherwise(line))
        return coded(keys.to_series(), self._requests.of)

    def seconds(self, frame: pl.DataFrame) -> Coded[str]:
        """The second text of each row: the user agent of a request, the account tried at a log-in, "" for none."""
        column = frame.select(
            pl.when(pl.col("kind") == "request")
            .then(pl.col("agent"))
            .otherwise(pl.lit("user ") + pl.col("account"))
            .fill_null("")
            .str.slice(0, canonical.LIMIT)
        )
        return coded(column.to_series(), self._seconds.of)

    def referers(self, frame: pl.DataFrame) -> Coded[str]:
        """The referer without its origin (a site's name must not tell the data set), "" for none or a bare origin."""
        return coded(frame["referer"].fill_null("").str.replace(_ORIGIN, "/"), self._referers.of)


def hosts(column: pl.Series) -> pl.Series:
    """Host names of URLs or of virtual hosts, lower case, without port and "www."; "" for none."""
    return column.str.extract(_HOST).str.to_lowercase().fill_null("")


def _requests(keys: list[str]) -> list[Request]:
    web = [key[1:] for key in keys if key[0] == _WEB]
    made = dict(zip(web, _web_requests(web), strict=True))
    return [
        made[key[1:]] if key[0] == _WEB else Request(canonical.mask(key[1:].lower())[: canonical.LIMIT], None, 0, 0.0)
        for key in keys
    ]


def _web_requests(targets: list[str]) -> list[Request]:
    done = canonical.canonical_many(targets)
    return [
        Request(canonical.mask(canonical.unpadded(c.text)), canonical.place_of(raw), c.layers, c.changed)
        for raw, c in zip(targets, done, strict=True)
    ]


def _masked(texts: list[str]) -> list[str]:
    return [canonical.mask(text.lower()) for text in texts]


def _referers(texts: list[str]) -> list[str]:
    done = canonical.canonical_many(texts)
    return ["" if c.text in ("", "/") else canonical.mask(c.text) for c in done]
