"""Regexes for access logs: what is asked for, or by which agent, in the frame that the log's lines have."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fail2ban_ai.addresses import normal
from fail2ban_ai.rules.align import template
from fail2ban_ai.rules.escape import is_plain, literal
from fail2ban_ai.rules.forms import ADDRESS, VICTIM, WEB_DATE, Form, Sample
from fail2ban_ai.rules.material import Row
from fail2ban_ai.rules.pieces import Piece, either, exact, gap, join

LENGTH = 155  # characters of a regex that alternatives are packed into
_LONG = 90  # characters of a target that stay literal
_EXACT = 8  # distinct targets of a unit that stand as alternatives where they have no template
_NAME = 3  # letters and digits that a segment with a gap must keep, its extension aside
_EXAMPLES = 2  # sample lines of one regex
_LAYOUTS = 3  # of one log
_LAYOUT = 0.03  # of the lines that earn a layout regexes of its own

_DATE = re.compile(r"\[[^\]]{1,80}\]")
_AFTER = re.compile(r'(?P<status>\d{3}) (?P<bytes>[\d-]+)(?P<more> ".*)?$')
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True, slots=True)
class Layout:
    """How lines of one log look around the request: words before the address, words up to the date, after it."""

    before: int
    between: int
    combined: bool  # referer and agent follow

    def head(self) -> Piece:
        """Everything before the request."""
        words = [Piece(r"\S{1,255}", "example.org:80")] * self.before + [Piece("<ADDR>", ADDRESS)]
        words += [Piece(r"\S{1,64}", "-")] * self.between + [Piece(r"\[\]", f"[{WEB_DATE}]")]
        return Piece(" ".join(word.regex for word in words) + " ", " ".join(word.example for word in words) + " ")


def layout(row: Row) -> Layout | None:
    """The layout of a line; None for one that is no common or combined line."""
    head, quote, _ = row.text.partition('"')
    words = _DATE.sub("[]", head, count=1).split(" ")
    if not quote or words[-2:] != ["[]", ""] or words.count("[]") != 1 or "" in words[:-1]:
        return None
    at = [index for index, word in enumerate(words) if normal(word) == row.address]
    if not at or at[-1] > 1:
        return None
    after = _AFTER.search(row.text[len(head) + 1 :]) if not row.cut else None
    combined = row.cut or (after is not None and after["more"] is not None)
    return Layout(at[-1], len(words) - 3 - at[-1], combined)


def layouts(rows: Iterable[Row]) -> list[Layout]:
    """The layouts that lines have, the usual one first: a server's configuration changes over the years."""
    counted = Counter(found for row in rows if (found := layout(row)) is not None)
    least = _LAYOUT * sum(counted.values())
    return [frame for frame, count in counted.most_common(_LAYOUTS) if count >= least]


@dataclass(frozen=True, slots=True)
class Family:
    """Targets that belong together: alternatives of a regex, and what is needed of the lines."""

    method: str | None
    statuses: str  # first digits, sorted
    pieces: tuple[Piece, ...]  # alternatives
    mozilla: bool  # every agent begins with Mozilla/


def family(rows: Sequence[Row]) -> Family | None:
    """The family of a unit's lines; None where its targets cannot be written as a tight pattern."""
    targets = list(dict.fromkeys(row.target or "" for row in rows))
    pieces = alternatives(targets, " " if rows[0].method else '"')
    if pieces is None:
        return None
    statuses = "".join(sorted({str(row.status)[0] for row in rows if row.status is not None}))
    mozilla = all((row.agent or "").startswith("Mozilla/") for row in rows)
    return Family(rows[0].method, statuses, tuple(pieces), mozilla) if statuses else None


def alternatives(targets: Sequence[str], following: str) -> list[Piece] | None:
    """Pieces for targets of one unit."""
    if len(targets) > 1:
        made = template(targets, following)
        made = made if made is not None and _names_all(made) else _by_value(targets, following)
        if made is not None and (following == '"' or _named(targets)):
            return [join(made)]
        if len(targets) > _EXACT:
            return None
    pieces = []
    for target in targets:
        if not target or not is_plain(target) or following in target:
            return None
        if len(target) <= _LONG:
            pieces.append(exact(target))
            continue
        rest = gap([target[_LONG:]], following)
        if rest is None:
            return None
        pieces.append(join([exact(target[:_LONG]), rest]))
    return pieces


def _names_all(pieces: Sequence[Piece]) -> bool:
    """Whether each gap in the path leaves its segment a name: "/[a-z]{1,9}/index.php" would be anybody's."""
    text = "".join("\0" if _is_gap(piece) else piece.example for piece in pieces).partition("?")[0]
    return all(
        len(re.findall(r"[A-Za-z\d]", segment.rpartition(".")[0] or segment)) >= _NAME
        for segment in text.split("/")
        if "\0" in segment
    )


def _named(targets: Sequence[str]) -> bool:
    """Whether the path names something: parameters that vary on a home page, "/?id=…", may be anybody's."""
    return all(len(re.findall(r"[A-Za-z\d]", target.partition("?")[0])) >= _NAME for target in targets)


def _is_gap(piece: Piece) -> bool:
    return piece.regex != literal(piece.example)


_PARTS = re.compile(r"([?&=])")


