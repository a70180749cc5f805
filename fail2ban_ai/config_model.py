"""Settings of what runs the model (`model`)."""

import ipaddress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fail2ban_ai import paths


class Model(BaseModel):
    """The runtime, and for `remote` where its server is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: Literal["onnx", "torch", "remote"] = Field(
        "onnx", description="onnx: the processor; torch: a GPU of this host, if there is one; remote: a server"
    )
    weights: Path | None = Field(None, description="a folder that `model train` wrote; unset: the shipped weights")
    server: str | None = Field(None, description="https://HOST[:PORT], or http:// for one on this host")
    token_file: Path = Field(
        default_factory=paths.model_token, description="a file with the server's token, which others must not read"
    )

    @field_validator("server")
    @classmethod
    def _safe_server(cls, value: str | None) -> str | None:
        if value is not None and not is_safe(value):
            raise ValueError("expected https://HOST[:PORT][/PATH], or http:// with a loopback address")
        return value

    @model_validator(mode="after")
    def _has_server(self) -> "Model":
        if self.runtime == "remote" and self.server is None:
            raise ValueError("the runtime remote needs model.server")
        return self


def is_safe(url: str) -> bool:
    """Whether a server's address is one, and the token crosses no network in the clear on the way to it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - ValueError when it is none
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this host's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
