"""From a cluster to a draft: regexes made of its earlier lines, and the lines that they are measured on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fail2ban_ai.rules import benign, safe, syslog, web
from fail2ban_ai.rules.clusters import Cluster
from fail2ban_ai.rules.forms import Form
from fail2ban_ai.rules.material import Row, Unit
from fail2ban_ai.rules.pieces import Piece

LINES = 12  # regexes of one filter
RULES = 4  # of one cluster
LEAST = 3  # units left over that are worth another rule


@dataclass(slots=True)
class Draft:
    """Regexes of a cluster. `units` are those that the regexes are made of; rarer ones may have been left out."""

    cluster: Cluster
    units: list[Unit]
    forms: list[Form]
    early: list[Row]
    later: list[Row]
    left_out: list[Unit]  # for which there was no room


def draft(cluster: Cluster) -> Draft | str:
    """The draft of a cluster, or the reason why there is none.

    Raises:
        RuleError: a regex came out that is not of the language of `safe`: a defect of ours.
    """
    writable, forms = _made(cluster, [unit for unit in cluster.units if cluster.rows(unit, later=False)])
    kept = writable
    while len(forms) > LINES:
        kept, forms = _made(cluster, kept[: max(1, len(kept) * 9 // 10)])
    left_out = writable[len(kept) :]
    kept, forms = _honest(cluster, kept, forms)
    if writable and not kept:
        return "honest clients of other sites do the same"
    if not forms:
        return "its lines have too little in common for a tight pattern, or no template knows the layout of their log"
    for form in forms:
        safe.check(form.regex)
    early = [row for unit in kept for row in cluster.rows(unit, later=False)]
    later = [row for unit in kept for row in cluster.rows(unit, later=True)]
    key = _by_time
    return Draft(cluster, kept, forms, sorted(early, key=key), sorted(later, key=key), left_out)


def drafts(cluster: Cluster) -> tuple[list[Draft], str | None]:
    """As many drafts as it takes to give every unit room, at most RULES; or the reason why there is none at all."""
    found: list[Draft] = []
    rest = cluster
    for _ in range(RULES):
        made = draft(rest)
        if isinstance(made, str):
            return found, None if found else made
        found.append(made)
        if len(made.left_out) < LEAST:
            break
        rest = replace(cluster, units=made.left_out)
    return found, None


def _honest(cluster: Cluster, units: list[Unit], forms: list[Form]) -> tuple[list[Unit], list[Form]]:
    """Without the units whose pattern matches a shipped line of an honest client."""
    if not forms:
        return units, forms
    tried = benign.series(cluster.service, units[0].rows[0].text)
    dated = cluster.service == "web"

    def hit(some: Sequence[Form]) -> bool:
        return bool(some) and tried.str.contains(safe.nearby([form.regex for form in some], dated=dated)).any()

    if not hit(forms):
        return units, forms
    return _made(cluster, [unit for unit in units if not hit(_made(cluster, [unit])[1])])


def _by_time(row: Row) -> tuple[float, str, int]:
    return row.time, row.source, row.line


def _made(cluster: Cluster, units: Sequence[Unit]) -> tuple[list[Unit], list[Form]]:
    """The units that can be written, and the regexes for them."""
    rows = {unit.key: cluster.rows(unit, later=False) for unit in units}
    every = [row for unit in units for row in rows[unit.key]]
    if cluster.kind == "account":
        return list(units), syslog.by_account(every, cluster.service)
    if cluster.kind == "message":
        return list(units), syslog.by_message(every, cluster.service)
    frames = web.layouts(every)
    if cluster.kind == "agent":
        agents: list[Piece] = []
        kept = []
        for unit in units:
            pieces = web.alternatives(list(dict.fromkeys(row.agent or "" for row in rows[unit.key])), '"')
            if pieces is not None:
                agents += pieces
                kept.append(unit)
        return kept, [form for frame in frames for form in web.by_agent(agents, frame)]
    families = [(unit, made) for unit in units if (made := web.family(rows[unit.key])) is not None]
    forms = []
    for frame in frames:
        mine = [made for unit, made in families if any(web.layout(row) == frame for row in rows[unit.key])]
        forms += web.by_target(mine, frame)
    return [unit for unit, _ in families], forms
