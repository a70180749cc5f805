"""The proof of a suggested rule: each step on the folder's own files, with fail2ban's own code in a child with limits.

Nothing in the folder is trusted: it may have been edited by an admin, or be written by somebody who took over the
watcher. The filter and the samples are read strictly before fail2ban sees them, so that a file cannot name another
file, and no Python of a sample file is ever evaluated.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.errors import Fail2banAbsent, Fail2banError, RuleError
from fail2ban_ai.fail2ban import code
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.rules import benign, filter_file, hostile_lines, safe, samples
from fail2ban_ai.rules.bench import Bench, Matches
from fail2ban_ai.rules.filter_file import FilterFile
from fail2ban_ai.rules.forms import VICTIM
from fail2ban_ai.rules.history import History, candidates, measured
from fail2ban_ai.rules.services import service_of
from fail2ban_ai.rules.suggestion import Line, Step, WouldBan, read_lines

LEAST = 0.95  # of the cluster's lines, and of those held back, that a rule must match
SECONDS = 0.5  # of processor time that one line of 64,000 characters may take
GROWTH = 12.0  # times longer that a line four times as long may take, above a floor that is noise
_FLOOR = 0.02  # seconds

Progress = Callable[[str, int, int], None]


def prove(
    folder: Path,
    *,
    config: str = code.CONFIG,
    logs: Sequence[str] = (),
    progress: Progress = lambda *_: None,
    history: History | None = None,
) -> tuple[Step, ...]:
    """Every step of the proof and its outcome; a step that cannot be tried once an earlier one failed is left out.

    Args:
        folder: a suggestion's; only filter.conf, lines.jsonl and samples are read.
        config: fail2ban's configuration folder; common.conf and the like are taken from there.
        logs: the admin's own logs, whose lines are tried too.
        progress: told the step, how many are done, and how many there are.
        history: what an analysis of the logs found, where the caller has one; else one is made when it is needed.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        RuleError: lines.jsonl is not to be read.
        SourceError: none of `logs` can be opened.
    """
    code.interpreter()
    lines = read_lines(folder)
    steps: list[Step] = []

    def tell(step: Step) -> bool:
        steps.append(step)
        progress(step.name, len(steps), 10 if logs else 9)
        return step.ok

    try:
        rule = filter_file.read(folder)
        told = _safe(rule)
    except RuleError as error:
        told = Step("safe", False, _short(str(error)), {})
    if not tell(told):
        return tuple(steps)
    service = service_of(rule.daemon)
    text = (folder / "filter.conf").read_text(encoding="ascii")
    with Bench(folder.name, text, config=config) as bench:
        try:
            with Matches(bench.job("match")) as matches:
                tell(Step("compiles", True, "fail2ban takes the filter", {"regexes": float(len(rule.failregex))}))
                tell(_recall("recall", [line for line in lines if line.set == "cluster"], matches))
                tell(_recall("later", [line for line in lines if line.set == "later"], matches))
                tell(_shipped(rule, service, lines, matches))
                tell(_injection(lines, service, matches))
                if logs or history is not None:
                    known = history or History(logs)
                    tell(_history(rule, lines, known, matches))
        except Fail2banAbsent:
            raise
        except Fail2banError as error:
            tell(Step("compiles" if len(steps) == 1 else "linear", False, _short(str(error)), {}))
            return tuple(steps)
        tell(_linear(bench, lines, service))
        tell(_samples(bench, folder))
    tell(_loads(folder.name, text, len(rule.failregex)))
    return tuple(steps)


def would_ban(
    folder: Path,
    logs: Sequence[str],
    *,
    config: str = code.CONFIG,
    maxretry: int = 1,
    findtime: int = 86_400,
    bantime: int = 86_400,
) -> tuple[WouldBan, ...]:
    """Whom the rule would have banned on these logs, and when, in order of time.

    Raises:
        as `prove`, and RuleError where the filter is not to be read.
    """
    rule = filter_file.read(folder)
    text = (folder / "filter.conf").read_text(encoding="ascii")
    with Bench(folder.name, text, config=config) as bench, Matches(bench.job("match")) as matches:
        found = measured(candidates(rule, logs), matches)
        return found.bans(maxretry=maxretry, findtime=findtime, bantime=bantime)


def _safe(rule: FilterFile) -> Step:
    for number, regex in enumerate(rule.failregex, 1):
        try:
            safe.check(regex)
        except RuleError as error:
            return Step("safe", False, _short(f"failregex {number}: {error}"), {})
        try:
            pl.Series([""]).str.contains(safe.linear(regex))
        except pl.exceptions.ComputeError as error:
            return Step("safe", False, _short(f"failregex {number} is refused by a linear-time engine: {error}"), {})
    try:
        pl.Series([""]).str.contains(safe.nearby(rule.failregex, dated=bool(rule.dates)))
    except pl.exceptions.ComputeError:
        return Step("safe", False, "its regexes together are too large for a linear-time engine", {})
    lengths = [len(regex) for regex in rule.failregex]
    return Step(
        "safe",
        True,
        "anchored, bounded, one way to match, taken by a linear-time engine",
        {"regexes": float(len(lengths)), "median_length": float(statistics.median(lengths))},
    )


def _recall(name: str, lines: Sequence[Line], matches: Matches) -> Step:
    if not lines:
        ok = name == "later"
        return Step(name, ok, "no line was held back" if ok else "there is no line of the cluster", {"lines": 0.0})
    right: set[int] = set()
    wrong = 0
    for index, _, address in matches.of(line.text for line in lines):
        if address == lines[index].address:
            right.add(index)
        else:
            wrong += 1
    share = len(right) / len(lines)
    whose = "the cluster's lines" if name == "recall" else "the later lines that were held back"
    detail = f"{len(right)} of {len(lines)} of {whose} match" + (f", {wrong} with another address" if wrong else "")
    figures = {"lines": float(len(lines)), "matched": float(len(right)), "share": share, "wrong": float(wrong)}
    return Step(name, share >= LEAST and not wrong, detail, figures)


def _shipped(rule: FilterFile, service: str, lines: Sequence[Line], matches: Matches) -> Step:
    tried = benign.series(service, lines[0].text if lines else "")
    hits = _hits(rule, tried, matches)
    detail = f"none of {len(tried)} lines of honest clients matches" if not hits else f"matches {_quoted(hits[0])}"
    return Step("benign-shipped", not hits, detail, {"lines": float(len(tried)), "hits": float(len(hits))})


def _hits(rule: FilterFile, tried: pl.Series, matches: Matches) -> list[str]:
    near = tried.filter(tried.str.contains(safe.nearby(rule.failregex, dated=bool(rule.dates)))).to_list()
    return [near[index] for index, _, _ in matches.of(near)]


def _injection(lines: Sequence[Line], service: str, matches: Matches) -> Step:
    made = list(hostile_lines.injected([line for line in lines if line.set == "cluster"], service))
    taken = [made[i][1] for i, _, address in matches.of(line for _, line in made) if address != made[i][0]]
    if taken:
        detail = f"takes {VICTIM} from {_quoted(taken[0])}"
    else:
        detail = f"in {len(made)} lines with an address written into them, none of those was taken"
    return Step("injection", not taken, detail, {"lines": float(len(made)), "taken": float(len(taken))})


def _history(rule: FilterFile, lines: Sequence[Line], history: History, matches: Matches) -> Step:
    found = history.measure(rule, matches)
    known = {line.address for line in lines}
    hits = {address: count for address, count in found.counts.items() if address not in known}
    kinds: dict[str, list[str]] = {"hostile": [], "doubtful": [], "benign": []}
    for address in hits:
        kinds[history.verdict(address)].append(address)
    benign_lines = sum(hits[address] for address in kinds["benign"])
    if kinds["benign"]:
        first = found.first[kinds["benign"][0]][1]
        detail = f"matches {benign_lines} lines of {len(kinds['benign'])} clients judged benign: {_quoted(first)}"
    else:
        detail = f"of {found.read} lines of this host, none of a client judged benign matches"
        if kinds["doubtful"]:
            detail += f"; {len(kinds['doubtful'])} doubtful clients are hit"
    figures = {"lines": float(found.read), "matched": float(sum(found.counts.values())), "hits": float(benign_lines)}
    return Step("benign-history", not kinds["benign"], detail, figures | {"doubtful": float(len(kinds["doubtful"]))})


def _linear(bench: Bench, lines: Sequence[Line], service: str) -> Step:
    made = list(hostile_lines.slow([line for line in lines if line.set == "cluster"], service))
    try:
        with code.Child(bench.job("timing", lines=[line for _, line in made]), silence=180.0) as child:
            answer = child.receive()
    except Fail2banError as error:
        return Step("linear", False, _short(str(error)), {})
    seconds = answer["seconds"] if answer else None
    if not isinstance(seconds, list) or len(seconds) != len(made):
        return Step("linear", False, "fail2ban's code gave no times", {})
    worst, growth = 0.0, 0.0
    for (size, line), took, before in zip(made, seconds, [0.0, *seconds[:-1]], strict=True):
        if took is None:
            return Step("linear", False, f"a line of {len(line)} characters never ended", {"size": float(size)})
        worst = max(worst, took)
        if size > hostile_lines.SIZES[0] and before is not None:
            growth = max(growth, took / max(before, _FLOOR))
    ok = worst <= SECONDS and growth <= GROWTH
    detail = (
        f"the slowest of {len(made)} lines of up to {max(hostile_lines.SIZES):,} characters took {worst * 1000:.0f} ms"
    )
    return Step("linear", ok, detail, {"lines": float(len(made)), "seconds": worst, "growth": growth})


def _samples(bench: Bench, folder: Path) -> Step:
    try:
        text = (folder / "samples").read_text(encoding="utf-8")
        samples.check(text)
    except (OSError, UnicodeDecodeError, RuleError) as error:
        return Step("samples", False, _short(str(error)), {})
    logs = bench.folder / "logs"
    logs.mkdir(exist_ok=True)
    (logs / bench.name).write_text(text, encoding="utf-8")
    job: dict[str, object] = {
        "do": "samples",
        "name": bench.name,
        "config": str(bench.config),
        "files": str(bench.folder),
    }
    try:
        with code.Child(job, silence=60.0) as child:
            answer = child.receive() or {}
    except Fail2banError as error:
        return Step("samples", False, _short(str(error)), {})
    count = float(text.count("# failJSON: "))
    if answer.get("ok") is True:
        return Step("samples", True, f"fail2ban's own sample test passes with {count:.0f} lines", {"lines": count})
    return Step("samples", False, _short(f"fail2ban's own sample test: {answer.get('told')}"), {"lines": count})


def _loads(name: str, filter_conf: str, regexes: int) -> Step:
    start = time.monotonic()
    try:
        with PrivateServer(None, stock=(), ai_jails=False, rules={name: filter_conf}) as server:
            text = server.client.get(name, "failregex")
    except Fail2banError as error:
        return Step("loads", False, _short(str(error)), {})
    count = sum(f"[{number}]: " in text for number in range(regexes))
    took = time.monotonic() - start
    ok = count == regexes
    detail = f"a fail2ban server of its own runs the jail with {count} of {regexes} regexes"
    return Step("loads", ok, detail, {"regexes": float(count), "seconds": round(took, 2)})


def _quoted(line: str) -> str:
    return f"“{_short(line, 160)}”"


def _short(text: str, limit: int = 400) -> str:
    return clean(text, limit)
