"""Regexes for what services write to syslog: a form of message, with the accounts tried or without."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonpath

from fail2ban_ai.addresses import normal
from fail2ban_ai.rules.align import template
from fail2ban_ai.rules.escape import is_plain
from fail2ban_ai.rules.forms import ADDRESS, HOST, SYSLOG_DATE, VICTIM, Form, Sample
from fail2ban_ai.rules.material import Row
from fail2ban_ai.rules.pieces import Piece, either, exact, gap, join
from fail2ban_ai.rules.safe import PREFIX
from fail2ban_ai.rules.services import SERVICES, head_of

LENGTH = 155
_ACCOUNT = 64  # characters
_PROGRAM = re.compile(r"(?:^|\s)(?P<program>[A-Za-z][\w/.-]{0,60}(?:\(\S{1,60}\))?)(?:\[\d{1,10}\])?: (?P<message>.*)$")
_EDGE = re.compile(r"[A-Za-z\d]+$")  # what a shared beginning may share by chance
_WORD = re.compile(r"[0-9A-Fa-f:.]{3,50}")
_SAME = "\x01"  # no log has it in what is_plain lets pass


@dataclass(frozen=True, slots=True)
class Told:
    """A line taken apart: what stands before the first, between, and after the last of account and address.

    program: as syslog has it; in a service's own log what stands between date and message, a blank first. `first` is
    "" and `named` false where the line has no account. account_first: whether the account stands before the address.
    """

    program: str
    first: str
    second: str
    after: str
    named: bool
    account_first: bool = True


def parts(row: Row, service: str) -> Told | None:
    """A line taken apart; None for one that is of another shape, or whose account or address stands there twice."""
    framed = _framed(row.text, service)
    spot = _spot(framed[1], row.address) if framed and not row.cut else None
    if framed is None or spot is None:
        return None
    program, message = framed
    before, after = (_repeated(text, row.address) for text in (message[: spot[0]], message[spot[1] :]))
    if not row.account:
        return Told(program, "", before, after, named=False)
    first = (row.message or "").partition("<user>")[0]  # the account "user" stands after "Invalid user ", not in it
    if "<" not in first and before.startswith(first + row.account):
        return Told(program, first, before[len(first + row.account) :], after, named=True)
    if before.count(row.account) == 1:
        first, _, second = before.partition(row.account)
        return Told(program, first, second, after, named=True)
    words = list(re.finditer(rf"(?<![\w.@-]){re.escape(row.account)}(?![\w@-])", after))
    if row.account in before or len(words) != 1:
        return None
    second, last = after[: words[0].start()], after[words[0].end() :]
    return Told(program, before, second, last, named=True, account_first=False)


def _repeated(text: str, address: str) -> str:
    """The text with _SAME for each repetition of the client's address."""
    return _WORD.sub(lambda found: _SAME if normal(found[0]) == address else found[0], text)


def _framed(text: str, service: str) -> tuple[str, str] | None:
    """(Told.program, message) of a line."""
    own = head_of(service, text)
    if own is not None:
        return own[1], text[len("".join(own)) :]
    found = _PROGRAM.search(text)
    return (found["program"], found["message"]) if found else None


def _spot(message: str, address: str) -> tuple[int, int] | None:
    """Where the address stands: its only place, or the first in brackets, as a service writes a client it looked up."""
    spots = [m.span() for m in _WORD.finditer(message) if normal(m[0]) == address]
    marked = [spot for spot in spots if message[: spot[0]].endswith("[")]
    return spots[0] if len(spots) == 1 else marked[0] if marked else None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What lines of one form have in common."""

    service: str
    program: str
    first: Piece
    second: Piece
    after: Piece
    account_first: bool

    def start(self) -> Piece:
        """What stands before the message, the date left out of the regex."""
        if self.program.startswith(" "):
            words = re.split(r"(\d+)", self.program)
            return join([Piece(r"\d{1,10}", word) if word.isdigit() else exact(word) for word in words if word])
        return Piece(PREFIX, f" {HOST} {self.program}[1234]: ")

    def regex(self, account: Piece | None) -> Piece:
        """The whole regex, and as its example what fail2ban leaves of a line when the date is cut out."""
        address = Piece("<ADDR>", ADDRESS)
        if account is None:
            return join([Piece("^", ""), self.start(), self.first, self.second, address, self.after, Piece("$", "")])
        user = Piece(f"<F-USER>{account.regex}</F-USER>", account.example)
        pair = [user, self.second, address] if self.account_first else [address, self.second, user]
        return join([Piece("^", ""), self.start(), self.first, *pair, self.after, Piece("$", "")])

    def line(self, account: Piece | None) -> str:
        """A whole line."""
        own = self.program.startswith(" ")
        return (SERVICES[self.service].date if own else SYSLOG_DATE) + self.regex(account).example


def _read(rows: Sequence[Row], service: str) -> list[tuple[Row, Told]]:
    """The rows that can be taken apart, those of one shape: of the first one's."""
    read = [(row, told) for row in rows if (told := parts(row, service)) is not None]

    def shape(told: Told) -> tuple[bool, bool, bool]:
        return told.program.startswith(" "), told.named, told.account_first

    return [(row, told) for row, told in read if shape(told) == shape(read[0][1])]


