"""The time zone in which a source writes its stamps, where these do not say it themselves."""

import fnmatch
import os
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo


def local() -> ZoneInfo:
    """The machine's zone: TZ, else what /etc/localtime points to, else UTC."""
    link = os.path.realpath("/etc/localtime")
    for name in (os.environ.get("TZ", "").lstrip(":"), link.partition("/zoneinfo/")[2]):
        try:
            if name:
                return ZoneInfo(name)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            continue
        except KeyError:
            continue
    return ZoneInfo("UTC")


def of(source: str, zones: Mapping[str, ZoneInfo]) -> ZoneInfo:
    """The zone of the first pattern (shell wildcards, against the whole name or its last part) that fits."""
    for pattern, zone in zones.items():
        if fnmatch.fnmatchcase(source, pattern) or fnmatch.fnmatchcase(Path(source).name, pattern):
            return zone
    return local()