def _by_value(targets: Sequence[str], following: str) -> list[Piece] | None:
    """A pattern for targets of the same path and parameters: values that differ become gaps."""
    split = [_PARTS.split(target) for target in targets]
    if len({len(each) for each in split}) != 1 or len(split[0]) == 1:
        return None
    pieces: list[Piece] = []
    for number, column in enumerate(zip(*split, strict=True)):
        values = set(column)
        if len(values) == 1:
            if not is_plain(column[0]):
                return None
            pieces += [exact(column[0])] if column[0] else []
            continue
        after = split[0][number + 1] if number + 1 < len(split[0]) else following
        made = gap(values, after) if number and split[0][number - 1] == "=" else None
        if made is None:
            return None
        pieces.append(made)
    return pieces


def by_target(families: Sequence[Family], frame: Layout) -> list[Form]:
    """Regexes for what is asked for, the first families first."""
    groups: dict[tuple[str | None, str, bool], list[Piece]] = {}
    for each in _apart(families):
        mozilla = each.mozilla and "2" in each.statuses and frame.combined
        groups.setdefault((each.method, each.statuses, mozilla), []).extend(each.pieces)
    forms: list[Form] = []
    for (method, statuses, mozilla), pieces in groups.items():
        for packed in _packed(pieces, len(_target_regex(method, statuses, mozilla, frame, exact("")).regex)):
            made = _target_regex(method, statuses, mozilla, frame, either(packed))
            lines = [_target_regex(method, statuses, mozilla, frame, one).example for one in packed[:_EXAMPLES]]
            forms.append(_form(made.regex, lines, frame))
    return forms


def _apart(families: Sequence[Family]) -> list[Family]:
    """Families of one alternative each, without those that another one matches: a line shall match one regex only."""
    single = [replace(each, pieces=(piece,)) for each in families for piece in each.pieces]
    found: list[Family] = []
    for each in sorted(single, key=lambda family: family.pieces[0].regex == literal(family.pieces[0].example)):
        for at, other in enumerate(found):
            if other.method == each.method and (_covers(other, each) or _covers(each, other)):
                wider = other if _covers(other, each) else each
                both = "".join(sorted({*other.statuses, *each.statuses}))
                found[at] = replace(wider, statuses=both, mozilla=other.mozilla and each.mozilla)
                break
        else:
            found.append(each)
    return found


def _covers(one: Family, other: Family) -> bool:
    return re.fullmatch(one.pieces[0].regex, other.pieces[0].example) is not None


def _target_regex(method: str | None, statuses: str, mozilla: bool, frame: Layout, what: Piece) -> Piece:
    digit = statuses if len(statuses) == 1 else f"[{statuses}]"
    request = [exact('"' + (f"{method} " if method else "")), what]
    request += [Piece(r" HTTP/\d\.\d", " HTTP/1.1")] if method else []
    status = Piece(rf'" {digit}\d\d [\d-]{{1,12}}', f'" {statuses[-1]}00 153')
    if mozilla:
        tail = Piece(r' "[^"]{0,400}" "Mozilla/[^"]{1,600}"$', f' "-" "{_AGENT}"')
    elif frame.combined:
        tail = Piece(r' ".{0,1000}$', f' "-" "{_AGENT}"')
    else:
        tail = Piece("$", "")
    return join([Piece("^", ""), frame.head(), *request, status, tail])


def by_agent(agents: Sequence[Piece], frame: Layout) -> list[Form]:
    """Regexes for agent strings; none where the log has no agents."""
    if not frame.combined:
        return []
    forms = []
    for packed in _packed(agents, len(_agent_regex(frame, exact("")).regex)):
        made = _agent_regex(frame, either(packed))
        lines = [_agent_regex(frame, one).example for one in packed[:_EXAMPLES]]
        forms.append(_form(made.regex, lines, frame))
    return forms


def _agent_regex(frame: Layout, what: Piece) -> Piece:
    request = Piece(r'"[^"]{1,900}" \d{3} [\d-]{1,12} "[^"]{0,400}" "', '"GET / HTTP/1.1" 404 153 "-" "')
    return join([Piece("^", ""), frame.head(), request, what, Piece('"$', '"')])


def _packed(pieces: Sequence[Piece], taken: int) -> Iterator[list[Piece]]:
    """Alternatives in groups that keep a regex below LENGTH where they can."""
    group: list[Piece] = []
    length = taken
    for piece in pieces:
        if group and length + len(piece.regex) + 1 > LENGTH:
            yield group
            group, length = [], taken
        group.append(piece)
        length += len(piece.regex) + 1
    if group:
        yield group


def _form(regex: str, lines: Sequence[str], frame: Layout) -> Form:
    head = frame.head().example
    other = head.replace(ADDRESS, "192.0.2.10")
    line = lines[0]
    # The address of a bystander in whatever a client can write: the path, and in combined logs the agent.
    forged = line.replace(ADDRESS, VICTIM).replace('"', "'")
    negatives = [Sample(f'{other}"GET /search?q={VICTIM} HTTP/1.1" 404 153' + _tail(frame, "-"), False, "an address")]
    if frame.combined:
        negatives.append(
            Sample(f'{other}"GET / HTTP/1.1" 200 153' + _tail(frame, forged), False, "a whole line as the agent")
        )
    return Form(regex, tuple(Sample(each, True) for each in lines), tuple(negatives))


def _tail(frame: Layout, agent: str) -> str:
    return f' "-" "{agent}"' if frame.combined else ""
