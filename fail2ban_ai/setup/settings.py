"""The commented configuration that setup writes where there is none: every key, what it means, its default."""

from collections.abc import Iterable
from typing import Any

import yaml

from fail2ban_ai.config import Settings

_HEAD = """\
# fail2ban-ai: what is read and how sure a verdict must be. Every key has a safe default; a line that begins with "# "
# and a key shows it. `fail2ban-ai doctor` checks this file. Whether anybody is banned is not decided here: see
# `fail2ban-ai setup --enforce`.
"""


def text(also: Iterable[str] = ()) -> str:
    """The file, with the logs `also` to be read besides those that fail2ban reads."""
    found = list(also)
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if name == "also" and found:
            parts.append(f"\n# {field.description}; found here by setup\n{_yaml(name, found)}")
        else:
            shown = "".join(f"# {line}\n" for line in _yaml(name, _plain(default)).splitlines())
            parts.append(f"\n# {field.description}\n{shown}")
    return "".join(parts)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _yaml(name: str, value: Any) -> str:
    return yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=1000)
