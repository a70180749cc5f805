"""Lines that an admin judged harmless, and no rule may hit: a rejected rule's own, those behind a false match.

They are lines of logs, so they lie in root's folder: rules/.negatives/NAME.{rejected,marked}.jsonl, each line
{"rule": "ai-…", "text": "…", "why": "…"}.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.rules import matching
from fail2ban_ai.rules.suggestion import Step

MOST = 2_000  # lines kept of one rule
NAME = "harmless"  # of the step of the proof
_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Negative:
    """A harmless line: the rule that it comes from, and why the admin said so."""

    rule: str
    text: str
    why: str


def add(rule: str, origin: str, texts: Iterable[str], why: str) -> int:
    """Remember lines; `origin` is "rejected" (in place of those before) or "marked" (beside them). Returns how many."""
    path = _folder() / f"{rule}.{origin}.jsonl"
    before = [one.text for one in _read(path)] if origin == "marked" else []
    found = [Negative(rule, text, why) for text in dict.fromkeys([*before, *texts])][:MOST]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.replace(path, "".join(json.dumps(asdict(one), sort_keys=True) + "\n" for one in found))
    return len(found)


def forget(rule: str) -> None:
    """A rejection was taken back: its lines hold nothing up any more, until `remember`."""
    path = _folder() / f"{rule}.rejected.jsonl"
    if path.exists():
        path.replace(path.with_suffix(".off"))


def remember(rule: str) -> None:
    """A rejection holds again."""
    path = _folder() / f"{rule}.rejected.off"
    if path.exists():
        path.replace(path.with_suffix(".jsonl"))


def known() -> list[Negative]:
    """Every harmless line; none where root's folder is closed to whoever asks."""
    if not os.access(_folder(), os.R_OK | os.X_OK):
        return []
    return [one for path in sorted(_folder().glob("ai-*.jsonl")) for one in _read(path)]


def step(folder: Path, *, config: Path, backend: str) -> Step:
    """The step of the proof that holds the rule in `folder` against the harmless lines.

    Raises:
        Fail2banError: fail2ban refuses the filter.
    """
    lines = known()
    found = matching.matches(folder, [one.text for one in lines], config=config, backend=backend) if lines else []
    hits = [one for one, match in zip(lines, found, strict=True) if match is not None]
    figures = {"lines": float(len(lines)), "hits": float(len(hits))}
    if not hits:
        return Step(NAME, True, f"hits none of {len(lines)} lines judged harmless", figures)
    first = hits[0]
    said = f"hits {len(hits)} of {len(lines)} lines judged harmless; of {first.rule}: {first.why}"
    return Step(NAME, False, said[:500], figures)


def _folder() -> Path:
    return paths.rules() / ".negatives"


def _read(path: Path) -> list[Negative]:
    text = paths.read_trusted(path, limit=_LIMIT)
    try:
        return [Negative(**json.loads(line)) for line in (text or "").split("\n") if line]
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} is damaged: {error}") from error
