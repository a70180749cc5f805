"""The YAML file as typed settings. `Settings` documents every key; an error names file, key and what was expected."""

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fail2ban_ai import paths
from fail2ban_ai.config_delivery import Notify, Siem
from fail2ban_ai.config_model import Model
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.errors import ConfigError


class Settings(BaseModel):
    """What an admin may set. Everything has a default that is safe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["observe", "enforce"] = Field("observe", description="what reports say; unset: as in enforce.json")
    sensitivity: Literal["cautious", "normal", "strict"] = Field("normal", description="how sure a verdict must be")
    sources: list[str] = Field(default_factory=list, description="logs to read; empty: those that fail2ban reads")
    also: list[str] = Field(default_factory=list, description="logs to read besides those that fail2ban reads")
    zones: dict[str, str] = Field(default_factory=dict, description="time zone by file pattern, for stamps without one")
    auto_ban: Literal["never", "low", "medium", "high", "critical"] = Field(
        "medium", description="watch asks for bans of findings of this severity or more; enforce.json says what happens"
    )
    history_days: float = Field(7, gt=0, le=35, description="days of events that watch reads at first and keeps")
    history_megabytes: int = Field(256, ge=1, le=100_000, description="and most megabytes of them kept on disk")
    addresses_kept: int = Field(
        8000, ge=1000, le=200_000, description="addresses that watch has in mind, those seen last; about 10 KB each"
    )
    findings_kept: int = Field(5000, ge=10, le=1_000_000, description="findings that watch keeps, the newest")
    login_days: int = Field(2, ge=1, le=35, description="days with log-ins before an attack that protect an address")
    rule_sources: int = Field(3, ge=1, le=1000, description="distinct sources that make a finding recurring")
    rule_windows: int = Field(2, ge=2, le=1000, description="separate spells of activity that make one recurring")
    model: Model = Field(Model(), description="what runs the model; see docs/serve.md")
    notify: Notify = Field(Notify(), description="messages to people; see docs/reports.md")
    siem: Siem = Field(Siem(), description="findings for a SIEM; see docs/reports.md")

    rule_retire_days: int = Field(
        30, ge=1, le=3650, description="days without a match after which a rule is proposed for retirement"
    )

    @field_validator("zones")
    @classmethod
    def _known_zones(cls, zones: dict[str, str]) -> dict[str, str]:
        for name in zones.values():
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"{name!r} is not a time zone such as Europe/Vienna") from error
        return zones

    def zone_infos(self) -> dict[str, ZoneInfo]:
        """The zones, ready for `sources.LogReader`."""
        return {pattern: ZoneInfo(name) for pattern, name in self.zones.items()}


def load(path: Path | None = None) -> Settings:
    """The settings in `path` (by default paths.config()); the defaults when there is no such file.

    Without a mode of its own it is the enforcer's: reports then say what really happens.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or a key is wrong.
    """
    path = path or paths.config()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(f"{where} is not YAML: {getattr(error, 'problem', error)}") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values at the top level, found {type(values).__name__}")
    try:
        return Settings.model_validate({"mode": enforcer_settings.load().mode} | values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {key}: {_expected(first['type'], key, first['msg'])}") from error


def _expected(kind: str, key: str, message: str) -> str:
    sections: dict[str, type[BaseModel]] = {"model": Model, "notify": Notify, "siem": Siem}
    section = sections.get(key.split(".", maxsplit=1)[0]) if "." in key else None
    if kind == "extra_forbidden":
        return f"no such key; known are {', '.join((section or Settings).model_fields)}"
    if section is not None:
        field = section.model_fields.get(key.split(".")[1])
        return f"{message[0].lower()}{message[1:]} ({field.description if field else ''})"
    return f"{message[0].lower()}{message[1:]} ({Settings.model_fields[key.split('.', maxsplit=1)[0]].description})"
