"""A copy of fail2ban's configuration with one rule in it, and what fail2ban's own code makes of that rule.

Only the files that belong to the package are copied: what an admin changed for other jails has no say in whether this
rule works, and may not be ours to read.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from fail2ban_ai.addresses import normal
from fail2ban_ai.errors import Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import code
from fail2ban_ai.rules.suggestion import LINE_LIMIT

BATCH = 512  # lines in one request
SILENCE = 60.0  # seconds without an answer, then the child is stopped
_COPIED = ("*.conf", "*.py")


class Bench:
    """A context manager: a folder with the copy, and children of fail2ban's own Python that work on it.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
    """

    def __init__(self, name: str, filter_conf: str, *, config: str = code.CONFIG) -> None:
        code.interpreter()
        source = Path(config)
        if not (source / "filter.d" / "common.conf").is_file():
            raise Fail2banAbsent(f"fail2ban is not installed: there is no filter.d/common.conf in {config}.")
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="f2b-rule-"))
        self.config = self.folder / "fail2ban"
        for part in ("", "filter.d", "action.d"):
            (self.config / part).mkdir(exist_ok=True, parents=True)
            for pattern in _COPIED:
                for path in (source / part).glob(pattern):
                    shutil.copyfile(path, self.config / part / path.name)
        (self.config / "jail.d").mkdir()
        (self.config / "filter.d" / f"{name}.conf").write_text(filter_conf, encoding="ascii")
        # The least that fail2ban reads a filter by; what the rule's own jail says is proved by its keys.
        (self.config / "jail.d" / f"{name}.conf").write_text(
            f"[{name}]\nfilter = {name}\nbackend = polling\nlogpath = /dev/null\nusedns = no\nignoreself = false\n"
        )

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def job(self, do: str, **more: object) -> dict[str, object]:
        """A job for a child."""
        return {"do": do, "config": str(self.config), "jail": self.name, "reference": 1_600_000_000.0, **more}


class Matches:
    """A child that matches lines with one jail's filter, kept over calls; `stuck` counts lines that never ended.

    Raises:
        Fail2banError: fail2ban does not take the filter; the message is its own.
    """

    def __init__(self, job: dict[str, object]) -> None:
        self._child = code.Child(job, silence=SILENCE)
        self.stuck = 0
        try:
            if self._child.receive() is None:
                raise Fail2banError("fail2ban's code ended without a word.")
        except Fail2banError:
            self._child.close()
            raise

    def __enter__(self) -> "Matches":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._child.close()

    def of(self, lines: Iterable[str]) -> Iterator[tuple[int, float, str]]:
        """(index, time, address) of each line that matches, in order; the address normalised, "" if it is none.

        Raises:
            Fail2banError: the child came to one of its limits.
        """
        batch: list[str] = []
        start = 0
        for line in lines:
            batch.append(line[:LINE_LIMIT])
            if len(batch) == BATCH:
                yield from self._batch(start, batch)
                start += len(batch)
                batch = []
        if batch:
            yield from self._batch(start, batch)

    def _batch(self, start: int, batch: Sequence[str]) -> Iterator[tuple[int, float, str]]:
        self._child.send(batch)
        answer = self._child.receive()
        if answer is None or not isinstance(answer["events"], list):
            raise Fail2banError("fail2ban's code ended without an answer.")
        self.stuck += int(str(answer["stuck"]))
        for index, time, address, _user, _message in answer["events"]:
            yield start + int(index), float(time), normal(str(address)) or ""
