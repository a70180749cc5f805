"""Copies of request texts with harmless parameters behind them: what a request is does not depend on how long it is."""

from collections.abc import Iterable, Iterator
from random import Random

SHARE = 0.15  # of texts that get a copy

_NAMES = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "ref",
    "lang",
    "sort",
    "view",
    "from",
    "session",
    "fbclid",
    "v",
    "page",
)
_WORDS = (
    "spring",
    "newsletter",
    "email",
    "news",
    "en",
    "de",
    "summer",
    "sale",
    "asc",
    "list",
    "home",
    "footer",
    "a",
    "0",
)


def lengthened(texts: Iterable[str], seed: int) -> Iterator[tuple[str, str]]:
    """Some of the request texts, each with its lengthened copy, as `canonical.unpadded` would leave it."""
    rng = Random(seed)  # noqa: S311 - sampling of training data
    for text in texts:
        if text.startswith("/") and rng.random() < SHARE:
            count = rng.randrange(1, 4)
            words = (" ".join(rng.choices(_WORDS, k=rng.randrange(1, 4))) for _ in range(count))
            pairs = "&".join(f"{name}={word}" for name, word in zip(rng.sample(_NAMES, count), words, strict=True))
            yield text, f"{text}{'&' if '?' in text else '?'}{pairs}"
