"""Words for a campaign, from templates. Nothing is ever generated from a log: its values are quoted, escaped and cut.

Every sentence says only what the campaign's record holds, so that an admin can check it against the evidence lines.
"""

from fail2ban_ai.campaigns.quoting import quote
from fail2ban_ai.findings import Campaign

SUMMARY_LIMIT = 400  # characters
REASON_LIMIT = 400
REASONS = 10
RECOMMENDATION_LIMIT = 900
NAMED = 3  # values that a sentence names

_ATTACKS = {  # model.labels.ATTACKS
    "sqli": "SQL injection",
    "xss": "cross-site scripting",
    "traversal": "path traversal",
    "rce": "remote code execution",
    "secret": "files that should not be public",
    "webshell": "web shells",
    "scan": "log-in pages and admin panels",
    "other": "other attacks",
}

_SUMMARIES = {
    "slow_scan": "{who} looked for {paths}{also}, slowly: {events} in {span}, {pace}.",
    "scan": "{who} looked for {paths}{also}: {events} in {span}.",
    "credential_stuffing": "{who} tried to log in {where}: {events} in {span}, {pace}.",
    "brute_force": "{who} kept guessing passwords {where}: {events} in {span}.",
    "injection": "{who} tried {attacks} on {paths}: {events} in {span}.",
    "exploit_probe": "{who} probed for known holes at {paths}: {events} in {span}.",
    "scraping": "{who} collected the site's content by machine: {events} in {span}.",
    "flood": "{who} sent more requests than any visitor needs: {events} in {span}.",
    "traffic_anomaly": "{who} caused traffic that the history of the service does not explain: {events} in {span}.",
    "compromise": "{who} logged in {breached} after an attack: {events} in {span}.",
}

_FEW = 5  # failed log-ins below which nobody is said to guess
_SUMMARY_OF_FEW = "{who} failed to log in {where}: {events}{over}."

_ADVICE = {
    "slow_scan": "Ban the source for days rather than minutes: it waits out short bans.",
    "scan": "Ban the source. Make sure that none of the pages it found is open to everybody.",
    "credential_stuffing": "Ban the sources.",
    "brute_force": "Ban the source.",
    "injection": "Ban the source.",
    "exploit_probe": "Ban the source, and check that the software behind these paths is absent or up to date.",
    "scraping": "Limit the rate of the source before banning it: some collectors are welcome.",
    "flood": "Limit or ban the sources.",
    "traffic_anomaly": "Look at the top sources before doing anything: a ban needs more evidence than volume.",
    "compromise": "Ban the sources and end every session that they opened.",
}

_GUESSING = ("credential_stuffing", "brute_force", "compromise")


def summary(campaign: Campaign) -> str:
    """One sentence: who did what, how often, over which time. At most SUMMARY_LIMIT characters."""
    few = campaign.kind == "brute_force" and campaign.events < _FEW
    lasted = span(campaign.last_seen - campaign.first_seen)
    text = (_SUMMARY_OF_FEW if few else _SUMMARIES[campaign.kind]).format(
        who=_who(campaign),
        paths=_paths(campaign),
        also=_also(campaign),
        where=_where(campaign),
        attacks=_attacks(campaign) or "injections",
        breached=_breached(campaign),
        events=_count(campaign.events, "event"),
        span=lasted,
        over=f" in {lasted}" if campaign.events > 1 else "",
        pace=_pace(campaign),
    )
    return _cut(text[0].upper() + text[1:], SUMMARY_LIMIT)


def reasons(campaign: Campaign) -> list[str]:
    """Why this is hostile and why it is one campaign, the strongest first: at most REASONS sentences."""
    told: list[str] = []
    if campaign.breached:
        told.append(f"A member logged in {_breached(campaign)} after failing, and had no successful log-in before.")
    if campaign.broke:
        told.append(f"{_some(campaign.broke)} answered these attacks with server errors, having worked before.")
    if campaign.attacks:
        told.append(f"The model sees attempts at {_attacks(campaign)} in the requests.")
    surest = max(campaign.members.values(), key=lambda m: (m.score, m.actor), default=None)
    if surest is not None:
        told.append(f"{surest.actor}: {surest.reason}.")
    many = len(campaign.members) > 1
    told += [f"Linked by {link}." for link in campaign.links if many]
    told += [f"{n.cidr}: {n.hostile_seen} hostile actors seen, {n.benign_seen} others." for n in campaign.networks]
    if len(campaign.services) > 1:
        whose = "The same addresses show" if many else "The same address shows"
        told.append(f"{whose} up in {_join(sorted(campaign.services))}, which no jail sees together.")
    return [_cut(text[0].upper() + text[1:], REASON_LIMIT) for text in told[:REASONS]]


