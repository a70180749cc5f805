"""What fail2ban really did: bans from the events of fail2ban.log and from fail2ban's own database."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from fail2ban_ai import addresses
from fail2ban_ai.errors import Fail2banError
from fail2ban_ai.fail2ban.replay import Ban

DATABASE = "/var/lib/fail2ban/fail2ban.sqlite3"


def from_events(frame: pl.DataFrame) -> list[Ban]:
    """Bans from an event table (events.SCHEMA): rows of kind "ban", whose message is the jail's name."""
    rows = frame.filter(pl.col("kind") == "ban").select(pl.col("time").dt.epoch("us"), "message", "address")
    return sorted(
        Ban(time / 1e6, jail or "", address) for time, jail, address in rows.iter_rows() if time is not None and address
    )


def from_database(path: str = DATABASE) -> list[Ban]:
    """Bans that fail2ban's database still holds (dbpurgeage, a day by default); only ever opened to read.

    Table bans(jail, ip, timeofban, bantime, bancount, data): fail2ban/server/database.py. No file means no bans.

    Raises:
        Fail2banError: the file is there but cannot be read or is no database of fail2ban's.
    """
    if not Path(path).exists():
        return []
    try:
        connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT timeofban, jail, ip FROM bans ORDER BY timeofban").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Fail2banError(f"fail2ban's database {path} cannot be read: {error}.") from error
    bans = []
    for at, jail, text in rows:
        address = addresses.parse(text) if isinstance(text, str) else None
        if address is not None and isinstance(at, int | float):
            bans.append(Ban(float(at), str(jail), str(address)))
    return sorted(bans)


def merge(*histories: Iterable[Ban]) -> list[Ban]:
    """One history of several, in order of time: the same address and jail within 2 seconds is the same ban.

    fail2ban.log has the moment of the ban, the database that of the last failure before it, in whole seconds.
    """
    result: list[Ban] = []
    last: dict[tuple[str, str], float] = {}
    for ban in sorted(ban for history in histories for ban in history):
        key = (ban.jail, ban.address)
        if key not in last or ban.at - last[key] > 2:
            result.append(ban)
        last[key] = ban.at
    return result
