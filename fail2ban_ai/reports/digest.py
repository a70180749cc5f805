"""What every report says in the same way: which findings come first, who caught whom, and the words for a decision."""

import ipaddress
import re
from dataclasses import dataclass

from fail2ban_ai.addresses import actor_of
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.reports.schema import Campaign, Report

TEXT = 500  # characters of one value that are shown
QUOTED = re.compile(r'"(?:[^"\\]|\\.)+"')  # a value of the log in a sentence of explain
_WORST = tuple(reversed(SEVERITIES))


def acted(campaign: Campaign) -> bool:
    """Whether anything of it is banned or was refused by the gate; the others are only watched."""
    return any(a.decision != "watch" for a in campaign.actors) or any(n.decision != "watch" for n in campaign.networks)


def worst_first(campaigns: list[Campaign]) -> list[Campaign]:
    """By severity, confidence and time."""
    return sorted(campaigns, key=lambda c: (_WORST.index(c.severity), -c.confidence, c.first_seen, c.id))


def shown(text: str) -> str:
    """`text` with control, format and bidirectional characters and odd spaces written out (\\x1b, \\u202e)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def plain(text: str, limit: int = TEXT) -> str:
    """`shown`, cut to `limit` characters with an ellipsis."""
    told = shown(text[: limit + 1])
    return told if len(told) <= limit else told[: limit - 1] + "…"


def name_of(kind: str) -> str:
    """A kind of campaign in words: "slow scan"."""
    return kind.replace("_", " ")


def decided(decision: str, mode: str) -> str:
    """A decision in words."""
    if decision == "ban":
        return "ban" if mode == "enforce" else "would ban"
    return {"watch": "watched", "refused": "spared"}[decision]


def counted(number: int, noun: str) -> str:
    """ "1 address", "2,950 addresses"."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def further(number: int, noun: str) -> str:
    """ "1 more address", "2,950 more addresses"."""
    return counted(number, noun).replace(" ", " more ", 1)


@dataclass(frozen=True, slots=True)
class Shares:
    """How many addresses (IPv6: /64s) are banned by whom."""

    ours: int  # by fail2ban-ai alone
    both: int
    theirs: int  # by fail2ban alone

    @property
    def total(self) -> int:
        """All of them."""
        return self.ours + self.both + self.theirs


def shares(report: Report) -> Shares | None:
    """Who bans whom on the same lines; None where it is not known what fail2ban does with them."""
    if report.fail2ban.how == "none":
        return None
    theirs = {actor for ban in report.fail2ban.banned if (actor := actor_of(ban.address)) is not None}
    ours = {a.address for c in report.campaigns for a in c.actors if a.decision == "ban"}
    networks = [ipaddress.ip_network(n.cidr) for c in report.campaigns for n in c.networks if n.decision == "ban"]
    for actor in theirs - ours:
        mine = ipaddress.ip_network(actor)
        if any(mine.version == net.version and mine.overlaps(net) for net in networks):
            ours.add(actor)
    return Shares(len(ours - theirs), len(ours & theirs), len(theirs - ours))


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures at the top of a report."""

    acted: int  # campaigns with a ban or a refusal
    watched: int  # other campaigns
    addresses: int  # to be banned
    networks: int  # to be banned
    spared: int  # targets that the gate refused
    by_severity: dict[str, int]  # of the campaigns acted on, worst first, without those of none


def counts(report: Report) -> Counts:
    """The figures of a report."""
    told = [c for c in report.campaigns if acted(c)]
    severities = {s: sum(c.severity == s for c in told) for s in _WORST}
    return Counts(
        acted=len(told),
        watched=len(report.campaigns) - len(told),
        addresses=len({a.address for c in told for a in c.actors if a.decision == "ban"}),
        networks=len({n.cidr for c in told for n in c.networks if n.decision == "ban"}),
        spared=len({d.target for d in report.decisions if d.action == "refused"}),
        by_severity={s: n for s, n in severities.items() if n},
    )


def headline(report: Report) -> str:
    """One sentence on the whole report."""
    found = counts(report)
    if not report.lines.read:
        return "Nothing was read."
    if not found.acted:
        watched = f" {counted(found.watched, 'weaker finding')} watched." if found.watched else ""
        return f"Nothing was found that asks for a ban.{watched}"
    severities = ", ".join(f"{n} {s}" for s, n in found.by_severity.items())
    targets = counted(found.addresses, "address")
    if found.networks:
        targets += f" and {counted(found.networks, 'network')}"
    word = "to be banned" if report.mode == "enforce" else "would be banned"
    return f"{counted(found.acted, 'campaign')} found ({severities}); {targets} {word}."
