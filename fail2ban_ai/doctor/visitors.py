"""Whether the addresses of a web log are visitors or the edges of a CDN: its tail, as the gate would see it."""

from collections import defaultdict
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import formats
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.edges import Edges

_TAIL = 2_000_000  # bytes
_SAMPLE = 200  # lines that show the format


def through_edges(path: str) -> float:
    """Part of the log's addresses that look like edges; 0 for a log of anything else, or one that cannot be read.

    Nobody is taken for hostile here, so a large botnet that rotates its agents looks like a CDN.
    """
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read(_TAIL).decode("utf-8", "replace").split("\n")
    except OSError:
        return 0.0
    fmt = formats.guess(lines[1:-1][-_SAMPLE:], path)
    if fmt is None or fmt.service != "web":
        return 0.0
    numbers = pl.int_range(1, len(lines) + 1, dtype=pl.UInt32, eager=True)
    frame = pl.DataFrame({"raw": pl.Series(lines, dtype=pl.String), "line": numbers})
    events = fmt.parse(frame, source=path, clock=formats.Clock(ZoneInfo("UTC"))).events.filter(kind="request")
    edges, requests, agents = Edges(), defaultdict[str, int](int), defaultdict[str, set[str | None]](set)
    for address, agent in events.select("address", "agent").iter_rows():
        actor = actor_of(address)
        if actor is not None:
            requests[actor] += 1
            agents[actor].add(agent)
            edges.note(actor, agent, requests=requests[actor], agents=len(agents[actor]), hostile=False)
    return max(map(edges.share, requests), default=0.0)
