"""A suggested rule as a folder, written by the unprivileged side and read by root: everything read is hostile.

    ai-<slug>/
      rule.json     the fields of `Suggestion`, canonical JSON
      filter.conf   the fail2ban filter, as it would stand in filter.d/ai-<slug>.conf
      jail.conf     the jail for a reader, disabled; never installed (the installed one is made again from `Jail`)
      samples       anonymised lines in the format of fail2ban's own tests (failJSON)
      lines.jsonl   the lines that the rule was made from and measured on; private, mode 0600
      evidence.md   the page for the admin

Standard library only: the root process reads it. An error names the file, the key and what was expected, never the
content. The folder's name is the rule's name.
"""

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fail2ban_ai import addresses, paths
from fail2ban_ai.decisions import strict as decisions_strict
from fail2ban_ai.errors import DecisionError, RuleError

KINDS = ("paths", "payload", "agent", "message", "account")
RULE = "rule.json"
FILES = ("evidence.md", "filter.conf", "jail.conf", "lines.jsonl", RULE, "samples")  # in order of name
NAME = re.compile(r"ai-[a-z0-9-]{1,40}")
BACKENDS = ("polling", "systemd")
SETS = ("cluster", "later")  # of lines.jsonl: what the rule was made from, and what was held back from that

FILE_LIMIT = 16 << 20  # bytes of one file
LINE_LIMIT = 65_536  # characters of one line of a log
REGEX_LIMIT = 2_000  # characters of one failregex
REGEXES = 16
CAMPAIGNS = 200  # ids named
WOULD_BAN = 1_000  # entries listed
TEXT = 500  # characters of a sentence, a path, a line shown
COUNT = 1_000_000_000
SECONDS = 366 * 86_400
_PRIVATE = "lines.jsonl"

_SERVICE = re.compile(r"[a-z0-9-]{1,64}")
# What a path or a match may hold so that no parser of fail2ban's configuration finds a meaning in it.
_LOGPATH = re.compile(r"/[A-Za-z0-9/._*?@+:=,-]{1,499}")
_JOURNALMATCH = re.compile(r"(?:[A-Za-z0-9_=@:.+ -]{1,499})?")
_PORT = re.compile(r"[a-z0-9:-]{1,32}(?:,[a-z0-9:-]{1,32}){0,15}")
_KEYS = {
    "name",
    "kind",
    "created",
    "campaigns",
    "sources",
    "windows",
    "summary",
    "failregex",
    "jail",
    "proof",
    "would_ban",
    "overlap",
}


@dataclass(frozen=True, slots=True)
class Jail:
    """The only keys that a jail file is ever made from. findtime and bantime in seconds."""

    filter: str
    service: str
    backend: str  # polling | systemd
    logpaths: tuple[str, ...]
    journalmatch: str
    port: str
    maxretry: int
    findtime: int
    bantime: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the proof, its outcome, a sentence and the figures behind it."""

    name: str
    ok: bool
    detail: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class WouldBan:
    """An address that the rule would have banned, when (seconds since the epoch), and the line that did it."""

    address: str
    at: float
    line: str  # at most 500 characters, hidden ones written out


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule, what it was made from, and how its proof went."""

    name: str  # ai-<slug>
    kind: str  # of KINDS
    created: float  # seconds since the epoch
    campaigns: tuple[str, ...]  # ids
    sources: int  # distinct actors
    windows: int  # separate spells of activity
    summary: str
    failregex: tuple[str, ...]
    jail: Jail
    proof: tuple[Step, ...]
    would_ban: tuple[WouldBan, ...]
    overlap: dict[str, float]  # running jail -> share of the cluster's lines that it catches already

    @property
    def proved(self) -> bool:
        """Whether every step of the proof held; a rule without a proof is not proved."""
        return bool(self.proof) and all(step.ok for step in self.proof)


def read(folder: Path) -> Suggestion:
    """The suggestion in `folder`.

    Raises:
        RuleError: a file is missing, too many, no regular file, too large, or says what it must not.
    """
    content = _contents(folder)[RULE]
    try:
        found = decisions_strict.load(content.decode("utf-8"), _KEYS)
        rule = _rule(found)
    except UnicodeDecodeError:
        raise RuleError(f"{folder / RULE} is not UTF-8") from None
    except DecisionError as error:
        raise RuleError(f"{folder / RULE}: {error}") from None
    if rule.name != folder.name:
        raise RuleError(f"{folder / RULE}: name: expected that of its folder")
    return rule


