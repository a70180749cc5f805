"""Puts a rule into fail2ban and takes it out again: all or nothing, and whole again after a crash at any point.

An intent is on disk before the first file is touched, with what was there before and the entry of the log that makes
the change lasting. `recover` looks for one: with its entry in the log the change is done, else it is taken back.
Nothing but filter.d/NAME.conf and jail.d/NAME.conf of a rule's own name is ever written, and neither is when it is
there already and not as we wrote it.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError, Fail2banError, RuleError
from fail2ban_ai.fail2ban import ignorecommand, jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.transaction import Change, copy_with
from fail2ban_ai.rules import checks, filter_file, states, store, suggestion
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.states import Entry


def files_of(name: str) -> tuple[str, str]:
    """The two files of an installed rule, below fail2ban's folder."""
    return (f"filter.d/{name}.conf", f"jail.d/{name}.conf")


def put_in(site: Site, folder: Path, jail: str, entry: Entry, *, keep: Callable[[], None]) -> None:
    """Install the rule in `folder`, root's copy that was proved, in the state of `entry`, and write that entry down.

    Args:
        site: where.
        folder: see there.
        jail: the text of its jail, of checks.jail_text.
        entry: see there.
        keep: called once the jail runs, before the entry is written.

    Raises:
        RuleError: fail2ban reads something else than was written.
        ConfigError: a file of that name is there already and not ours.
        Fail2banError: fail2ban is down, or did not take it: everything was undone.
    """
    site.client.jails()  # with the server down nothing could be checked, and its next start would be the test
    rule = suggestion.read(folder)
    written = (folder / "filter.conf").read_text(encoding="utf-8")
    filter_file.parse(written)
    files = dict(zip(files_of(rule.name), (written, jail), strict=True))
    _refuse_foreign(site, rule.name, files)
    with copy_with(site.config, files) as copy:
        regexes = checks.as_fail2ban_reads(copy, rule, shadow=entry.state == states.SHADOW)

    def then() -> None:
        checks.runs(site, rule, regexes, shadow=entry.state == states.SHADOW)
        keep()

    last = states.newest(states.history()).get(rule.name)
    if last is not None and last.state == states.SHADOW:
        _forget_bans(site, rule.name)
    hashes = {name: _hash(text) for name, text in files.items()}
    other = last is not None and last.state in states.INSTALLED and last.state != entry.state
    jails = {"restart": (rule.name,)} if other and rule.name in site.client.jails() else {"load": (rule.name,)}
    try:
        _change(site, entry, Change(files, **jails), then=then, hashes=hashes)
    except Fail2banError as error:
        raise Fail2banError(f"{rule.name} was not installed, everything is as it was: {error}") from error


def take_out(site: Site, entry: Entry) -> None:
    """Stop a rule's jail, which lifts its bans, delete its files and write the entry down; nothing where none is in.

    Raises:
        ConfigError: a file was changed by hand since.
        Fail2banError: fail2ban did not stop it: everything is as it was.
    """
    there = {name: text for name, text in _contents(site, entry.name).items() if text is not None}
    for name, text in there.items():
        if _hash(text) != _manifest().get(entry.name, {}).get(name):
            raise ConfigError(f"{site.config / name} was changed by hand since it was installed; move it away first.")
    _forget_bans(site, entry.name)
    # The jail's file goes first, the filter means nothing without it.
    files = dict.fromkeys(reversed(there))
    _change(site, entry, Change(files, stop=(entry.name,)), then=_nothing, hashes={})


def installed() -> list[str]:
    """The rules that are in."""
    return sorted(_manifest())


def jails_of_ours(client: Client) -> tuple[str, ...]:
    """The jails whose bans are ours to lift: the AI jails, and the installed rules that run."""
    rules = installed()
    return (*jails.JAILS, *(sorted(set(client.jails()).intersection(rules)) if rules else ()))


