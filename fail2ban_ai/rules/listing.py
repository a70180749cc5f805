"""Every rule there is with its state: suggested ones, judged ones, installed ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import filter_file, states, store, suggestion
from fail2ban_ai.rules.states import Entry
from fail2ban_ai.rules.suggestion import Suggestion


@dataclass(frozen=True, slots=True)
class Listed:
    """One rule. `rule` is None where its folder cannot be read, and `trouble` says why."""

    name: str
    state: str
    entry: Entry | None  # the last decision
    rule: Suggestion | None
    digest: str  # of the folder that lies there now
    newer: bool  # the suggestion says something else than what was judged
    trouble: str = ""


def rules() -> list[Listed]:
    """All rules, in order of name. Reads the watcher's folders with `suggestion.read`: nothing here is installed."""
    newest = states.newest(states.history())
    names = sorted({*store.suggested(), *store.kept(), *newest})
    return [_listed(name, newest) for name in names]


def state_of(name: str) -> str:
    """The state of one rule, as `rules` has it."""
    return _listed(name, states.newest(states.history())).state


def _listed(name: str, newest: Mapping[str, Entry]) -> Listed:
    entry = newest.get(name)
    there = paths.suggestions() / name
    folder = there if there.exists() else store.judged(name)
    rule, digest, trouble = None, "", ""
    try:
        rule, digest = suggestion.read(folder), suggestion.digest(folder)
    except RuleError as error:
        trouble = str(error)
    newer = entry is not None and there.exists() and _regexes(there) != _regexes(store.judged(name))
    state = entry.state if entry else states.PENDING
    if newer and state in (states.REJECTED, states.RETIRED):
        state = states.PENDING  # no word was said about this form yet
    return Listed(name, state, entry, rule, digest, newer, trouble)


def _regexes(folder: Path) -> tuple[str, ...]:
    """What the filter in a folder matches; () where it cannot be told."""
    try:
        suggestion.read(folder)  # looks for links and sizes
        return filter_file.read(folder).failregex
    except RuleError:
        return ()
