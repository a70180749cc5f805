"""A rule on the terminal. Its texts come from logs: every character is written out, and none is taken for markup."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fail2ban_ai.reports import digest
from fail2ban_ai.rules.decide import DIGITS, Taken
from fail2ban_ai.rules.feedback import Feedback
from fail2ban_ai.rules.listing import Listed
from fail2ban_ai.rules.matching import Match
from fail2ban_ai.rules.states import Entry
from fail2ban_ai.rules.suggestion import Jail, Line, Step

LINES = 6  # of the cluster, and of those held back
WOULD_BAN = 10
WIDTH = 300  # characters of a line
_STATES = {"pending": "yellow", "live": "green", "shadow": "cyan", "rejected": "red", "retired": "dim"}
_GROUPS = {"ip4": "bold red", "ip6": "bold red", "user": "bold magenta"}
_MATCH = "green"


def rule(console: Console, taken: Taken, state: str, matched: Sequence[tuple[Line, Match | None]]) -> None:
    """Everything an admin needs to judge a rule, but the proof."""
    it = taken.rule
    console.print()
    head = Text()
    head.append(it.name, "bold").append(f"  {it.kind}  ").append(state, _STATES.get(state, ""))
    console.print(head.append(f"  digest {taken.digest[:DIGITS]}"))
    _say(console, it.summary)
    made = f"Suggested {_time(it.created)} from {it.sources} sources in {it.windows} spells of activity"
    _say(console, f"{made}; campaigns {', '.join(it.campaigns[:5]) or 'none'}.", "dim")
    _heading(console, "Regex")
    for regex in taken.filter.failregex:
        _say(console, regex, "bold", indent=2)
    _say(console, jail_words(it.jail), indent=2)
    _matches(console, matched)
    if it.overlap:
        caught = ", ".join(f"{name} {share:.0%}" for name, share in sorted(it.overlap.items()))
        _say(console, f"Of these lines running jails catch already: {caught}.", indent=2)


def jail_words(jail: Jail) -> str:
    """What the jail does, in a sentence."""
    where = ", ".join(jail.logpaths) if jail.backend == "polling" else f"the journal ({jail.journalmatch})"
    count = "1 match bans" if jail.maxretry == 1 else f"{jail.maxretry} matches within {_span(jail.findtime)} ban"
    return f"Reads {where}; {count} an address for {_span(jail.bantime)}, on every port."


def _matches(console: Console, matched: Sequence[tuple[Line, Match | None]]) -> None:
    for name, title in (("cluster", "Lines it was made from"), ("later", "Later lines, held back from that")):
        mine = [(line, match) for line, match in matched if line.set == name]
        if not mine:
            continue
        hits = sum(match is not None for _, match in mine)
        _heading(console, f"{title}: matches {hits} of {len(mine)}")
        # Those it misses are the ones to think about.
        shown = [*[one for one in mine if one[1] is None][: LINES // 2], *[one for one in mine if one[1] is not None]]
        for line, match in shown[:LINES]:
            if match is None:
                console.print(Text("! it misses this one:", "yellow"))
            _indented(console, coloured(line.text, match), 2)


def coloured(text: str, match: Match | None) -> Text:
    """A line with what the regex takes in colour: address and account in their own."""
    styles = ["dim"] * len(text)
    if match is not None:
        styles[match.start : match.end] = [_MATCH] * (match.end - match.start)
        for group, (start, end) in match.groups.items():
            styles[start:end] = [_GROUPS[group]] * (end - start)
    shown = Text(no_wrap=False, overflow="fold")
    at = 0
    for style, run in itertools.groupby(styles[:WIDTH]):
        length = len(list(run))
        shown.append(digest.shown(text[at : at + length]), style)
        at += length
    if len(text) > WIDTH:
        shown.append(f" … ({len(text)} characters)", "dim")
    return shown


def proof(console: Console, steps: Iterable[Step], title: str) -> None:
    """The table of the proof."""
    steps = list(steps)
    _heading(console, title if steps else f"{title}: none yet")
    table = Table(box=None, show_header=False, padding=(0, 1))
    for step in steps:
        outcome = Text("holds", "green") if step.ok else Text("FAILS", "bold red")
        table.add_row("", outcome, Text(digest.shown(step.name)), Text(digest.shown(step.detail)))
    if steps:
        console.print(table)


def would_ban(console: Console, taken: Taken) -> None:
    """Whom the rule would have banned, and when."""
    listed = taken.rule.would_ban
    whom = "nobody" if not listed else "1 address" if len(listed) == 1 else f"{len(listed)} addresses"
    _heading(console, f"It would have banned {whom}")
    for one in listed[:WOULD_BAN]:
        _say(console, f"{_time(one.at)}  {one.address}  {one.line[:WIDTH]}", indent=2)
    if len(listed) > WOULD_BAN:
        _say(console, f"and {len(listed) - WOULD_BAN} more; --json lists them", "dim", indent=2)


def evidence(console: Console, taken: Taken) -> None:
    """The page of evidence, as plain text: it may quote logs."""
    _heading(console, "Evidence")
    text = (taken.folder / "evidence.md").read_text("utf-8", "replace")
    for line in text.splitlines()[:200]:
        _say(console, line.expandtabs()[:WIDTH], indent=2)


def table(console: Console, listed: Sequence[Listed], told: Feedback) -> None:
    """The rules with their states and figures."""
    grid = Table(box=None, header_style="bold")
    for heading in ("rule", "state", "proof", "matches", "bans", "spared", "false", "last match (UTC)"):
        numbers = heading in ("matches", "bans", "spared", "false")
        grid.add_column(heading, justify="right" if numbers else "left", no_wrap=heading != "proof", min_width=5)
    for one in listed:
        seen = told.rules.get(one.name)
        figures = (str(seen.matches), str(seen.bans), str(seen.spared), str(len(seen.false))) if seen else ("",) * 4
        last = _time(seen.last_match) if seen and seen.last_match else ""
        state = Text(one.state, _STATES.get(one.state, "")).append(" (newer form)" if one.newer else "", "yellow")
        grid.add_row(Text(one.name), state, Text(proof_words(one)), *figures, last)
    console.print(grid)
    for name, seen in sorted(told.rules.items()):
        if seen.retire:
            why = digest.shown(seen.retire)
            console.print(Text(f"Retire {name}? {why}: fail2ban-ai review retire {name}", "yellow"))
    if told.idle:
        console.print(Text(f"Rules ban nobody now: {digest.shown(told.idle)}.", "yellow"))
    if told.trouble:
        console.print(Text(f"Figures are not complete: {digest.shown(told.trouble)}", "yellow"))
    share = told.share
    if share.campaigns or share.banned_by_rules:
        part = f" ({share.by_rules / share.campaigns:.0%})" if share.campaigns else ""
        console.print(
            f"Last {share.days} days: rules caught {share.by_rules} of {share.campaigns} campaigns{part} before the AI "
            f"did; addresses banned: {share.banned_by_rules} by rules, {share.banned_by_ai} by the AI jails."
        )


def proof_words(one: Listed) -> str:
    """How the suggestion says its proof went, in a word or two."""
    if one.rule is None:
        return digest.shown(one.trouble)[:120]
    failed = [step.name for step in one.rule.proof if not step.ok]
    if failed:
        return f"fails {digest.shown(', '.join(failed))}"
    return "holds" if one.rule.proved else "none"


def _heading(console: Console, text: str) -> None:
    console.print(Text(text, "underline"))


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    _indented(console, Text(digest.shown(text), style, overflow="fold"), indent)


def _indented(console: Console, text: Text, indent: int) -> None:
    """At a terminal what is wrapped stays indented; elsewhere a line stays one line."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        console.print(Text(" " * indent).append_text(text), soft_wrap=True)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _span(seconds: int) -> str:
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            return f"{seconds // unit} {name}{'s' if seconds != unit else ''}"
    return str(timedelta(seconds=seconds))


def history(console: Console, entries: Sequence[Entry]) -> None:
    """What was decided, by whom, when and why."""
    if entries:
        _heading(console, "Decisions")
    for entry in entries:
        why = f": {entry.why}" if entry.why else ""
        _say(console, f"{_time(entry.at)} UTC  {entry.state} by {entry.by}{why}", indent=2)
