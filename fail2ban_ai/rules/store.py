"""Root's copies of suggested rules. What the watcher can still write is only ever looked at after it was copied.

    rules/.taken/NAME/      a copy just taken, to show, to prove, to approve
    rules/NAME/             the form that was judged last
    rules/.earlier/NAME/    the form before it, for a rollback

Standard library only.
"""

import os
import shutil
import stat
from contextlib import AbstractContextManager
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules import suggestion

_LIMITS = {suggestion.RULE: 4 << 20, "filter.conf": 64 << 10, "jail.conf": 64 << 10, "evidence.md": 1 << 20}
_LIMIT = 16 << 20  # bytes of any other file
MOST = 1_000  # suggestions looked at


def judged(name: str) -> Path:
    """Where root's copy of a rule lies."""
    return paths.rules() / name


def earlier(name: str) -> Path:
    """Where the form before it lies."""
    return paths.rules() / ".earlier" / name


def prepare() -> None:
    """Make the folder of rules, which only root may even look into. ConfigError when it is somebody else's."""
    paths.make_folder(paths.rules().parent)
    paths.rules().mkdir(mode=0o700, exist_ok=True)
    paths.check_trusted(paths.rules().lstat(), paths.rules())
    for name in (".taken", ".earlier"):
        (paths.rules() / name).mkdir(mode=0o700, exist_ok=True)


def locked() -> AbstractContextManager[None]:
    """Only one of us at a time changes rules."""
    prepare()
    return paths.locked(paths.rules() / "lock")


def suggested() -> list[str]:
    """The names of the folders that lie ready; whatever else the watcher put there is passed over."""
    try:
        with os.scandir(paths.suggestions()) as entries:
            found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(name for name in found if suggestion.NAME.fullmatch(name))[:MOST]


def kept() -> list[str]:
    """The names of the rules that root has a copy of."""
    folder = paths.rules()
    found = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(name for name in found if suggestion.NAME.fullmatch(name))


def take(name: str) -> Path:
    """Copy a suggestion, else root's own copy of the rule, to a folder that only root can write; returns it.

    No link is followed, only the files of the contract are taken, each at most so large.

    Raises:
        RuleError: the name is none of ours, there is no such rule, or its folder holds what it must not.
    """
    if suggestion.NAME.fullmatch(name) is None:
        raise RuleError("expected the name of a rule: ai- and up to 40 small letters, digits and -")
    prepare()
    target = paths.rules() / ".taken" / name
    shutil.rmtree(target, ignore_errors=True)
    source = paths.suggestions() / name
    if not os.path.lexists(source):
        source = judged(name)
    try:
        _copy(source, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def _copy(source: Path, target: Path) -> None:
    try:
        folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RuleError(f"there is no rule {source.name}; `fail2ban-ai review list` names those there are") from None
    except OSError as error:
        raise RuleError(f"{source} cannot be read: {error.strerror}; expected a folder") from None
    try:
        with os.scandir(folder) as entries:
            present = sorted(entry.name for entry, _ in zip(entries, range(100), strict=False))
        if present != sorted(suggestion.FILES):
            raise RuleError(f"{source} is no suggested rule: expected exactly the files {', '.join(suggestion.FILES)}")
        target.mkdir(mode=0o700)
        for name in suggestion.FILES:
            content = _content(folder, name, source)
            handle = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    finally:
        os.close(folder)


def _content(folder: int, name: str, source: Path) -> bytes:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise RuleError(f"{source / name} cannot be read: {error.strerror}; expected a regular file") from None
    limit = _LIMITS.get(name, _LIMIT)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        # A second name of a file is refused too: it may be one that only root can read.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise RuleError(f"{source / name} is not a regular file of one name")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RuleError(f"{source / name} is larger than {limit} bytes")
    return content


def keep(taken: Path) -> None:
    """Make a copy taken the form that was judged last; the form before it stays for a rollback."""
    name = taken.name
    target, before = judged(name), earlier(name)
    if target.is_dir():
        if suggestion.digest(target) == suggestion.digest(taken):
            shutil.rmtree(taken)
            return
        shutil.rmtree(before, ignore_errors=True)
        target.rename(before)
    taken.rename(target)
    paths.sync_folder(target.parent)


def bring_back(name: str, digest: str) -> None:
    """Make the form with this digest the one judged last, if it is the one before it; RuleError when it is neither."""
    target, before = judged(name), earlier(name)
    if target.is_dir() and suggestion.digest(target) == digest:
        return
    if not before.is_dir() or suggestion.digest(before) != digest:
        raise RuleError(f"the earlier form of {name} is not kept any more")
    spare = paths.rules() / ".taken" / f"{name}.swap"
    shutil.rmtree(spare, ignore_errors=True)
    if target.is_dir():
        target.rename(spare)
    before.rename(target)
    if spare.is_dir():
        spare.rename(before)
    paths.sync_folder(target.parent)
