"""The systemd units: which files, which of them are switched on, and drop-ins that suit this host."""

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.setup import account

PROGRAM = "/usr/bin/fail2ban-ai"  # in the units as shipped
METRICS = "var/lib/prometheus/node-exporter"  # Debian's prometheus-node-exporter reads it
RUNS = {  # how to run -> what is switched on; the enforcer carries out what either of them decides
    "watch": ("fail2ban-ai-watch.service", "fail2ban-ai-enforce.service"),
    "timer": ("fail2ban-ai-analyze.timer", "fail2ban-ai-enforce.service"),
}
_READERS = ("fail2ban-ai-watch.service", "fail2ban-ai-analyze.service")
_HOMES = ("/home/", "/root/", "/run/user/")
_GPU = """\
# There is a GPU here. Its driver needs its devices and memory that is written and run.
[Service]
PrivateDevices=no
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=/dev/kfd rw
DeviceAllow=char-drm rw
{groups}MemoryDenyWriteExecute=no
MemoryHigh=infinity
MemoryMax=infinity
"""
_NETWORK = """\
# The configuration sends messages, findings to a syslog server or texts to a model's: they need a network.
[Service]
PrivateNetwork=no
IPAddressDeny=
RestrictAddressFamilies=AF_INET AF_INET6
"""
_HOME = """\
# Logs lie below a home directory: {logs}.
[Service]
ProtectHome=read-only
"""


def folder() -> Path:
    """Where our unit files lie: beside the package in a checkout, in share/fail2ban-ai when it is installed."""
    checkout = Path(__file__).resolve().parents[2] / "systemd"
    return (
        checkout
        if (checkout / "fail2ban-ai-watch.service").is_file()
        else Path(sysconfig.get_path("data")) / "share/fail2ban-ai/systemd"
    )


def program() -> Path:
    """The command that the units run.

    Raises ConfigError where root must not run it or the watcher cannot: others may write it, or it lies in a home.
    """
    packaged = paths.root() / PROGRAM.lstrip("/")
    own = Path(sys.executable).with_name("fail2ban-ai")
    found = Path(PROGRAM) if packaged.exists() or not own.exists() else own
    for part in dict.fromkeys([found, *found.parents, found.resolve(), *found.resolve().parents]):
        try:
            status = part.stat()
        except OSError:
            continue
        if str(found).startswith(_HOMES) or not status.st_mode & 0o001:
            raise ConfigError(
                f"{found} lies where the watcher's user may not go: install it below /opt (venv and pip)."
            )
        sticky = bool(status.st_mode & stat.S_ISVTX)  # as /tmp: others may not replace what is root's
        if status.st_uid != 0 or (status.st_mode & 0o022 and not sticky and not part.is_symlink()):
            raise ConfigError(f"{part} may be written by others than root, and root would run it: chown and chmod it.")
    return found


def contents(command: Path, logs: Iterable[str], *, gpu: bool, network: bool) -> dict[Path, str]:
    """The files to write for a host with these logs. `network`: findings are sent to others."""
    found = {paths.units() / each.name: each.read_text().replace(PROGRAM, str(command)) for each in _shipped()}
    homes = [log for log in logs if log.startswith(_HOMES)]
    groups = [name for name in ("video", "render") if account.entry("group", name)]
    allowed = _GPU.format(groups=f"SupplementaryGroups={' '.join(groups)}\n" if groups else "")
    drop_ins = {
        "gpu.conf": allowed if gpu else "",
        "home.conf": _HOME.format(logs=", ".join(homes)) if homes else "",
        "network.conf": _NETWORK if network else "",
    }
    for unit in _READERS:
        found |= {paths.units() / f"{unit}.d" / name: text for name, text in drop_ins.items() if text}
    return found


def switched_on(run: str) -> tuple[str, ...]:
    """The units that are to be enabled when run by `run`, a key of RUNS."""
    return (*RUNS[run], *(["fail2ban-ai-metrics.timer"] if (paths.root() / METRICS).is_dir() else []))


def switch(on: Iterable[str], *, start: bool) -> list[str]:
    """Enable and start the units `on`, disable and stop our others; a sentence for each thing that did not work."""
    on = list(on)
    off = [each.name for each in _shipped() if each.name not in on]
    if shutil.which("systemctl") is None:
        return ["There is no systemctl: have your init system run `fail2ban-ai watch` and `fail2ban-ai enforce`."]
    live = running()
    trouble = []
    if live:
        trouble += _systemctl("daemon-reload")
        trouble += _systemctl("stop", *off)
    trouble += _systemctl("disable", *[name for name in off if _installs(name)])
    if on:
        trouble += _systemctl("enable", *on)
        trouble += _systemctl("restart", *on) if live and start else []
    return trouble


def refresh() -> list[str]:
    """Have systemd read the units again, and start those again that run; sentences about what did not work."""
    if not running():
        return []
    services = [each.name for each in _shipped() if each.suffix == ".service" and _installs(each.name)]
    return [*_systemctl("daemon-reload"), *_systemctl("try-restart", *services)]


def running() -> bool:
    """Whether systemd runs this host."""
    return paths.root() == Path("/") and Path("/run/systemd/system").is_dir()


def reload() -> list[str]:
    """Have systemd forget units that are gone."""
    return [*_systemctl("daemon-reload"), *_systemctl("reset-failed", quiet=True)] if running() else []


def _installs(name: str) -> bool:
    return "[Install]" in (folder() / name).read_text()


def _shipped() -> list[Path]:
    return sorted(each for each in folder().iterdir() if each.suffix in (".service", ".timer"))


def _systemctl(*words: str, quiet: bool = False) -> list[str]:
    below = [] if paths.root() == Path("/") else [f"--root={paths.root()}"]
    done = subprocess.run(
        ["systemctl", *below, "--quiet", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SYSTEMD_COLORS": "0"},
    )
    said = done.stderr.strip().splitlines()
    failed = done.returncode != 0 and not quiet
    return [f"systemctl {words[0]} failed: {said[0] if said else done.returncode}"] if failed else []
