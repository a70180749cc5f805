"""The sample file of a rule, in the format of fail2ban's own tests (failJSON), and a strict reader of it.

fail2ban's test evaluates some keys of such a file as Python and includes other files on request. Who runs it as root
on a file that somebody else wrote must let none of that in: `check` takes comments, failJSON lines with the keys below
and log lines, nothing else.
"""

import json
from collections.abc import Iterable, Sequence

from fail2ban_ai.decisions import strict as decisions_strict
from fail2ban_ai.errors import DecisionError, RuleError
from fail2ban_ai.rules.forms import ADDRESS, SAMPLE_TIME, Form, Sample

POSITIVES = 3  # of one form
NEGATIVES = 12
_MARK = "# failJSON: "
_KEYS = {"time", "match", "host", "user", "desc"}
_LINES = 2_000
_LINE = 65_536  # characters


def compose(forms: Sequence[Form], benign: Iterable[str]) -> str:
    """The sample file: positives of every form, then lines that must not match."""
    out = ["# Made from the rule's own pattern: no line of a real log, no real address, host or account stands here."]
    for form in forms:
        for sample in form.positives[:POSITIVES]:
            told: dict[str, object] = {"time": SAMPLE_TIME, "match": True, "host": ADDRESS}
            if sample.user is not None:
                told["user"] = sample.user
            out += [_MARK + json.dumps(told), sample.line]
    seen = set()
    negatives = [sample for form in forms for sample in form.negatives]
    negatives = [*(Sample(line, False, "legitimate") for line in benign), *_spread(negatives)]
    for sample in negatives:
        if sample.line not in seen:
            seen.add(sample.line)
            desc = sample.note if sample.note == "legitimate" else f"injected: {sample.note}"
            out += [_MARK + json.dumps({"match": False, "desc": desc}), sample.line]
    return "\n".join(out) + "\n"


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """The first of each kind of injection, then more of them, up to NEGATIVES."""
    first = {sample.note: sample for sample in reversed(samples)}
    rest = [sample for sample in samples if sample not in first.values()]
    return [*first.values(), *rest][:NEGATIVES]


def check(text: str, name: str = "samples") -> None:
    """Raise RuleError, with the line, unless fail2ban's test would only match lines and compare."""
    lines = text.split("\n")
    if len(lines) > _LINES:
        raise RuleError(f"{name} has more than {_LINES} lines")
    after = False  # whether the line before announced this one
    positives = 0
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        if len(line) > _LINE or any(char in line for char in "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0"):
            raise RuleError(f"{where}: expected a line of at most {_LINE} characters without control characters")
        if after:
            after = False
            if line.startswith("#") or not line:
                raise RuleError(f"{where}: expected the line that the comment before announces")
            continue
        if line.startswith(_MARK):
            positives += _announced(line.removeprefix(_MARK), where)
            after = True
        elif line.startswith("#"):
            if ":" in line and any(word in line for word in ("failJSON", "Options", "addFILE")):
                raise RuleError(f"{where}: expected {_MARK.strip()} and JSON, or a comment")
        elif line:
            raise RuleError(f"{where}: a line that no {_MARK.strip()} announces")
    if after or not positives:
        raise RuleError(f"{name}: expected at least one line that matches")


def _announced(text: str, where: str) -> bool:
    try:
        found = json.loads(text)
        known = isinstance(found, dict) and {"match"} <= found.keys() <= _KEYS
        if not known or not isinstance(found["match"], bool):
            raise DecisionError("expected match (true or false), and of the rest only time, host, user, desc")
        for key in found.keys() - {"match"}:
            decisions_strict.text(found, key, 500, empty=True)
    except (ValueError, RecursionError):
        raise RuleError(f"{where}: not one JSON object") from None
    except DecisionError as error:
        raise RuleError(f"{where}: {error}") from None
    return bool(found["match"])
