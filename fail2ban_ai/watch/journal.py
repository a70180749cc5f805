"""A unit of systemd's journal as it grows, from where it was left: `journalctl --follow --after-cursor`."""

import json
import os
import select
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from fail2ban_ai.sources import journal
from fail2ban_ai.watch.position import Position
from fail2ban_ai.watch.tail import READ, Piece

SETTLE = 1.0  # seconds that journalctl gets to find its place
RESTART = 5.0  # seconds before a journalctl that ended is run again
_ENTRY_LIMIT = 1 << 20  # bytes of one JSON object; with these fields it stays far below


class JournalTail:
    """Reads the unit named by `source` ("journal:UNIT"), from `position` on; without one, entries since `since`.

    `problem` is what keeps it from being read just now, in a sentence.
    """

    def __init__(self, source: str, position: Position | None, since: datetime) -> None:
        self.source = source
        self.problem: str | None = None
        self._position = position or Position()
        self._since = since.timestamp()
        self._rest = b""
        self._child: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._ended = time.monotonic()
        self._try_at = self._started = 0.0

    @property
    def settling(self) -> bool:
        """Whether journalctl was started just now and may not have come to what it will say."""
        return time.monotonic() - self._started < SETTLE

    def fileno(self) -> int | None:
        """What to wait on for new entries; None while there is nothing."""
        return self._child.stdout.fileno() if self._child and self._child.stdout else None

    def read(self) -> Piece | None:
        """The next entries as syslog lines; None when there are none for now."""
        pipe = self._pipe()
        if pipe is None or not select.select([pipe], [], [], 0)[0]:
            self._ended = time.monotonic()
            return None
        data = os.read(pipe, READ)
        *entries, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _ENTRY_LIMIT:
            self._rest = b""  # journalctl writes no such entry; what follows of it is no JSON and told as such
        if not data:
            self._stopped()
        entries = [entry for entry in entries if entry]
        return self._piece(entries) if entries else None

    def close(self) -> None:
        """End journalctl."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None
        self._errors.close()

    def _pipe(self) -> int | None:
        if self._child is None and time.monotonic() >= self._try_at:
            self._run()
        return self.fileno()

    def _run(self) -> None:
        unit = self.source.removeprefix(journal.PREFIX)
        if journal.UNIT.fullmatch(unit) is None:
            self.problem = f"{self.source!r} is not the name of a unit"
            self._try_at = float("inf")
            return
        command = ["journalctl", "-o", "json", "--quiet", "--follow", f"--output-fields={journal.FIELDS}"]
        command += [f"--unit={unit}", "--no-tail", *_of_all_boots()]
        at = self._position
        command.append(f"--after-cursor={at.cursor}" if at.cursor else f"--since=@{int(at.at or self._since)}")
        self._rest = b""
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
            )
            self.problem, self._started = None, time.monotonic()
        except OSError as error:
            self.problem = f"{self.source}: journalctl cannot be run ({error.strerror})"
            self._try_at = time.monotonic() + RESTART

    def _stopped(self) -> None:
        """Journalctl ended: its cursor was vacuumed away, or it was killed."""
        assert self._child is not None  # noqa: S101 - its pipe was read
        self._child.communicate()
        code, self._child = self._child.returncode, None
        self._errors.seek(0)
        told = self._errors.read(300).decode("utf-8", "replace").strip().partition("\n")[0]
        self._errors.seek(0)
        self._errors.truncate()
        self.problem = f"{self.source}: journalctl ended ({told or code})"
        if "cursor" in told:
            self._position = replace(self._position, cursor="")  # go on by the time of the last entry
        self._try_at = time.monotonic() + RESTART

    def _piece(self, entries: list[bytes]) -> Piece:
        before = self._position
        cursor = next((found for entry in reversed(entries) if (found := _cursor(entry))), before.cursor)
        self._position = replace(before, line=before.line + len(entries), cursor=cursor, at=time.time())
        data = "\n".join(journal.as_syslog(entry) for entry in entries).encode("utf-8", "replace")
        return Piece(self.source, data, before.line + 1, before, self._position, self._ended)


def _of_all_boots() -> list[str]:
    """What has journalctl go on from an earlier boot: `--follow` alone shows this boot only (systemd 252).

    `--merge` would show what other hosts sent here, too, so this host is asked for by name.
    """
    try:
        here = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return []
    return ["--merge", f"_MACHINE_ID={here}"] if here.isalnum() else []


def _cursor(entry: bytes) -> str:
    try:
        fields = json.loads(entry)
    except (ValueError, RecursionError):
        return ""
    cursor = fields.get("__CURSOR") if isinstance(fields, dict) else None
    return cursor if isinstance(cursor, str) and "\0" not in cursor else ""
