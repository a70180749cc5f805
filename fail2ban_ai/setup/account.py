"""The watcher's system user: no shell, no home, and the two groups that may read logs and the journal."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai import paths

NAME = "fail2ban-ai"
GROUPS = ("adm", "systemd-journal")
READERS = "adm"  # who may read the watcher's folder: they may read the logs anyway


@dataclass(frozen=True, slots=True)
class Ids:
    """User and group numbers below paths.root()."""

    user: int
    group: int
    readers: int


def ids() -> Ids | None:
    """The numbers of the user, its group and its readers' group; None when there is no such user."""
    user = entry("passwd", NAME)
    if user is None:
        return None
    readers = entry("group", READERS)
    return Ids(int(user[2]), int(user[3]), int(readers[2]) if readers else int(user[3]))


def make() -> tuple[bool, str]:
    """Make the user where missing and put it into its groups; whether it was made, and a sentence on what was not."""
    there = [group for group in GROUPS if entry("group", group)]
    made = ids() is None
    if made:
        words = ["useradd", *_prefix(), "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        words += ["--home-dir", "/var/lib/fail2ban-ai", "--groups", ",".join(there), NAME]
    else:
        words = ["usermod", *_prefix(), "--append", "--groups", ",".join(there), NAME]
    trouble = _run(*(words if there else [word for word in words if word not in ("--groups", "")]))
    if trouble:
        return False, f"The user {NAME} could not be made ({trouble}): the services cannot start without it."
    lacking = [group for group in GROUPS if group not in there]
    return made, f"There is no group {' or '.join(lacking)} here, so the watcher is not in it." if lacking else ""


def remove() -> str:
    """Delete the user; a sentence when that failed."""
    trouble = "" if ids() is None else _run("userdel", *_prefix(), NAME)
    if not trouble and entry("group", NAME):  # unless USERGROUPS_ENAB, userdel leaves it
        trouble = _run("groupdel", *_prefix(), NAME)
    return f"The user {NAME} could not be deleted: {trouble}." if trouble else ""


def give(folder: Path, owner: int, group: int) -> None:
    """Give a folder and all in it to an owner. Links are not followed; a file of several names is left alone."""
    for _, names, files, handle in os.fwalk(folder, follow_symlinks=False):
        os.fchown(handle, owner, group)
        for name in (*names, *files):
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if name in names or status.st_nlink == 1:
                os.chown(name, owner, group, dir_fd=handle, follow_symlinks=False)


def entry(database: str, name: str) -> list[str] | None:
    """The fields of a name in the database passwd or group; None when it is not there."""
    if paths.root() == Path("/"):  # all of the host's sources, as LDAP
        done = subprocess.run(["getent", database, name], capture_output=True, text=True, timeout=20, check=False)
        lines = done.stdout.splitlines()
    else:
        file = paths.root() / "etc" / database
        lines = file.read_text().splitlines() if file.is_file() else []
    return next((fields for line in lines if (fields := line.split(":"))[0] == name), None)


def _prefix() -> list[str]:
    return [] if paths.root() == Path("/") else ["--prefix", str(paths.root())]


def _run(*words: str) -> str:
    """Why a command failed; "" when it did not."""
    if shutil.which(words[0]) is None:
        return f"{words[0]} is not installed"
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"{words[0]} ended with {done.returncode}")
