"""What an admin does to a rule: approve, reject, retire, take back. Each act is checked, carried out and written down.

    taken = look(site, "ai-wp-login")            # copied, read, coloured, held against what the admin said before
    approve(site, taken.name, taken.digest, …)   # copied again, compared, proved, installed

Call `install.recover` first, and every act under `store.locked`.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import checks, filter_file, install, negatives, states, store, suggestion
from fail2ban_ai.rules.filter_file import FilterFile
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.states import Entry
from fail2ban_ai.rules.suggestion import Step, Suggestion

Prover = Callable[[Path], tuple[Step, ...]]  # rules.prove.prove with its configuration and logs
DIGITS = 12  # of a digest, at least


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule as it lay there when it was looked at: `folder` is root's own copy."""

    folder: Path
    digest: str
    rule: Suggestion
    filter: FilterFile
    written: str  # the filter as text

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name


def look(name: str) -> Taken:
    """Copy a rule and read the copy.

    Raises:
        RuleError: it is not there, or not what it must be.
    """
    return _read(store.take(name))


def _read(folder: Path) -> Taken:
    rule = suggestion.read(folder)
    try:
        written = (folder / "filter.conf").read_bytes().decode("utf-8")  # with every end of line as it is
    except UnicodeDecodeError:
        raise RuleError("filter.conf is not UTF-8") from None
    return Taken(folder, suggestion.digest(folder), rule, filter_file.parse(written), written)


def with_filter(taken: Taken, text: str) -> Taken:
    """The rule with another filter, an admin's; its digest is another too, and it has no proof."""
    parsed = filter_file.parse(text)
    rule = dataclasses.replace(taken.rule, failregex=parsed.failregex, proof=())
    others = {name: (taken.folder / name).read_text("utf-8", "surrogateescape") for name in suggestion.FILES}
    del others[suggestion.RULE]
    suggestion.write(taken.folder, rule, {**others, "filter.conf": text})
    return _read(taken.folder)


def prove(site: Site, taken: Taken, prover: Prover) -> tuple[Step, ...]:
    """The proof of root's copy, with the lines that an admin judged harmless as a step of its own."""
    return (*prover(taken.folder), negatives.step(taken.folder, config=site.config, backend=taken.rule.jail.backend))


def approve(
    site: Site, name: str, digest: str, prover: Prover, *, shadow: bool = False, why: str = "", text: str | None = None
) -> Entry:
    """Install a rule, live or as shadow, if it still is what was reviewed and if the proof of root's copy holds.

    Args:
        site: where.
        name: the rule.
        digest: that of the form that was reviewed, at least its first DIGITS characters.
        prover: proves a folder.
        shadow: only record what would be banned.
        why: the admin's words.
        text: a filter to install instead of the suggested one.

    Raises:
        RuleError: it is another form, does not hold, or must not run here.
        ConfigError, Fail2banError: see install.put_in.
    """
    taken = _as_reviewed(name, digest)
    if _newest(name) == states.REJECTED:
        raise RuleError(f"{name} was rejected; `fail2ban-ai review rollback {name}` takes that back")
    if text is not None:
        taken = with_filter(taken, text)
    # Before the proof reads the logs that it names.
    jail = checks.jail_text(site, taken.rule, taken.filter, shadow=shadow)
    failed = next((step for step in prove(site, taken, prover) if not step.ok), None)
    if failed is not None:
        raise RuleError(f"{name} fails the step {failed.name} of its proof: {failed.detail}")
    _write(name, taken.digest, states.APPROVED, why)
    entry = _entry(name, taken.digest, states.SHADOW if shadow else states.LIVE, why)
    install.put_in(site, taken.folder, jail, entry, keep=lambda: store.keep(taken.folder))
    return entry


def reject(name: str, why: str, *, digest: str = "", hostile: bool = False) -> Entry:
    """Say no to a rule. Its lines become negative samples, unless they are `hostile` and only the rule is bad.

    Raises:
        RuleError: it is not there, is installed, or is not the form with this digest ("": any).
    """
    if _newest(name) in states.INSTALLED:
        raise RuleError(f"{name} is installed: retire it instead")
    taken = _as_reviewed(name, digest) if digest else look(name)
    lines = [] if hostile else [line.text for line in suggestion.read_lines(taken.folder)]
    store.keep(taken.folder)
    if lines:
        negatives.add(name, states.REJECTED, lines, why)
    return _write(name, taken.digest, states.REJECTED, why)


def retire(site: Site, name: str, why: str) -> Entry:
    """Take an installed rule out; its bans are lifted.

    Raises:
        RuleError: it is not installed.
        ConfigError, Fail2banError: see install.take_out.
    """
    last = states.newest(states.history()).get(name)
    if last is None or last.state not in (*states.INSTALLED, states.APPROVED):
        raise RuleError(f"{name} is not installed")
    entry = _entry(name, last.digest, states.RETIRED, why)
    install.take_out(site, entry)
    return entry


def rollback(site: Site, name: str | None, prover: Prover, why: str) -> Entry:
    """Take back the last decision on a rule, or the last of all (None): what held before it holds again.

    A decision that was taken back counts no more, so a second rollback goes a step further.

    Raises:
        RuleError: nothing was decided, or the form before is not kept any more or does not hold.
        ConfigError, Fail2banError: see install.
    """
    decisions = states.standing(states.history())
    if name is None:
        name = decisions[-1].name if decisions else ""
    mine = [entry for entry in decisions if entry.name == name]
    if not mine:
        raise RuleError(f"nothing was decided about {name}" if name else "nothing was decided yet")
    last, prior = mine[-1], mine[-2] if len(mine) > 1 else None
    why = f"{states.TAKEN_BACK}{last.state}" + (f": {why}" if why else "")
    state, digest = (prior.state, prior.digest) if prior else (states.PENDING, "")
    entry = _entry(name, digest, state, why)
    if state in states.INSTALLED:
        store.bring_back(name, digest)
        taken = _read(store.judged(name))
        jail = checks.jail_text(site, taken.rule, taken.filter, shadow=state == states.SHADOW)
        failed = next((step for step in prove(site, taken, prover) if not step.ok), None)
        if failed is not None:
            raise RuleError(f"{name} fails the step {failed.name} of its proof by now: {failed.detail}")
        install.put_in(site, taken.folder, jail, entry, keep=lambda: None)
    elif last.state in states.INSTALLED:
        install.take_out(site, entry)
    else:
        states.append(entry)
    if last.state == states.REJECTED:
        negatives.forget(name)
    elif state == states.REJECTED:
        negatives.remember(name)
    return entry


def _as_reviewed(name: str, digest: str) -> Taken:
    taken = look(name)
    if len(digest) < DIGITS or not taken.digest.startswith(digest):
        raise RuleError(f"{name} is not what was reviewed: its digest is {taken.digest[:DIGITS]}; look at it again")
    return taken


def _newest(name: str) -> str:
    last = states.newest(states.history()).get(name)
    return last.state if last else states.PENDING


def _write(name: str, digest: str, state: str, why: str) -> Entry:
    entry = _entry(name, digest, state, why)
    states.append(entry)
    return entry


def _entry(name: str, digest: str, state: str, why: str) -> Entry:
    # As it reads back from the log: an intent is compared with the entries there.
    return states.Entry(name, digest, state, time.time(), states.whoami(), states.cleaned(why))
