"""Undo what attackers encode, so that one payload in ten encodings is one text. Deterministic, linear time.

`canonical` decodes a request target (or a referer, or a bare value), `unpadded` takes harmless parameters out where
there are many, `mask` hides what merely varies in a decoded text (numbers, identifiers), `place_of` names the place of
a site that a target asks for.
"""

from fail2ban_ai.canonical.decoding import LIMIT, Canonical, canonical, canonical_many
from fail2ban_ai.canonical.masking import mask
from fail2ban_ai.canonical.padding import unpadded
from fail2ban_ai.canonical.places import Place, path_key, place_of

__all__ = [
    "LIMIT",
    "Canonical",
    "Place",
    "canonical",
    "canonical_many",
    "mask",
    "path_key",
    "place_of",
    "unpadded",
]
