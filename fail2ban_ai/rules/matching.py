"""What a rule's filter matches, by fail2ban's own code in a child with limits: for colours, and against known lines."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban import code

BATCH = 1_000  # lines in one request
_COMMON = ("common.conf", "common.local")  # what a filter may include


@dataclass(frozen=True, slots=True)
class Match:
    """Positions in a line: all that the regex takes, and in it the address and the account ("ip4", "ip6", "user")."""

    start: int
    end: int
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)


def matches(folder: Path, lines: Sequence[str], *, config: Path, backend: str = "polling") -> list[Match | None]:
    """For each line what the filter in the rule's `folder` matches, None where it does not.

    Args:
        folder: root's copy of a suggestion, named as the rule.
        lines: as they stand in a log.
        config: fail2ban's folder, for what the filter includes.
        backend: as in the jail: it decides which prefix lines have.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        Fail2banError: fail2ban refuses the filter, or it does not come to an end.
    """
    with tempfile.TemporaryDirectory(prefix="f2b-") as temporary:
        filters = Path(temporary) / "filter.d"
        filters.mkdir()
        for name in _COMMON:
            if (config / "filter.d" / name).is_file():
                shutil.copyfile(config / "filter.d" / name, filters / name)
        shutil.copyfile(folder / "filter.conf", filters / f"{folder.name}.conf")
        found: list[Match | None] = []
        with _child(Path(temporary), folder.name, backend) as child:
            _answer(child, "regexes")
            for at in range(0, len(lines), BATCH):
                child.send(list(lines[at : at + BATCH]))
                found += [None if one is None else _match(one) for one in _answer(child, "spans")]
    return found


def regexes(config: Path, name: str, *, backend: str = "polling") -> tuple[str, ...]:
    """The regexes of filter.d/NAME.conf below `config`, tags replaced: what `fail2ban-client get` says of a jail.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        Fail2banError: fail2ban refuses the filter.
    """
    with _child(config, name, backend) as child:
        return tuple(str(regex) for regex in _answer(child, "regexes"))


def _child(config: Path, name: str, backend: str) -> code.Child:
    reference = datetime.now(UTC).timestamp() + 86_400
    job: dict[str, object] = {"do": "spans", "config": str(config), "name": name, "backend": backend}
    return code.Child({**job, "reference": reference}, silence=60.0)


def _answer(child: code.Child, key: str) -> list[list[object]]:
    answer = child.receive()
    found = answer[key] if answer else None
    if not isinstance(found, list):
        raise Fail2banError("fail2ban's code gave no answer.")
    return found


def _match(found: list[object]) -> Match:
    start, end, groups = found
    assert isinstance(groups, dict)  # noqa: S101 - as child/spans.py writes it
    inner = {str(name): (int(span[0]), int(span[1])) for name, span in groups.items()}
    return Match(int(str(start)), int(str(end)), inner)