def write(folder: Path, suggestion: Suggestion, files: Mapping[str, str]) -> None:
    """Put the suggestion at `folder`, in place of what was there: whole or not at all.

    Args:
        folder: named as the suggestion.
        suggestion: becomes rule.json.
        files: the content of every other file of FILES.

    Raises:
        RuleError: the suggestion would not be read back.
    """
    if files.keys() | {RULE} != set(FILES) or RULE in files:
        raise RuleError(f"{folder}: expected the files {', '.join(name for name in FILES if name != RULE)}")
    text = decisions_strict.canonical(asdict(suggestion)) + "\n"
    paths.make_folder(folder.parent)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    inner = part / folder.name
    inner.mkdir(parents=True)
    try:
        for name, content in {**files, RULE: text}.items():
            mode = 0o600 if name == _PRIVATE else 0o644
            handle = os.open(inner / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
        read(inner)
        if folder.exists():
            folder.rename(part / "old")
        inner.rename(folder)
        paths.sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the folder's files, in hex.

    Raises:
        RuleError: as `read` does for the files.
    """
    hashed = hashlib.sha256()
    for name, content in sorted(_contents(folder).items()):
        hashed.update(f"{name}\0{len(content)}\0".encode())
        hashed.update(content)
    return hashed.hexdigest()


def _contents(folder: Path) -> dict[str, bytes]:
    if NAME.fullmatch(folder.name) is None:
        raise RuleError(f"{folder} is no suggested rule: expected a folder named ai- and small letters, digits and -")
    try:
        present = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise RuleError(f"{folder} cannot be read: {error.strerror}") from error
    if present != sorted(FILES):
        raise RuleError(f"{folder} is no suggested rule: expected exactly the files {', '.join(FILES)}")
    return {name: _content(folder / name) for name in FILES}


def _content(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RuleError(f"{path} cannot be read: {error.strerror}; expected a regular file") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RuleError(f"{path} is not a regular file")
        content = file.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        raise RuleError(f"{path} is larger than {FILE_LIMIT} bytes")
    return content


def _rule(found: dict[str, Any]) -> Suggestion:
    name = _matching(found, "name", NAME)
    jail = _jail(_inner(found["jail"], "jail", Jail))
    if jail.filter != name:
        raise DecisionError("jail.filter: expected the name of the rule")
    return Suggestion(
        name=name,
        kind=decisions_strict.choice(found, "kind", KINDS),
        created=decisions_strict.number(found, "created", decisions_strict.TIME_LIMIT),
        campaigns=decisions_strict.texts(found, "campaigns", CAMPAIGNS, 64),
        sources=decisions_strict.count(found, "sources", COUNT),
        windows=decisions_strict.count(found, "windows", COUNT),
        summary=decisions_strict.text(found, "summary", TEXT),
        failregex=_regexes(found),
        jail=jail,
        proof=tuple(_step(one) for one in _list(found, "proof", 32)),
        would_ban=tuple(_would_ban(one) for one in _list(found, "would_ban", WOULD_BAN)),
        overlap=_numbers(found, "overlap", 1.0),
    )


def _jail(found: dict[str, Any]) -> Jail:
    logpaths = decisions_strict.texts(found, "logpaths", 16, TEXT)
    if not all(_LOGPATH.fullmatch(path) for path in logpaths):
        raise DecisionError("jail.logpaths: expected absolute paths of letters, digits and / . _ * ? @ + : = , -")
    backend = decisions_strict.choice(found, "backend", BACKENDS)
    journalmatch = _matching(found, "journalmatch", _JOURNALMATCH)
    if not (journalmatch if backend == "systemd" else logpaths):
        raise DecisionError("jail: expected a journalmatch for systemd, a path of a log for polling")
    return Jail(
        filter=_matching(found, "filter", NAME),
        service=_matching(found, "service", _SERVICE),
        backend=backend,
        logpaths=logpaths,
        journalmatch=journalmatch,
        port=_matching(found, "port", _PORT),
        maxretry=_positive(found, "maxretry", 1_000),
        findtime=_positive(found, "findtime", SECONDS),
        bantime=_positive(found, "bantime", SECONDS),
    )


def _regexes(found: dict[str, Any]) -> tuple[str, ...]:
    regexes = decisions_strict.texts(found, "failregex", REGEXES, REGEX_LIMIT)
    if not regexes or not all(regexes):
        raise DecisionError(f"failregex: expected 1 to {REGEXES} regexes")
    return regexes


def _step(value: object) -> Step:
    found = _inner(value, "proof", Step)
    if not isinstance(found["ok"], bool):
        raise DecisionError("proof.ok: expected true or false")
    return Step(
        decisions_strict.text(found, "name", 32),
        found["ok"],
        decisions_strict.text(found, "detail", TEXT),
        _numbers(found, "figures", 1e15),
    )


def _would_ban(value: object) -> WouldBan:
    found = _inner(value, "would_ban", WouldBan)
    address = decisions_strict.text(found, "address", 64)
    if addresses.normal(address) != address:
        raise DecisionError("would_ban.address: expected an address in its normal form")
    at = decisions_strict.number(found, "at", decisions_strict.TIME_LIMIT)
    return WouldBan(address, at, decisions_strict.text(found, "line", TEXT, empty=True))


def _inner(value: object, key: str, kind: type[Jail] | type[Step] | type[WouldBan]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(kind.__dataclass_fields__):
        raise DecisionError(f"{key}: expected exactly the keys {', '.join(kind.__dataclass_fields__)}")
    return value


def _list(found: dict[str, Any], key: str, most: int) -> list[object]:
    value = found[key]
    if not isinstance(value, list) or len(value) > most:
        raise DecisionError(f"{key}: expected a list of at most {most} entries")
    return value


def _numbers(found: dict[str, Any], key: str, top: float) -> dict[str, float]:
    value = found[key]
    if not isinstance(value, dict) or len(value) > 64:
        raise DecisionError(f"{key}: expected at most 64 numbers by name")
    for name in value:
        decisions_strict.text({key: name}, key, 100)
    return {name: decisions_strict.number({key: one}, key, top) for name, one in value.items()}


def _matching(found: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = decisions_strict.text(found, key, TEXT, empty=True)
    if pattern.fullmatch(value) is None:
        raise DecisionError(f"{key}: expected a text of the form {pattern.pattern}")
    return value


def _positive(found: dict[str, Any], key: str, top: int) -> int:
    value = decisions_strict.count(found, key, top)
    if value < 1:
        raise DecisionError(f"{key}: expected a whole number from 1 to {top}")
    return value


@dataclass(frozen=True, slots=True)
class Line:
    """A line of lines.jsonl. `time` in seconds since the epoch; `address` is the actor's, normalised."""

    set: str  # of SETS
    time: float
    address: str
    text: str  # the raw line; bytes that were not UTF-8 became U+FFFD


def dump_lines(lines: list[Line]) -> str:
    """The content of lines.jsonl."""
    return "".join(json.dumps(asdict(line), sort_keys=True) + "\n" for line in lines)


def read_lines(folder: Path) -> list[Line]:
    """The lines of a suggestion's lines.jsonl.

    Raises:
        RuleError: the file is not what `dump_lines` writes.
    """
    path = folder / _PRIVATE
    lines = []
    for number, text in enumerate(_content(path).decode("utf-8", "replace").splitlines(), 1):
        try:
            found = decisions_strict.load(text, Line.__dataclass_fields__)
            if not isinstance(found["text"], str) or len(found["text"]) > LINE_LIMIT or "\n" in found["text"]:
                raise DecisionError(f"text: expected one line of at most {LINE_LIMIT} characters")
            address = decisions_strict.text(found, "address", 64)
            if addresses.normal(address) != address:
                raise DecisionError("address: expected an address in its normal form")
            time = decisions_strict.number(found, "time", decisions_strict.TIME_LIMIT)
            lines.append(Line(decisions_strict.choice(found, "set", SETS), time, address, found["text"]))
        except DecisionError as error:
            raise RuleError(f"{path}:{number}: {error}") from None
    return lines
