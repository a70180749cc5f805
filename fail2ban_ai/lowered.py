"""Root reads and writes the watcher's files as the watcher: nothing planted there is followed with root's rights.

SQLite deletes and makes files beside the database by itself, by names found in it: not something for root to do in a
folder that another user owns.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def owner_of(folder: Path) -> Iterator[None]:
    """Be the folder's owner for a while, where we are root and somebody else owns it; no threads may start inside."""
    try:
        status = folder.stat()
    except OSError:
        yield
        return
    if os.geteuid() != 0 or status.st_uid == 0:
        yield
        return
    with _be(status.st_uid, status.st_gid, []):
        yield


@contextmanager
def user(name: str) -> Iterator[None]:
    """Be a user with all its groups for a while; for root only. KeyError when there is no such user."""
    entry = pwd.getpwnam(name)
    with _be(entry.pw_uid, entry.pw_gid, os.getgrouplist(name, entry.pw_gid)):
        yield


@contextmanager
def _be(uid: int, gid: int, groups: list[int]) -> Iterator[None]:
    own = os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(own)
