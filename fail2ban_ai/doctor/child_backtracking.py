"""Child: does a regex hang on a short text? Standard library only; meant to be killed when it does.

Reads one regex that fail2ban has expanded. For each unbounded repetition that holds another one or alternatives, as in
(a+)+, it runs that part alone against a text of its own characters that cannot match at the end: linear parts answer at
once, exponential ones never. Prints {"suspects": n} when all answered. Python's own parser is used (no public module
offers its tree); where a new Python moves it, the check says that it could not be carried out.
"""

import json
import re._compiler as compiler  # type: ignore[import-not-found]
import re._constants as constants  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import sys
from collections.abc import Iterator
from typing import Any

_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)
_LENGTH = 40
_NEVER = (constants.LITERAL, 0x10FFFF)
_CATEGORY = {
    constants.CATEGORY_DIGIT: "1",
    constants.CATEGORY_SPACE: " ",
    constants.CATEGORY_WORD: "a",
    constants.CATEGORY_NOT_DIGIT: "a",
    constants.CATEGORY_NOT_SPACE: "a",
    constants.CATEGORY_NOT_WORD: "-",
}


def _children(item: Any) -> Iterator[Any]:
    """The parsed sequences inside one element of a parsed regex."""
    if isinstance(item, parser.SubPattern):
        yield item
    elif isinstance(item, (tuple, list)):
        for each in item:
            yield from _children(each)


def _nested(sequence: Any) -> Iterator[Any]:
    """Unbounded repetitions that hold another one, or alternatives, each as an element of its own."""
    for kind, value in sequence:
        if kind in _REPEATS and value[1] is constants.MAXREPEAT and any(_ambiguous(each) for each in _children(value)):
            yield (kind, value)
        for each in _children(value):
            yield from _nested(each)


def _ambiguous(sequence: Any) -> bool:
    for kind, value in sequence:
        if kind in (*_REPEATS, constants.BRANCH):
            return True
        if any(_ambiguous(each) for each in _children(value)):
            return True
    return False


def _samples(sequence: Any) -> Iterator[str]:
    """Characters that the parts of a sequence match."""
    for kind, value in sequence:
        if kind is constants.LITERAL:
            yield chr(value)
        elif kind in (constants.ANY, constants.NOT_LITERAL):
            yield "a"
        elif kind is constants.IN:
            yield from _of_set(value)
        for each in _children(value):
            yield from _samples(each)


def _of_set(members: Any) -> Iterator[str]:
    if members and members[0][0] is constants.NEGATE:
        yield from ("a", "1", "-")
    for kind, value in members:
        if kind is constants.LITERAL:
            yield chr(value)
        elif kind is constants.RANGE:
            yield chr(value[0])
        elif kind is constants.CATEGORY:
            yield _CATEGORY.get(value, "a")


def _try(text: str) -> int:
    parsed = parser.parse(text)
    suspects = list(_nested(parsed))
    for suspect in suspects:
        alone = parser.SubPattern(parsed.state, [suspect, _NEVER])
        regex = compiler.compile(alone)
        letters = list(dict.fromkeys(_samples([suspect])))[:6]
        for letter in letters:
            regex.match(letter * _LENGTH)
        regex.match(("".join(letters) * _LENGTH)[:_LENGTH])
    return len(suspects)


if __name__ == "__main__":
    print(json.dumps({"suspects": _try(json.load(sys.stdin))}))
