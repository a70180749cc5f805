"""A root folder of its own, with a user database, that setup may write to, beside a private fail2ban server."""

import os
import stat
import subprocess
from pathlib import Path

from fail2ban_ai.fail2ban.private import PrivateServer

_DATABASES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\nadm:x:4:\nsystemd-journal:x:999:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/gshadow": "root:*::\nadm:*::\nsystemd-journal:*::\n",
    "etc/login.defs": "SYS_UID_MIN 100\nSYS_UID_MAX 999\nSYS_GID_MIN 100\nSYS_GID_MAX 999\n",
}


def make(root: Path, config: Path) -> None:
    """Fill `root`: users, fail2ban's configuration (a link), the program, folders a Debian host has."""
    for name, text in _DATABASES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for folder in ("etc/systemd/system", "etc/logrotate.d", "var/lib", "var/log", "usr/bin"):
        (root / folder).mkdir(parents=True)
    (root / "etc/fail2ban").symlink_to(config)
    (root / "usr/bin/fail2ban-ai").write_text("#!/bin/sh\n")
    reachable(root)


def reachable(folder: Path) -> None:
    """Let any user go to a folder: pytest's own are root's alone."""
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def client_on_path(folder: Path, server: PrivateServer) -> str:
    """A PATH on which fail2ban-client is one that talks to the private server."""
    folder.mkdir()
    real = subprocess.run(["which", "fail2ban-client"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = folder / "fail2ban-client"
    wrapper.write_text(f'#!/bin/sh\nexec {real} {" ".join(server.client._command[1:])} "$@"\n')
    wrapper.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def tree(root: Path) -> dict[str, tuple[str, int, int, bytes]]:
    """Everything below a root: kind and mode, owner, group, content."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path.relative_to(root))] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, content)
    return found
