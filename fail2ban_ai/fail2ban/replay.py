"""What fail2ban would have banned on the same lines: its own filter code with its clock set to each line's time.

A live server cannot tell: it skips lines older than findtime. Each jail runs in a child of its own, so a jail whose
regexes never end costs only its own answer. Known differences from a running server, told in `JailRun.notes` where they
apply: no name is looked up (usedns), ignorecommand is not run, bantime.increment is not applied, and of the host's own
addresses only loopback is left out.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fail2ban_ai import addresses
from fail2ban_ai.errors import Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import code


@dataclass(frozen=True, slots=True, order=True)
class Ban:
    """fail2ban banned, or would have banned, an address (normalised) in a jail; `at` in seconds since the epoch."""

    at: float
    jail: str
    address: str


@dataclass(frozen=True, slots=True)
class JailFailures:
    """What one jail counts of one address: all failures, and the most within any findtime (seconds)."""

    jail: str
    failures: int
    worst: int
    findtime: int
    maxretry: int


@dataclass(slots=True)
class JailRun:
    """How the replay of one jail went; `error` says why there is none, or only a part."""

    jail: str
    lines: int = 0
    stuck: int = 0  # lines that the jail's regexes did not finish with
    findtime: int = 0
    maxretry: int = 0
    bantime: int = 0
    notes: list[str] = field(default_factory=list)
    error: str = ""


@dataclass(slots=True)
class Replay:
    """Bans in order of time, and per address how near each jail came."""

    banned: list[Ban] = field(default_factory=list)
    failures: dict[str, list[JailFailures]] = field(default_factory=dict)
    jails: dict[str, JailRun] = field(default_factory=dict)


def jails_for(service: str, kind: str, path: str) -> tuple[str, ...]:
    """The stock jails that read such a log: by the service and kind of its events, and nginx or Apache by its path.

    From fail2ban's own jail.conf. nginx-botsearch reads only the error log there; its first regex is for the access
    log and admins use it so, hence it counts for both: the comparison shall not flatter us. Left out are jails that
    ask DNS (apache-fakegooglebot, postfix-rbl's lists are postfix's own) or repeat another's work (recidive).
    """
    apache = "apache" in path or "httpd" in path
    if service == "web" and kind == "http_error":
        return _APACHE_ERROR if apache else _NGINX_ERROR
    if service == "web":
        return _APACHE_ACCESS if apache else _NGINX_ACCESS
    return _BY_SERVICE.get(service, ())


_NGINX_ACCESS = ("nginx-bad-request", "nginx-botsearch", "php-url-fopen")
_NGINX_ERROR = ("nginx-botsearch", "nginx-http-auth", "nginx-limit-req")
_APACHE_ACCESS = ("apache-badbots", "php-url-fopen")
_APACHE_ERROR = (
    "apache-auth",
    "apache-botsearch",
    "apache-modsecurity",
    "apache-nohome",
    "apache-noscript",
    "apache-overflows",
    "apache-shellshock",
)
_BY_SERVICE = {
    "sshd": ("sshd",),
    "pam": ("pam-generic",),
    "dovecot": ("dovecot",),
    "postfix": ("postfix", "postfix-sasl"),
    "exim": ("exim",),
    "vsftpd": ("vsftpd",),
    "proftpd": ("proftpd",),
}


def replay(
    paths_by_jail: Mapping[str, Sequence[str]],
    *,
    config: str = code.CONFIG,
    zone: str | None = None,
    year: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Run each jail over its files (plain or .gz, merged in order of time).

    Args:
        paths_by_jail: absolute or relative paths for each jail of the configuration, whether enabled there or not.
        config: folder with jail.conf, jail.d, jail.local and filter.d; the admin's own settings count.
        zone: IANA name of the zone of lines that name none; None is this machine's.
        year: of the first line of each log whose lines carry none; None infers it from when the file was written.
        progress: told how many more lines have been read; called from several threads.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        ConfigError: there is no such zone.
    """
    code.interpreter()
    result = Replay()
    names = sorted(paths_by_jail)

    def run(jail: str) -> tuple[JailRun, list[Ban], dict[str, tuple[int, int]]]:
        paths = sorted(os.path.abspath(path) for path in paths_by_jail[jail])  # noqa: PTH100 - Path would follow links
        return _run({"do": "replay", "config": config, "jail": jail, "paths": paths, "year": year}, zone, progress)

    with ThreadPoolExecutor(max_workers=max(1, min(os.cpu_count() or 1, 8))) as pool:
        for jail, (how, bans, failures) in zip(names, pool.map(run, names), strict=True):
            result.jails[jail] = how
            result.banned += bans
            for address, (count, worst) in failures.items():
                entry = JailFailures(jail, count, worst, how.findtime, how.maxretry)
                result.failures.setdefault(address, []).append(entry)
    result.banned.sort()
    return result


def _run(
    job: dict[str, object], zone: str | None, progress: Callable[[int], None] | None
) -> tuple[JailRun, list[Ban], dict[str, tuple[int, int]]]:
    how = JailRun(str(job["jail"]))
    bans: list[Ban] = []
    failures: dict[str, tuple[int, int]] = {}
    try:
        with code.Child(job, zone=zone) as child:
            while (answer := child.receive()) is not None:
                _take(answer, how, bans, failures, progress)
    except Fail2banAbsent:
        raise
    except Fail2banError as error:
        how.error = str(error)
    return how, bans, failures


def _take(
    answer: dict[str, Any],
    how: JailRun,
    bans: list[Ban],
    failures: dict[str, tuple[int, int]],
    progress: Callable[[int], None] | None,
) -> None:
    if "ban" in answer:
        text, at = answer["ban"]
        if address := addresses.parse(text):
            bans.append(Ban(float(at), how.jail, str(address)))
    elif "failures" in answer:
        text, count, worst = answer["failures"]
        if address := addresses.parse(text):
            failures[str(address)] = (int(count), int(worst))
    else:
        done = answer.get("done", answer)
        lines = int(done["lines"])
        if progress is not None:
            progress(lines - how.lines)
        how.lines = lines
        if "done" in answer:
            how.stuck, how.notes = int(done["stuck"]), list(done["notes"])
            how.findtime, how.maxretry, how.bantime = int(done["findtime"]), int(done["maxretry"]), int(done["bantime"])
