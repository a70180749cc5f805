"""Which place of a site a request asks for: what rarity and familiarity are counted by."""

import re
from typing import NamedTuple

from fail2ban_ai.canonical.decoding import canonical, whole
from fail2ban_ai.canonical.masking import mask
from fail2ban_ai.canonical.plain import GAP, RAW_HEAD

_NAMES = 24  # parameter names in a key
_NAME_LIMIT = 40

_ORIGIN = re.compile(r"^([a-z][a-z0-9+.-]{1,15}://)[^/]*")
# What code is written with, and plain words, numbers and dates are not: quotes, brackets, separators of commands and of
# paths, `canonical`'s stand-ins for control characters, the gap where a text is too long to be read.
_SIGNS = re.compile(rf"['\"<>(){{}}$;\\`^|/␀␍␊␦{GAP}]|\.\.")
_SLASHES = re.compile("/{2,}")  # servers take them for one
_COMMON = {"/"}  # in a page to go back to, as often as in a file to be read


class Place(NamedTuple):
    """What a request target asks for."""

    key: str
    odd: bool  # whether a parameter holds signs that plain values do not


def place_of(target: str) -> Place:
    """The place of a request target: its decoded, masked path, its sorted parameter names, and the signs in its query.

    "/Item/1234?b=2&a=1" and "/item/99?a=x&b=y" are both "/item/0?a&b". "/item/7?a=1'--&b=2" is "/item/0?a&b='": that
    many people look at items does not make a quote in a parameter familiar. The host of an absolute URL is left out.
    """
    path, _, query = target.partition("?")
    plain = mask(canonical(path).text)
    key = _SLASHES.sub("/", plain) if plain.startswith("/") else _ORIGIN.sub(r"\1<host>", plain)
    if not query:
        return Place(key, odd=False)
    pairs = query[:RAW_HEAD].split("&", _NAMES)[:_NAMES]
    names = {mask(canonical(pair.partition("=")[0]).text)[:_NAME_LIMIT] for pair in pairs} - {""}
    # Whole: a payload would else hide in the middle of a long query, of which `canonical` keeps head and tail.
    signs = set(_SIGNS.findall(whole("?" + query)))
    if names or signs:
        key += "?" + "&".join(sorted(names))
    if signs:
        key += "=" + "".join(sorted(signs))
    return Place(key, odd=bool(signs - _COMMON))


def path_key(target: str) -> str:
    """The key of `place_of`."""
    return place_of(target).key
