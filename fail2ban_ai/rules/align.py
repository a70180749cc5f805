"""One template for many alike texts: what all share stays literal, what varies becomes a bounded gap.

Tokens are aligned by longest common subsequence, one text after the other (cf. progressive alignment of log lines in
templates miners); a gap's class and length come from the values seen there, and never reach over the literal that
follows. There is no template where the texts have too little in common: the caller then keeps them apart.
"""

import re
from collections.abc import Sequence

from fail2ban_ai.rules.escape import is_plain
from fail2ban_ai.rules.pieces import Piece, exact, gap

LITERAL_SHARE = 0.6  # of the mean length that must stay literal
LITERAL_LEAST = 6  # characters that must stay literal
GAPS = 3
_TOKENS = 200  # of one text; longer ones are not aligned
_SAMPLE = 60  # distinct texts aligned; the rest is only measured against the template

_TOKEN = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")


def tokens(text: str) -> list[str]:
    """Runs of letters, runs of digits, and every other character by itself."""
    return _TOKEN.findall(text)


def common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The longest common subsequence of two lists of tokens, the one of most characters among the longest."""
    width = len(other)
    table = [[0] * (width + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            if one[i] == other[j]:
                table[i][j] = table[i + 1][j + 1] + len(one[i])
            else:
                table[i][j] = max(table[i + 1][j], table[i][j + 1])
    found: list[str] = []
    i = j = 0
    while i < len(one) and j < width:
        if one[i] == other[j]:
            found.append(one[i])
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of the characters of both that their common subsequence covers, 0..1."""
    total = sum(map(len, one)) + sum(map(len, other))
    return 2 * sum(map(len, common(one, other))) / total if total else 1.0


def template(
    texts: Sequence[str], following: str, *, share: float = LITERAL_SHARE, least: int = LITERAL_LEAST
) -> list[Piece] | None:
    """Pieces that match every one of `texts`, or None where that would take too wide a pattern.

    Args:
        texts: distinct texts.
        following: the literal character that comes after the text.
        share: of the mean length that must stay literal.
        least: characters that must stay literal.
    """
    split = [tokens(text) for text in texts]
    if not all(is_plain(text) for text in texts) or max(map(len, split)) > _TOKENS:
        return None
    shared = split[0]
    for each in split[1:_SAMPLE]:
        shared = common(shared, each)
    fills = _fills(shared, split)
    if fills is None:
        return None
    mean = sum(map(len, texts)) / len(texts)
    if sum(map(len, shared)) < max(least, share * mean):
        return None
    return _pieces(shared, fills, following)


def _fills(shared: Sequence[str], split: Sequence[Sequence[str]]) -> list[set[str]] | None:
    """What stands before each shared token, and after the last one, in every text; None where one does not fit."""
    fills: list[set[str]] = [set() for _ in range(len(shared) + 1)]
    for each in split:
        at = 0
        for number, token in enumerate(shared):
            start = at
            while at < len(each) and each[at] != token:
                at += 1
            if at == len(each):
                return None
            fills[number].add("".join(each[start:at]))
            at += 1
        fills[-1].add("".join(each[at:]))
    return fills


def _pieces(shared: Sequence[str], fills: Sequence[set[str]], following: str) -> list[Piece] | None:
    pieces: list[Piece] = []
    run = ""
    gaps = 0
    for number, fill in enumerate(fills):
        token = shared[number] if number < len(shared) else ""
        if fill != {""}:
            made = gap(fill, token[:1] or following)
            if made is None:
                return None
            pieces += [exact(run)] if run else []
            pieces.append(made)
            run = ""
            gaps += 1
        run += token
    pieces += [exact(run)] if run else []
    return pieces if gaps <= GAPS else None
