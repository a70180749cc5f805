"""Checks of the enabled jails' regexes, with fail2ban's own code: `fail2ban-client -t` says OK to all of this."""

import functools
import re
from collections.abc import Iterator
from importlib import resources

from fail2ban_ai.doctor import child
from fail2ban_ai.doctor.host import Host, JailConfig
from fail2ban_ai.doctor.result import Result

HANG_SECONDS = 2.0  # a linear regex answers the child's 40 characters in microseconds; Python's start takes 0.1 s
_QUANTIFIED_GROUP = re.compile(r"[*+}]\)+[*+{]|[*+}|][^()]*\)+[*+]")
_KINDS = {
    "broken": (
        "Its regex does not compile",
        "A start or reload with it removes every jail. Correct it or disable the jail.",
    ),
    "host": ("Its regex yields no address", "Add <ADDR>. A start or reload with it removes every jail."),
    "tag": (
        "Its regex has a tag that fail2ban does not know",
        r"It is taken as text. Correct it; a literal < is \x3c.",
    ),
}


def filters_compile(host: Host) -> Iterator[Result]:
    """The enabled jails' regexes compile, yield an address and have no unknown tag."""
    enabled = [jail for jail in host.jails.values() if jail.failregex or jail.ignoreregex or jail.prefregex]
    if not enabled:
        return
    code = resources.files("fail2ban_ai.doctor").joinpath("child_regexes.py").read_text()
    question = [[jail.prefregex, jail.failregex, jail.ignoreregex] for jail in enabled]
    answer = child.ask(code, question, python=child.system_python())
    for jail, problems in zip(enabled, answer["problems"], strict=True):
        for kind, text in problems:
            sentence, advice = _KINDS[kind]
            file, line = _where(host, jail)
            yield Result("filters-compile", "error", f"Jail {jail.name}: {sentence}: {text}", advice, file, line)


def filters_do_not_hang(host: Host) -> Iterator[Result]:
    """No enabled jail's regex backtracks without end on a short text."""
    for jail in host.jails.values():
        for regex in [*([jail.prefregex] if jail.prefregex else []), *jail.failregex, *jail.ignoreregex]:
            if not _hangs(regex):
                continue
            file, line = _where(host, jail)
            yield Result(
                "filters-do-not-hang",
                "error",
                f"Jail {jail.name}: a part of this regex takes for ever on 40 characters: {regex[:200]}",
                "One log line could freeze every jail. Remove the nested repetition, as in (a+)+ or (a|a)*.",
                file,
                line,
            )


@functools.cache
def _hangs(regex: str) -> bool:
    if not _QUANTIFIED_GROUP.search(regex):
        return False  # nothing repeated inside something repeated: no child needed
    code = resources.files("fail2ban_ai.doctor").joinpath("child_backtracking.py").read_text()
    plain = re.sub(r"(?<!\?P)</?[A-Za-z][\w-]*/?>", "", regex)
    try:
        child.ask(code, plain, seconds=HANG_SECONDS)
    except TimeoutError:
        return True
    except ChildProcessError as error:
        if "re.error" not in str(error) and "PatternError" not in str(error):
            raise
        # It does not compile: the other check's business.
    return False


def _where(host: Host, jail: JailConfig) -> tuple[str | None, int | None]:
    """Where the jail's failregex is written: in the jail itself, or in its filter."""
    named = [option.value for option in host.options if (option.section, option.name) == (jail.name, "filter")]
    stem = (named[-1] if named else jail.name).partition("[")[0].strip()
    for option in reversed(host.options):
        ours = option.section == jail.name or (option.file.parent.name == "filter.d" and option.file.stem == stem)
        if ours and option.name == "failregex":
            return str(option.file), option.line
    return None, None


CHECKS = (filters_compile, filters_do_not_hang)