def recommendation(campaign: Campaign) -> str:
    """What to do about it, the most urgent first. At most RECOMMENDATION_LIMIT characters."""
    told: list[str] = []
    accounts = [t for t in campaign.targets if not t.startswith("/")]
    if campaign.breached:
        names = _some(campaign.breached)
        told.append(f"Change the password of {names} now, end its sessions and see what was done with it.")
    if campaign.broke:
        told.append(f"Look at {_some(campaign.broke)}: it began to answer attacks with server errors.")
    if sum(n.hostile_seen for n in campaign.networks) < len(campaign.members):
        told.append(_ADVICE[campaign.kind])
    if campaign.networks:
        nets = _join([n.cidr for n in campaign.networks[:NAMED]])
        each = "it" if len(campaign.networks) == 1 else "them"
        told.append(f"Ban {nets} as a whole: nobody else was seen in {each}.")
    if campaign.kind in _GUESSING and 0 < len(accounts) <= NAMED:
        told.append(f"Ask for a second factor for {_some(accounts)}.")
    elif campaign.kind in _GUESSING:
        told.append("Allow log-ins by key or with a second factor only, where that is possible.")
    return _cut(" ".join(told), RECOMMENDATION_LIMIT)


def span(seconds: float) -> str:
    """A duration in words: "40 seconds", "12 minutes", "5 h 20 min", "3 days"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return _count(max(1, round(seconds)), "second")
    if minutes < 90:
        return _count(minutes, "minute")
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return _count(round(minutes / 1440), "day")


def _who(campaign: Campaign) -> str:
    members = sorted(campaign.members)
    if not members:
        return "actors that are no longer remembered"
    if len(members) == 1:
        return members[0]
    if len(campaign.networks) == 1 and campaign.networks[0].hostile_seen == len(members):
        return f"{len(members)} addresses of {campaign.networks[0].cidr}"
    return f"{len(members)} addresses"


def _paths(campaign: Campaign) -> str:
    paths = [t for t in campaign.targets if t.startswith("/")]
    return _some(paths) if paths else "pages"


def _where(campaign: Campaign) -> str:
    accounts = [t for t in campaign.targets if not t.startswith("/")]
    services = _join(sorted(campaign.services))
    if accounts:
        return f"as {_some(accounts)} ({services})"
    return f"at {_paths(campaign)}"


def _also(campaign: Campaign) -> str:
    """What a scan tried besides paths."""
    accounts = [t for t in campaign.targets if not t.startswith("/")]
    return f" and tried to log in as {_some(accounts)}" if accounts else ""


def _breached(campaign: Campaign) -> str:
    forms = all(b.startswith("/") for b in campaign.breached)
    return f"{'at' if forms else 'as'} {_some(campaign.breached)}" if campaign.breached else "to an account"


def _attacks(campaign: Campaign) -> str:
    """The classes of attack, in words of our own: none of it is from a log."""
    return _join([_ATTACKS.get(a, a) for a in sorted(campaign.attacks)])


def _pace(campaign: Campaign) -> str:
    """Events per address, or, of a single address, how long it waits between two."""
    if len(campaign.members) > 1:
        most = max(m.events for m in campaign.members.values())
        return f"none of them more than {most}" if most > 1 else "once each"
    gap = (campaign.last_seen - campaign.first_seen) / max(1, campaign.events - 1)
    return f"{span(gap)} apart on average"


def _some(values: list[str]) -> str:
    rest = len(values) - NAMED
    names = [quote(v) for v in values[:NAMED]]
    return _join(names if rest <= 0 else [*names, f"{rest} more"])


def _join(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
