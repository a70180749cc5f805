"""Checks of what is sent elsewhere: `notify` and `siem` of the configuration."""

import importlib.util
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from fail2ban_ai import config, paths
from fail2ban_ai.config_delivery import needs_network
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.errors import ConfigError

_NETWORK = re.compile(r"^\s*PrivateNetwork\s*=\s*(\w+)", re.MULTILINE)
UNITS = ("fail2ban-ai-watch.service", "fail2ban-ai-analyze.service")


def findings_can_be_sent(host: Host) -> Iterator[Result]:
    """What is found can be sent where the configuration says, and its secrets are kept."""
    del host
    try:
        settings = config.load()
    except ConfigError:
        return  # settings-are-right tells
    notify, siem = settings.notify, settings.siem
    if (notify.urls or notify.urls_file) and importlib.util.find_spec("apprise") is None:
        yield _warning("`notify` is set, but Apprise is not installed.", "pip install 'fail2ban-ai[notify]'")
    if notify.urls:
        yield from _secret(paths.config())
    if notify.urls_file is not None:
        yield from _secret(notify.urls_file)
    if siem.ecs_file is not None and not siem.ecs_file.parent.is_dir():
        yield _warning(f"{siem.ecs_file.parent} is not there, so findings cannot be written to it.", "Make the folder.")
    if needs_network(notify, siem):
        for name in UNITS:
            yield from _network(paths.units() / name)


def _secret(file: Path) -> Iterator[Result]:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        yield _warning(f"{file} cannot be read: {error.strerror}.", "Write one Apprise URL a line into it.", file)
        return
    if stat.S_IMODE(mode) & 0o004:
        yield _warning(f"{file} holds secrets and can be read by everybody.", f"chmod o-r {file}", file)


def _network(unit: Path) -> Iterator[Result]:
    if has_no_network(unit):
        sentence = f"{unit.name} has no network, so it cannot send what the configuration asks for."
        yield _warning(
            sentence, "Run `fail2ban-ai setup`, which allows it in a drop-in, or send to unix:/dev/log.", unit
        )


def has_no_network(unit: Path) -> bool:
    """Whether a unit that is there lets its process reach nobody; drop-ins count in order of name, after the unit."""
    if not unit.exists():
        return False
    files = [unit, *sorted(unit.with_name(f"{unit.name}.d").glob("*.conf"))]
    said = [value for file in files for value in _NETWORK.findall(file.read_text(encoding="utf-8", errors="replace"))]
    return bool(said) and said[-1].lower() in ("yes", "true", "on", "1")


def _warning(sentence: str, advice: str, file: Path | None = None) -> Result:
    return Result("findings-can-be-sent", "warning", sentence, advice, str(file) if file else None)


CHECKS = (findings_can_be_sent,)