def by_account(rows: Sequence[Row], service: str) -> list[Form]:
    """Regexes for one form of message and the accounts tried in it, those of most lines first."""
    read = _read([row for row in rows if row.account], service)
    names: dict[str, int] = {}
    for row, _ in read:
        name = str(row.account)
        if is_plain(name) and len(name) <= _ACCOUNT:
            names[name] = names.get(name, 0) + 1
    frame = _frame([told for _, told in read], service)
    if frame is None or not names:
        return []
    ordered = sorted(names, key=lambda name: (-names[name], name))
    forms: list[Form] = []
    group: list[str] = []
    taken = len(frame.regex(exact("")).regex)
    for name in [*ordered, ""]:
        length = taken + sum(len(exact(each).regex) + 1 for each in [*group, name])
        if group and (not name or length > LENGTH):
            forms.append(_account_form(frame, group))
            group = []
        group.append(name)
    return forms


def _account_form(frame: _Frame, names: Sequence[str]) -> Form:
    made = frame.regex(either([exact(name) for name in names]))
    positives = tuple(Sample(frame.line(exact(name)), True, user=name) for name in names[:2])
    injected = f"{names[0]}{frame.second.example}{VICTIM}{frame.after.example}"
    negatives = (
        Sample(frame.line(Piece("", injected)), False, "an address in the account"),
        Sample(frame.line(exact("someone")), False, "another account"),
    )
    return Form(made.regex, positives, negatives)


def by_message(rows: Sequence[Row], service: str) -> list[Form]:
    """One regex for a form of message, whatever the account in it."""
    read = _read(rows, service)
    frame = _frame([told for _, told in read], service)
    if frame is None or not frame.account_first:
        return []
    account = None
    if read[0][1].named:
        names = {str(row.account) for row, _ in read if len(str(row.account)) <= _ACCOUNT}
        account = gap(names, frame.second.example[:1])
        if account is None or account.regex.startswith('[^"]'):
            return []
    made = frame.regex(account)
    line = frame.line(account)
    before = (frame.first.example + account.example if account else "") + frame.second.example
    start = len(line) - len(before + ADDRESS + frame.after.example)
    injected = f"{line[:start]}{before}{VICTIM}{frame.after.example} {line[start:]}"
    positive = Sample(line, True, user=account.example if account else None)
    return [Form(made.regex, (positive,), (Sample(injected, False, "an injected message"),))]


def _frame(read: Sequence[Told], service: str) -> _Frame | None:
    """The frame of lines of one shape; None where their texts have too little in common."""
    if not read:
        return None
    named, account_first = read[0].named, read[0].account_first
    texts = ([told.first for told in read], [told.second for told in read], [told.after for told in read])
    followed = ("a" if account_first and named else "1", "1" if account_first else "a", "\n")
    pieces = [_segment(column, following) for column, following in zip(texts, followed, strict=True)]
    if any(piece is None for piece in pieces):
        return None
    first, second, after = (piece for piece in pieces if piece is not None)
    return _Frame(service, read[0].program, first, second, after, account_first)


def _segment(texts: Sequence[str], following: str) -> Piece | None:
    """A piece for texts; the client's address, where it is repeated in them, is as good as any other there."""
    split = [text.split(_SAME) for text in texts]
    if len({len(each) for each in split}) != 1:
        return None
    columns = list(zip(*split, strict=True))
    pieces: list[Piece] = []
    for number, column in enumerate(columns):
        made = _alike(column, "1" if number + 1 < len(columns) else following)
        if made is None:
            return None
        pieces += [*([Piece("[0-9A-Fa-f:.]{2,50}", ADDRESS)] if number else []), made]
    return join(pieces)


def _alike(texts: Sequence[str], following: str) -> Piece | None:
    distinct = list(dict.fromkeys(texts))[:200]
    if not all(is_plain(text) for text in distinct):
        return None
    if len(distinct) == 1:
        return exact(distinct[0]) if not re.search(r"\d{2}", distinct[0]) else _numbers(distinct[0])
    made = template(distinct, following, share=0.3, least=0) or _columns(distinct, following)
    return None if made is None else join(made)


def _columns(texts: Sequence[str], following: str) -> list[Piece] | None:
    """Texts of as many words each, word by word: a word that varies keeps what its beginnings and ends share."""
    split = [text.split(" ") for text in texts]
    if len({len(words) for words in split}) != 1:
        return None
    pieces: list[Piece] = []
    for number, column in enumerate(zip(*split, strict=True)):
        last = number == len(split[0]) - 1
        made = _word(column, following if last else " ")
        if made is None:
            return None
        pieces += [*made, *([] if last else [exact(" ")])]
    return pieces


def _word(words: Sequence[str], following: str) -> list[Piece] | None:
    if len(set(words)) == 1:
        return [_numbers(words[0])] if words[0] else []
    start = _EDGE.sub("", commonpath(words))
    rest = [word[len(start) :] for word in words]
    end = _EDGE.sub("", commonpath([word[::-1] for word in rest]))[::-1]
    middle = [word[: len(word) - len(end)] for word in rest]
    made = gap(middle, end[:1] or following)
    if made is None:
        return None
    return [exact(start)] * bool(start) + [made] + [exact(end)] * bool(end)


def _numbers(text: str) -> Piece:
    """A text whose numbers of two digits or more are ports, ids or counts: they vary though only one was seen."""
    found = []
    for word in re.split(r"(\d{2,})", text):
        if re.fullmatch(r"\d{2,}", word):
            found.append(Piece(r"\d{1,%d}" % max(5, len(word)), word))  # noqa: UP031 - braces stand in it
        elif word:
            found.append(exact(word))
    return join(found)