def forget_answers(client: Client) -> None:
    """Have the jails of installed rules ask the gate anew about addresses that they asked about within a minute."""
    rules = installed()
    for name in set(client.jails()).intersection(rules) if rules else ():
        client.run("set", name, "ignorecache", ignorecommand.CACHE)


def recover(site: Site) -> str | None:
    """Finish or take back what a crash interrupted; a sentence about it, None when there was nothing."""
    text = paths.read_trusted(_intent(), limit=16 << 20)
    if text is None:
        return None
    try:
        found = json.loads(text)
        name = str(found["name"])
        entry = states.from_line(json.dumps(found["entry"]))
        old, manifest = dict(found["files"]), dict(found["manifest"])
        ran, change = bool(found["ran"]), Change({}, load=(name,), restart=tuple(found["restart"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{_intent()} is damaged ({error}); look at filter.d/ai-* and jail.d/ai-* and delete it."
        ) from None
    done = entry in states.history()
    if not done:
        for path in old:
            for part in (site.config / path).parent.glob(f"{Path(path).name}.*.part"):
                part.unlink()
        site.transaction.restore(change, old, {name} if ran else set())
        _write_manifest(manifest)
        _kept_as_logged(name)
    _intent().unlink()
    what = "was finished already" if done else "was taken back"
    return f"A change of {name} to {entry.state} was interrupted; it {what}."


def _change(site: Site, entry: Entry, change: Change, *, then: Callable[[], None], hashes: dict[str, str]) -> None:
    """Carry a change of one rule out, `then` what belongs to it, and make it lasting; `hashes` are its files' after."""
    name = entry.name
    before, ran = _manifest(), site.transaction.running()
    after = {one: found for one, found in before.items() if one != name} | ({name: hashes} if hashes else {})
    intent = {
        "name": name,
        "entry": asdict(entry),
        "files": site.transaction.contents(change.files),
        "manifest": before,
        "ran": name in (ran or ()),
        "restart": list(change.restart),
    }

    def commit() -> None:
        then()
        _write_manifest(after)
        states.append(entry)

    paths.replace(_intent(), json.dumps(intent))
    try:
        if not site.transaction.carry_out(change, commit):
            commit()
    except BaseException:
        # The files are as they were; had the entry been written, nothing could have failed after it.
        with contextlib.suppress(OSError, RuleError):
            _write_manifest(before)
            _kept_as_logged(name)
            _intent().unlink()
        raise
    _intent().unlink()


def _nothing() -> None:
    """Belongs to a change that is whole with its files and jails."""


def _forget_bans(site: Site, name: str) -> None:
    """Lift a rule's bans for good: fail2ban would repeat them from its database, those of a shadow as real ones."""
    if name in (site.transaction.running() or ()):
        site.client.unban(name, site.client.banned(name))


def _kept_as_logged(name: str) -> None:
    """Have the form judged last be the one that the log speaks of."""
    entry = states.newest(states.history()).get(name)
    if entry is not None and entry.state in states.INSTALLED:
        store.bring_back(name, entry.digest)


def _refuse_foreign(site: Site, name: str, files: dict[str, str]) -> None:
    known = _manifest().get(name, {})
    for path, text in _contents(site, name).items():
        if text is not None and _hash(text) not in (_hash(files[path]), known.get(path)):
            raise ConfigError(f"{site.config / path} is there already and not as we installed it; move it away first.")


def _contents(site: Site, name: str) -> dict[str, str | None]:
    return site.transaction.contents(files_of(name))


def _intent() -> Path:
    return paths.rules() / "intent.json"


def _manifest_path() -> Path:
    return paths.rules() / "installed.json"


def _manifest() -> dict[str, dict[str, str]]:
    """The files as we wrote them: rule -> file -> SHA-256."""
    text = paths.read_trusted(_manifest_path())
    try:
        return dict(json.loads(text)) if text else {}
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{_manifest_path()} is damaged: {error}") from error


def _write_manifest(found: dict[str, dict[str, str]]) -> None:
    paths.replace(_manifest_path(), json.dumps(found, indent=1) + "\n")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
