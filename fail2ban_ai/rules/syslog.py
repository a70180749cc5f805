"""Regexes for what services write to syslog: a form of message, with the accounts tried or without."""

import re
from collections.abc import Sequence
from os.path import commonpath

from fail2ban_ai.addresses import normal
from fail2ban_ai.rules.align import template
from fail2ban_ai.rules.escape import is_plain
from fail2ban_ai.rules.forms import ADDRESS, HOST, SYSLOG_DATE, VICTIM, Form, Sample
from fail2ban_ai.rules.material import Row
from fail2ban_ai.rules.pieces import Piece, either, exact, gap, join
from fail2ban_ai.rules.safe import PREFIX

LENGTH = 155
_ACCOUNT = 64  # characters
_PROGRAM = re.compile(r"(?:^|\s)(?P<program>[A-Za-z][\w/.-]{0,60}(?:\(\S{1,60}\))?)(?:\[\d{1,10}\])?: (?P<message>.*)$")
_EDGE = re.compile(r"[A-Za-z\d]+$")  # what a shared beginning may share by chance
_WORD = re.compile(r"[0-9A-Fa-f:.]{3,50}")


def parts(row: Row) -> tuple[str, str, str, str] | None:
    """A line as (program, message before the account or the address, between them, after the address).

    The second is "" and the third holds all before the address where the line has no account. None for a line that is
    not of this shape, or whose account or address stands in it more than once.
    """
    found = _PROGRAM.search(row.text)
    if found is None or row.cut:
        return None
    message = found["message"]
    spots = [m for m in _WORD.finditer(message) if normal(m[0]) == row.address]
    if len(spots) != 1:
        return None
    before, after = message[: spots[0].start()], message[spots[0].end() :]
    if not row.account:
        return found["program"], "", before, after
    first = (row.message or "").partition("<user>")[0]  # the account "user" stands after "Invalid user ", not in it
    if "<" in first or not before.startswith(first + row.account):
        first = before.partition(row.account)[0]
        if before.count(row.account) != 1:
            return None
    return found["program"], first, before[len(first) + len(row.account) :], after


def by_account(rows: Sequence[Row]) -> list[Form]:
    """Regexes for one form of message and the accounts tried in it, those of most lines first."""
    read = [(row, made) for row in rows if row.account and (made := parts(row)) is not None]
    names: dict[str, int] = {}
    for row, _ in read:
        name = str(row.account)
        if is_plain(name) and len(name) <= _ACCOUNT:
            names[name] = names.get(name, 0) + 1
    frame = _frame([made for _, made in read])
    if frame is None or not names:
        return []
    program, first, second, after = frame
    ordered = sorted(names, key=lambda name: (-names[name], name))
    forms: list[Form] = []
    group: list[str] = []
    taken = len(_account_regex(first, second, after, exact("")).regex)
    for name in [*ordered, ""]:
        length = taken + sum(len(exact(each).regex) + 1 for each in [*group, name])
        if group and (not name or length > LENGTH):
            forms.append(_account_form(program, (first, second, after), group))
            group = []
        group.append(name)
    return forms


def _account_form(program: str, frame: tuple[Piece, Piece, Piece], names: Sequence[str]) -> Form:
    made = _account_regex(*frame, either([exact(name) for name in names]))
    positives = tuple(
        Sample(_line(program, _account_regex(*frame, exact(name)).example), True, user=name) for name in names[:2]
    )
    first, second, after = frame
    injected = f"{names[0]}{second.example}{VICTIM}{after.example}"
    forged = f"{first.example}{injected}{second.example}{ADDRESS}{after.example}"
    negatives = (
        Sample(_line(program, forged), False, "an address in the account"),
        Sample(_line(program, _account_regex(*frame, exact("someone")).example), False, "another account"),
    )
    return Form(made.regex, positives, negatives)


def _account_regex(first: Piece, second: Piece, after: Piece, name: Piece) -> Piece:
    user = Piece(f"<F-USER>{name.regex}</F-USER>", name.example)
    return join([Piece("^" + PREFIX, ""), first, user, second, Piece("<ADDR>", ADDRESS), after, Piece("$", "")])


def by_message(rows: Sequence[Row]) -> list[Form]:
    """One regex for a form of message, whatever the account in it."""
    read = [(row, made) for row in rows if (made := parts(row)) is not None]
    frame = _frame([made for _, made in read])
    if frame is None:
        return []
    program, first, second, after = frame
    account = None
    if read[0][0].account:
        account = gap({str(row.account) for row, _ in read if len(str(row.account)) <= _ACCOUNT}, second.example[:1])
        if account is None or account.regex.startswith('[^"]'):
            return []
    before = join([first, Piece(f"<F-USER>{account.regex}</F-USER>", account.example), second]) if account else second
    whole = join([Piece("^" + PREFIX, ""), before, Piece("<ADDR>", ADDRESS), after, Piece("$", "")])
    injected = f"{before.example}{VICTIM}{after.example} {before.example}{ADDRESS}{after.example}"
    user = account.example if account else None
    positive = Sample(_line(program, whole.example), True, user=user)
    return [Form(whole.regex, (positive,), (Sample(_line(program, injected), False, "an injected message"),))]


def _frame(read: Sequence[tuple[str, str, str, str]]) -> tuple[str, Piece, Piece, Piece] | None:
    """Program, and pieces for what stands before the account, between it and the address, and after that."""
    if not read:
        return None
    pieces = []
    for number, following in ((1, "a"), (2, "1"), (3, "\n")):
        made = _segment([each[number] for each in read], following)
        if made is None:
            return None
        pieces.append(made)
    return read[0][0], pieces[0], pieces[1], pieces[2]


def _segment(texts: Sequence[str], following: str) -> Piece | None:
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


def _line(program: str, message: str) -> str:
    return f"{SYSLOG_DATE} {HOST} {program}[1234]: {message}"
