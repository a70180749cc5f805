"""What the watcher last said about itself. Written by an unprivileged process: everything in it is checked."""

import os
import stat
import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2ban_ai import paths
from fail2ban_ai.decisions.strict import TIME_LIMIT, clean

FRESH = 60.0  # seconds; the watcher writes every few
_LIMIT = 1 << 20  # bytes
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Seconds = Annotated[float, Field(ge=0, le=TIME_LIMIT, allow_inf_nan=False)]


class Source(BaseModel):
    """One log, as far as it was read since the watcher started."""

    model_config = ConfigDict(strict=True, frozen=True)

    source: Annotated[str, Field(max_length=4096)]
    read: _Count  # lines
    understood: _Count = 0
    position: int | str | None = None  # bytes, or the journal's cursor
    problem: Annotated[str, Field(max_length=4096)] | None = None  # a sentence


class Heartbeat(BaseModel):
    """The watcher's own figures; counts since it started. Keys we do not know are passed over."""

    model_config = ConfigDict(strict=True, frozen=True)

    at: _Seconds  # since the epoch
    pid: Annotated[int, Field(gt=0, lt=1 << 31)]
    lines: _Count = 0
    lines_per_second: _Seconds = 0.0
    lag_seconds: _Seconds = 0.0  # from a line's writing to its verdict
    queue_bytes: _Count = 0
    degraded: bool = False  # over capacity: the cheaper score judges
    runtime: Annotated[str, Field(max_length=200)] = ""  # what runs the model
    sources: Annotated[list[Source], Field(max_length=10_000)] = []
    findings: _Count = 0
    rss_bytes: _Count = 0
    trouble: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(max_length=1000)] = []  # sentences

    def age(self, now: float | None = None) -> float:
        """Seconds since it was written, negative if it lies in the future."""
        return (time.time() if now is None else now) - self.at


def read(path: Path | None = None) -> Heartbeat | str:
    """The heartbeat, or a sentence on why there is none."""
    path = path or paths.heartbeat()
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return "not running: it has left no heartbeat"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return f"{path} is no regular file."
        content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        return f"{path} is larger than {_LIMIT} bytes."
    try:
        return Heartbeat.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{path} is no heartbeat: {clean('.'.join(map(str, first['loc'])) or 'the file', 80)}."
