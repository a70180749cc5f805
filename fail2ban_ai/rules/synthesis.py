"""From a cluster to a draft: regexes made of its earlier lines, and the lines that they are measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

from fail2ban_ai.rules import safe, syslog, web
from fail2ban_ai.rules.clusters import Cluster
from fail2ban_ai.rules.forms import Form
from fail2ban_ai.rules.material import Row, Unit
from fail2ban_ai.rules.pieces import Piece

LINES = 12  # regexes of one filter


@dataclass(slots=True)
class Draft:
    """Regexes of a cluster. `units` are those that the regexes are made of; rarer ones may have been left out."""

    cluster: Cluster
    units: list[Unit]
    forms: list[Form]
    early: list[Row]
    later: list[Row]
    left_out: int


def draft(cluster: Cluster) -> Draft | str:
    """The draft of a cluster, or the reason why there is none.

    Raises:
        RuleError: a regex came out that is not of the language of `safe`: a defect of ours.
    """
    usable = [unit for unit in cluster.units if cluster.rows(unit, later=False)]
    kept, forms = _made(cluster, usable)
    total = len(usable)
    while len(forms) > LINES:
        usable = kept[: max(1, len(kept) * 9 // 10)]
        kept, forms = _made(cluster, usable)
    if not forms:
        return (
            "its lines have too little in common for a tight pattern, or their log is laid out as no template expects"
        )
    for form in forms:
        safe.check(form.regex)
    early = [row for unit in kept for row in cluster.rows(unit, later=False)]
    later = [row for unit in kept for row in cluster.rows(unit, later=True)]
    key = _by_time
    return Draft(cluster, kept, forms, sorted(early, key=key), sorted(later, key=key), total - len(kept))


def _by_time(row: Row) -> tuple[float, str, int]:
    return row.time, row.source, row.line


def _made(cluster: Cluster, units: Sequence[Unit]) -> tuple[list[Unit], list[Form]]:
    """The units that can be written, and the regexes for them."""
    rows = {unit.key: cluster.rows(unit, later=False) for unit in units}
    every = [row for unit in units for row in rows[unit.key]]
    if cluster.kind == "account":
        forms = syslog.by_account(every)
        return list(units), forms
    if cluster.kind == "message":
        return list(units), syslog.by_message(every)
    frame = web.usual(every)
    if frame is None:
        return [], []
    if cluster.kind == "agent":
        agents: list[Piece] = []
        kept = []
        for unit in units:
            made = web.alternatives(list(dict.fromkeys(row.agent or "" for row in rows[unit.key])), '"')
            if made is not None:
                agents += made
                kept.append(unit)
        return kept, web.by_agent(agents, frame)
    families = [(unit, made) for unit in units if (made := web.family(rows[unit.key])) is not None]
    return [unit for unit, _ in families], web.by_target([made for _, made in families], frame)
