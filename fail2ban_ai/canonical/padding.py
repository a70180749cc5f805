"""Parameters that only make a request longer."""

import re

_PLAIN = re.compile(r"[^=]{0,64}=[\w .,:-]*")  # on decoded text: letters, digits and what stands between words
_FIRST, _LAST = 2, 1  # plain parameters that are kept at either end


def unpadded(text: str) -> str:
    """A canonical text without most of its plain parameters, so that a probe cannot be buried in harmless ones."""
    if text.count("&") < _FIRST + _LAST:
        return text
    path, mark, query = text.partition("?")
    pairs = query.split("&")
    plain = [i for i, pair in enumerate(pairs) if _PLAIN.fullmatch(pair)]
    dropped = set(plain[_FIRST:-_LAST])
    return path + mark + "&".join(pair for i, pair in enumerate(pairs) if i not in dropped)
