"""Whether fail2ban has written bans to its own database. Standard library only: the root process imports this.

fail2ban's observer writes a ban a moment after it is in force (server/observer.py, banFound). Until then a crash of the
server forgets it, so a ban counts as made only once the row is there. The database is only ever opened to read.
"""

import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

_BATCH = 500  # variables in one statement; SQLite allows 999 everywhere


def path_in(answer: str) -> Path | None:
    """The database that `fail2ban-client get dbfile` names, None when the server keeps none in a file."""
    lines = answer.splitlines()
    text = lines[-1].removeprefix("`- ") if len(lines) > 1 else ""
    return Path(text) if text.startswith("/") else None


def await_saved(database: Path, jail: str, targets: Collection[str], since: float, *, seconds: float = 2.0) -> bool:
    """Wait until a ban of each target not before `since` (seconds since the epoch) is in the database.

    False when it is not there after `seconds`; True as well when the database cannot be asked: it is fail2ban's matter.
    """
    end = time.monotonic() + seconds
    while True:
        found = _saved(database, jail, list(targets), since)
        if found is None or found >= set(targets):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)


def _saved(database: Path, jail: str, targets: list[str], since: float) -> set[str] | None:
    """Those of the targets that table bips (server/database.py) holds; None when it cannot be asked."""
    found: set[str] = set()
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            for at in range(0, len(targets), _BATCH):
                some = targets[at : at + _BATCH]
                marks = ",".join("?" * len(some))
                query = f"SELECT ip FROM bips WHERE jail = ? AND timeofban >= ? AND ip IN ({marks})"  # noqa: S608 - marks
                found |= {str(row[0]) for row in connection.execute(query, (jail, int(since) - 1, *some))}
    except (sqlite3.Error, OSError, ValueError):
        return None
    return found
