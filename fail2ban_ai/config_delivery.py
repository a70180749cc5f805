"""Settings of what is sent elsewhere: notifications to people (`notify`) and findings to a SIEM (`siem`)."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Severity = Literal["low", "medium", "high", "critical"]
_UNIX = re.compile(r"unix:(/\S+)")


class Notify(BaseModel):
    """Messages through Apprise. Its URLs hold secrets and are never printed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: list[SecretStr] = Field(default_factory=list, description="Apprise URLs")
    urls_file: Path | None = Field(None, description="a file of Apprise URLs, one a line, # begins a comment")
    severity: Severity = Field("high", description="campaigns from this severity on are told")


class Siem(BaseModel):
    """Findings as ECS JSON lines in a file, and as CEF over syslog."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ecs_file: Path | None = Field(None, description="the file that a line of JSON is added to for each finding")
    syslog: str | None = Field(None, description="udp://HOST:PORT, tcp://HOST:PORT or unix:/dev/log")
    severity: Severity = Field("low", description="campaigns from this severity on are sent")

    @field_validator("syslog")
    @classmethod
    def _known_syslog(cls, value: str | None) -> str | None:
        if value is not None:
            syslog_of(value)
        return value


def needs_network(notify: Notify, siem: Siem) -> bool:
    """Whether these settings send something to another host."""
    return bool(notify.urls or notify.urls_file or (siem.syslog and not siem.syslog.startswith("unix:")))


def syslog_of(value: str) -> tuple[str, str, int]:
    """What a syslog setting names: ("udp" or "tcp", host, port) or ("unix", path, 0). ValueError when it is none."""
    local = _UNIX.fullmatch(value)
    if local:
        return "unix", local[1], 0
    parts = urlsplit(value)
    if parts.scheme not in ("udp", "tcp") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("expected udp://HOST:PORT, tcp://HOST:PORT or unix:/dev/log")
    return parts.scheme, parts.hostname, parts.port or (514 if parts.scheme == "udp" else 601)
