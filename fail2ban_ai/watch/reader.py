"""The thread that reads: it waits for logs to change and keeps what is new in bounded queues, one for each source.

What does not fit into a queue stays in its log until there is room, so nothing is lost by being slow.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from fail2ban_ai.watch.journal import JournalTail
from fail2ban_ai.watch.tail import FileTail, Piece

ROOM = 4 << 20  # bytes waiting, of all sources together
LEAST_ROOM = 512 << 10  # of one source
LOOK = 1.0  # seconds after which every source is looked at, notified or not: not every file system tells
GATHER = 0.05  # seconds in which lines gather, so that a busy log does not cost a look for each of them
_TOLD: list[type[FileSystemEvent]] = [FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent]
_TURN = 4  # pieces of one source before the next one has its turn


class Queue:
    """What was read of one source. `ended`: the reader was at its end when it last looked."""

    def __init__(self, tail: FileTail | JournalTail) -> None:
        self.tail = tail
        self.pieces: deque[Piece] = deque()
        self.size = 0
        self.ended = False


class Reader(threading.Thread):
    """Reads until `stop`. `trouble` is the error that ended it, if one did; `notices` keeps what it has to tell."""

    def __init__(self) -> None:
        super().__init__(name="reading", daemon=True)
        self.queues: dict[str, Queue] = {}
        self.trouble: BaseException | None = None
        self.notices: list[str] = []
        self.arrived = threading.Event()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._observer: BaseObserver | None = None
        self._folders: set[str] = set()

    def add(self, tails: Iterable[FileTail | JournalTail]) -> None:
        """Read these too."""
        with self._lock:
            self.queues |= {tail.source: Queue(tail) for tail in tails}
        self._watch()
        self.ring()

    def ring(self) -> None:
        """Have it look now."""
        os.eventfd_write(self._bell, 1)

    def take(self, source: str) -> Piece | None:
        """The next piece of a source."""
        queue = self.queues[source]
        with self._lock:
            if not queue.pieces:
                return None
            piece = queue.pieces.popleft()
            was_full, queue.size = queue.size >= self._room(), queue.size - len(piece.data)
        if was_full:
            self.ring()
        return piece

    def is_current(self, source: str) -> bool:
        """Whether all there is of a source has been taken."""
        with self._lock:
            return self.queues[source].ended and not self.queues[source].pieces

    def waiting(self) -> int:
        """Bytes read and not taken yet."""
        with self._lock:
            return sum(queue.size for queue in self.queues.values())

    def run(self) -> None:
        """Read until told to stop."""
        try:
            while not self._done.is_set():
                if self._turn():
                    self.arrived.set()
                    self._done.wait(GATHER)
                else:
                    self._wait()
        except BaseException as error:  # whoever started the thread raises it
            self.trouble = error
            self.arrived.set()

    def stop(self) -> None:
        """End the thread, and close what it reads."""
        self._done.set()
        self.ring()
        if self.ident is not None:
            self.join()
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
        for queue in self.queues.values():
            queue.tail.close()
        os.close(self._bell)

    def _turn(self) -> bool:
        """Whether anything new was read."""
        new = False
        with self._lock:
            queues = list(self.queues.values())
        for queue in queues:
            for _ in range(_TURN):
                if queue.size >= self._room():
                    queue.ended = False
                    break
                piece = queue.tail.read()
                with self._lock:
                    queue.ended = piece is None and not queue.tail.settling
                    if piece is None:
                        break
                    queue.pieces.append(piece)
                    queue.size += len(piece.data)
                new = True
        return new

    def _room(self) -> int:
        return max(LEAST_ROOM, ROOM // max(1, len(self.queues)))

    def _wait(self) -> None:
        pipes = [queue.tail.fileno() for queue in self.queues.values() if isinstance(queue.tail, JournalTail)]
        ready, _, _ = select.select([self._bell, *(pipe for pipe in pipes if pipe is not None)], [], [], LOOK)
        if self._bell in ready:
            os.eventfd_read(self._bell)

    def _watch(self) -> None:
        """Be told of changes in the folders of all files; where that cannot be had, LOOK must do."""
        tails = [queue.tail for queue in self.queues.values()]
        folders = {str(Path(tail.source).parent) for tail in tails if isinstance(tail, FileTail)}
        for folder in sorted(folders - self._folders):
            try:
                if self._observer is None:
                    self._observer = Observer()
                    self._observer.start()
                self._observer.schedule(_Bell(self), folder, event_filter=_TOLD)
            except OSError as error:
                self.notices.append(
                    f"{folder} cannot be watched ({error.strerror}); it is looked at every {LOOK:.0f} s"
                )
            self._folders.add(folder)


class _Bell(FileSystemEventHandler):
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._reader.ring()
