"""The words of a suggestion: the filter's comments and the page for the admin. Templates only; log text is escaped."""

from datetime import UTC, datetime

from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.redact import redact
from fail2ban_ai.rules.material import Material
from fail2ban_ai.rules.services import SERVICES
from fail2ban_ai.rules.suggestion import Suggestion
from fail2ban_ai.rules.synthesis import Draft

_SHOWN = 12  # lines and bans on the page
_TITLES = {
    "paths": "requests for paths that only scanners ask for",
    "payload": "requests that carry a probe in their parameters",
    "agent": "requests by an attack tool's user agent",
    "message": "connections that break the protocol",
    "account": "log-ins with accounts that do not exist",
}
_WHAT = {
    "paths": "asked for {values}",
    "payload": "sent {values}",
    "agent": "gave the user agent {values}",
    "message": 'caused "{values}"',
    "account": "tried to log in as {values}",
}


def sentences(made: Draft) -> tuple[str, str, list[str]]:
    """Title, purpose and developer's notes of the filter, without any address."""
    cluster = made.cluster
    sources = len(set().union(*(unit.sources for unit in made.units)))
    spells = max(unit.spells for unit in made.units)
    did = _WHAT[cluster.kind].format(values=_values(made))
    lines = sum(unit.lines for unit in made.units)
    purpose = (
        f"{_count(sources, 'address', 'addresses')} {did}: {_count(lines, 'line')} in "
        f"{_count(spells, 'spell')} of activity. No client judged benign did so."
    )
    notes = []
    if cluster.kind == "account":
        notes.append(
            "Only accounts that do not exist here or that nobody logged in to are listed; the jail bans at the first "
            "line and not for long."
        )
    if made.left_out:
        notes.append(f"{_count(len(made.left_out), 'rarer value has', 'rarer values have')} no room in this filter.")
    return f"{SERVICES[cluster.service].title}: {_TITLES[cluster.kind]}", purpose, notes


def _values(made: Draft) -> str:
    values: dict[str, None] = {}  # the same path may be asked for by two methods
    for unit in made.units:
        row = unit.rows[0]
        value = {"paths": row.target, "agent": row.agent, "account": row.account}.get(unit.key[0]) or unit.key[2]
        values[clean(value, 60)] = None
    more = len(values) - 3
    return ", ".join(list(values)[:3]) + (f" and {more} more" if more > 0 else "")


def page(rule: Suggestion, made: Draft, material: Material) -> str:
    """The page of evidence, Markdown."""
    out = [f"# {rule.name}", "", rule.summary, "", "## Regexes", ""]
    out += [f"    {regex}" for regex in rule.failregex]
    out += ["", "## Proof", "", "| step | outcome | |", "| --- | --- | --- |"]
    out += [f"| {s.name} | {'holds' if s.ok else '**fails**'} | {_cell(s.detail)} |" for s in rule.proof]
    if not rule.proved:
        out += ["", "A step failed, so this rule is not offered for installation."]
    out += ["", "## Jails that catch these lines already", ""]
    out += [f"- {jail}: {share:.0%} of the lines" for jail, share in sorted(rule.overlap.items())] or ["None."]
    out += ["", "## Campaigns", ""]
    for campaign in rule.campaigns[:_SHOWN]:
        mine = made.cluster.campaigns.get(campaign, 0)
        out.append(f"- {campaign}: {mine} of {material.campaigns.get(campaign, mine)} lines of its banned addresses")
    if len(rule.campaigns) > _SHOWN:
        out.append(f"- and {len(rule.campaigns) - _SHOWN} more")
    out += ["", "## Lines", ""]
    step = max(1, len(made.early) // _SHOWN)
    out += [f"    {clean(redact(row.text), 300)}" for row in made.early[::step][:_SHOWN]]
    jail = rule.jail
    out += ["", "## What it would have banned", ""]
    out.append(f"With maxretry {jail.maxretry}, findtime {jail.findtime} s and bantime {jail.bantime} s:")
    out += ["", "| address | when (UTC) | line |", "| --- | --- | --- |"]
    for ban in rule.would_ban[:_SHOWN]:
        when = datetime.fromtimestamp(ban.at, UTC)
        out.append(f"| {ban.address} | {when:%Y-%m-%d %H:%M:%S} | {_cell(ban.line[:160])} |")
    if len(rule.would_ban) > _SHOWN:
        out += ["", f"and {len(rule.would_ban) - _SHOWN} more bans."]
    return "\n".join(out) + "\n"


def _cell(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
