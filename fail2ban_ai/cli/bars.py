"""Progress bars on stderr, for commands that may take longer than two seconds."""

from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class _Tell:
    """Called with stage, steps done and steps in all (0: not known)."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total or None)
        self._progress.update(self._tasks[stage], completed=done, total=total or None)


class bars(AbstractContextManager[_Tell]):  # noqa: N801 - used like a function
    """`with bars() as tell: tell(stage, done, total)`; the bars vanish at the end."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> _Tell:
        self._progress.start()
        return _Tell(self._progress)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
