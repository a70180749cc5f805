"""The enforcer's settings: a JSON file that only root writes. Standard library only.

    {"mode": "observe" | "enforce",
     "gate": {…},                                                   see gate_rules.GateSettings
     "severity": {"critical": "block", "low": "alert"},             what is done at most: block, limit or alert
     "breaker": {"asked_per_hour": 400, "doubtful_per_hour": 5},    see breaker.BreakerSettings
     "repair": true}                                                block again what something else took out of nftables

Every key may be left out. A missing file means observe: nothing is banned before an admin said so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fail2ban_ai import paths
from fail2ban_ai.enforce.breaker import BreakerSettings
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.gate import GateSettings, settings_from

MODES = ("observe", "enforce")
EFFECTS = ("alert", "limit", "block")  # weakest first
_KEYS = ("mode", "gate", "severity", "breaker", "repair")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an admin decides about enforcing."""

    mode: str = "observe"
    gate: GateSettings = field(default_factory=GateSettings)
    severity: Mapping[str, str] = field(default_factory=dict)  # of findings.SEVERITIES: of EFFECTS; left out: block
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    repair: bool = True


def load() -> Settings:
    """The settings; ConfigError names the file, the key and what was expected."""
    values = _values()
    path = str(paths.settings())
    mode, gate = values.get("mode", "observe"), values.get("gate", {})
    if mode not in MODES:
        raise ConfigError(f"{path}: mode: expected one of {', '.join(MODES)}")
    if not isinstance(gate, dict):
        raise ConfigError(f"{path}: gate: expected an object")
    repair = values.get("repair", True)
    if not isinstance(repair, bool):
        raise ConfigError(f"{path}: repair: expected true or false")
    return Settings(
        mode,
        settings_from(gate, path),
        _severity(values.get("severity", {}), path),
        _breaker(values.get("breaker", {}), path),
        repair,
    )


def _values() -> dict[str, Any]:
    path = paths.settings()
    text = paths.read_trusted(path)
    if text is None:
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict) or not values.keys() <= set(_KEYS):
        raise ConfigError(f"{path}: expected an object with the keys {', '.join(_KEYS[:-1])} and {_KEYS[-1]}")
    return values


def _severity(values: object, path: str) -> dict[str, str]:
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: severity: expected an object")
    for name, effect in values.items():
        if name not in SEVERITIES:
            raise ConfigError(f"{path}: severity.{name} is none; expected one of {', '.join(SEVERITIES)}")
        if effect not in EFFECTS:
            raise ConfigError(f"{path}: severity.{name}: expected one of {', '.join(EFFECTS)}")
    return dict(values)


def _breaker(values: object, path: str) -> BreakerSettings:
    known = [one.name for one in fields(BreakerSettings)]
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: breaker: expected an object")
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{path}: breaker.{key} is no setting; expected one of {', '.join(known)}")
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10**9:
            raise ConfigError(f"{path}: breaker.{key}: expected a whole number of at least 1")
    return BreakerSettings(**values)


def with_mode(mode: str) -> str:
    """The file's content in another mode, its other settings kept; raises what `load` raises."""
    load()
    return json.dumps({**_values(), "mode": mode}, indent=2) + "\n"
