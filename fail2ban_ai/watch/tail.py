"""One log file as it grows, over rotation by rename, by copying and truncating, and over its removal.

The file that is open is read to its end before the next one is begun. A file moved away is given time: whoever writes
the log goes on in the old file until it is told to open the new one.
"""

import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources.lines import LINE_LIMIT
from fail2ban_ai.watch.parts import Start, plan
from fail2ban_ai.watch.position import HEAD, Position, fingerprint

READ = 256 << 10  # bytes taken at once; more than LINE_LIMIT
QUIET = 1.0  # seconds without a new line after which a file that was moved away is taken to be finished
LEAVE = 60.0  # seconds after which it is left, lines or not, when the new one has some


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a source: whole ones, each of LINE_LIMIT bytes at most, `first` the number of the first.

    `before` and `after` are the positions around it. `waiting`: since when at most its lines have been there
    (time.monotonic). `last`: no line was written after this; None: just now.
    """

    source: str
    data: bytes  # without the last line's end
    first: int
    before: Position
    after: Position
    waiting: float
    last: datetime | None = None


class FileTail:
    """Reads the log at `source`, from `position` on; without one, what was written since `since`.

    `problem` is what keeps it from being read just now, in a sentence.
    """

    settling = False  # a file says at once that it has nothing more

    def __init__(self, source: str, position: Position | None, since: datetime) -> None:
        self.source = source
        self.problem: str | None = None
        self._position = position
        self._since = since
        self._todo: deque[Start] = deque()
        self._now: Start | None = None  # what is being read
        self._at = Position()  # in that; `_position` is the same once something of it was read
        self._sure = 0  # inode of the live file that was looked at again when it had its first line
        self._left = 0.0  # when it was noticed that the open file is the live one no more; 0: it is
        self._grew = 0.0  # when the open file last had something new
        self._ended = time.monotonic()  # when the end was last reached
        self._plan()

    def read(self) -> Piece | None:
        """The next lines; None when there are none for now."""
        while start := self._now or self._open():
            piece = self._take(start)
            if piece is not None:
                self._grew = time.monotonic()
                return piece
            if start is not self._now:
                continue  # it was truncated
            if not self._is_finished(start):
                self._ended = time.monotonic()
                return None
            piece = self._last_line(start)
            self._leave(start)
            if piece is not None:
                return piece
        self._ended = time.monotonic()
        return None

    def close(self) -> None:
        """Close what is open."""
        for start in (self._now, *self._todo):
            if start is not None:
                start.part.close()
        self._now = None
        self._todo.clear()

    def _plan(self) -> None:
        """See what there is to read, and open it."""
        self.close()
        try:
            self._todo = deque(plan(self.source, self._position, self._since))
            self.problem = None
        except SourceError as error:
            self.problem = str(error)

    def _open(self) -> Start | None:
        """Go on to the next part; None when there is none."""
        if not self._todo:
            if self._position is None or Path(self.source).exists():
                self._plan()
            elif self.problem is None:
                self.problem = f"{self.source} is not there any more"
        if not self._todo:
            return None
        start = self._now = self._todo.popleft()
        self._left = 0.0
        resumed = self._position if start.offset and self._position else Position()
        self._at = replace(
            resumed, inode=start.part.inode, offset=start.offset, line=start.line, inside=start.inside, at=time.time()
        )
        return start

    def _take(self, start: Start) -> Piece | None:
        """Whole lines from the open part."""
        before = self._at
        if start.last is None and not start.part.is_same(before):
            self._sure = 0
            self._plan()  # truncated, by whoever copied it before
            return None
        data = start.part.read(before.offset, READ)
        if data and self._position is not None and not before.head and self._sure != start.part.inode:
            # It may have been rotated again since it was opened: then older lines lie elsewhere by now.
            self._sure = start.part.inode
            self._plan()
            return None
        if before.inside:
            return self._skip(start, data)
        end = data.rfind(b"\n")
        if end >= 0:
            return self._piece(start, data[:end], end + 1, data.count(b"\n", 0, end + 1))
        if len(data) > LINE_LIMIT:
            return self._piece(start, data[:LINE_LIMIT], LINE_LIMIT, 0, inside=True)
        return None

    def _skip(self, start: Start, data: bytes) -> Piece | None:
        """Go on to the end of a line whose first LINE_LIMIT bytes were handed over."""
        end = data.find(b"\n")
        if end < 0 and not data:
            return None
        length = end + 1 if end >= 0 else len(data)
        return self._piece(start, b"", length, int(end >= 0), inside=end < 0)

    def _piece(self, start: Start, data: bytes, length: int, lines: int, *, inside: bool = False) -> Piece:
        before = self._at
        offset = before.offset + length
        head = min(HEAD, offset)
        sha256 = before.sha256 if head == before.head else fingerprint(start.part.read(0, head))
        after = self._at = self._position = replace(
            before, offset=offset, line=before.line + lines, head=head, sha256=sha256, inside=inside, at=time.time()
        )
        if len(data) > LINE_LIMIT:
            data = b"\n".join(line[:LINE_LIMIT] for line in data.split(b"\n"))
        return Piece(self.source, data, before.line + 1, before, after, self._ended, start.last)

    def _is_finished(self, start: Start) -> bool:
        """Whether nothing more will come from the open part, as far as one can tell."""
        if start.last is not None:
            return True
        try:
            status = Path(self.source).stat()
        except OSError:
            return False  # removed, or moved and not yet back: whoever writes it may still have it open
        if status.st_ino == start.part.inode:
            self._left = 0.0
            return False
        now = time.monotonic()
        self._left = self._left or now
        return now - max(self._left, self._grew) >= QUIET or (now - self._left >= LEAVE and status.st_size > 0)

    def _last_line(self, start: Start) -> Piece | None:
        """A last line without its end, of a part that is finished."""
        data = b"" if self._at.inside else start.part.read(self._at.offset, READ)
        return self._piece(start, data, len(data), 1) if data else None

    def _leave(self, start: Start) -> None:
        """Close a finished part; after the live one, look what rotation has made of it."""
        if start.last is None:
            self._sure = 0
            self._plan()
        else:
            start.part.close()
            self._now = None
