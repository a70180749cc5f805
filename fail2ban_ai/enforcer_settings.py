"""The enforcer's settings: a JSON file that only root writes. Standard library only.

    {"mode": "observe" | "enforce", "gate": {…}}      gate: see gate_rules.GateSettings

A missing file means observe: nothing is banned before an admin said so.
"""

import json
from dataclasses import dataclass, field

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.gate import GateSettings, settings_from

MODES = ("observe", "enforce")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an admin decides about enforcing."""

    mode: str = "observe"
    gate: GateSettings = field(default_factory=GateSettings)


def load() -> Settings:
    """The settings; ConfigError names the file, the key and what was expected."""
    path = paths.settings()
    text = paths.read_trusted(path)
    if text is None:
        return Settings()
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict) or not values.keys() <= {"mode", "gate"}:
        raise ConfigError(f"{path}: expected an object with the keys mode and gate")
    mode, gate = values.get("mode", "observe"), values.get("gate", {})
    if mode not in MODES:
        raise ConfigError(f"{path}: mode: expected one of {', '.join(MODES)}")
    if not isinstance(gate, dict):
        raise ConfigError(f"{path}: gate: expected an object")
    return Settings(mode, settings_from(gate, str(path)))


def with_mode(mode: str) -> str:
    """The file's content in another mode, its gate settings kept; raises what `load` raises."""
    load()
    text = paths.read_trusted(paths.settings())
    values = json.loads(text) if text else {}
    return json.dumps({"mode": mode, "gate": values.get("gate", {})}, indent=2) + "\n"
