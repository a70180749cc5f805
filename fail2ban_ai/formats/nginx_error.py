r"""nginx's error log: "STAMP [level] pid#tid: *connection message, client: ADDRESS, server: …, request: "…", …".

nginx does not escape what it quotes here: a user name, a path, a request or a referer can hold another ", client: ".
Such a line has two readings and gives no event.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock
from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = ("nginx",)

_CLIENT = ", client: "
_HEAD = r"(?:[\w.-]+ nginx: )?(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?\[\w+\] \d+#\d+: (?:\*\d+ )?"
_PLACES = {
    "head": _HEAD,
    "file": r"[^\"]*",
    "server": r"(?:, server: [^\s,]*)?",
    "request": r"(?:, request: \"(?P<request>.*?)\")?",
    "upstream": r"(?:, subrequest: \"[^\"]*\")?(?:, upstream: \"[^\"]*\")?",
    "host": r"(?:, host: \"(?P<host>[^\"]*)\")?(?:, referr?er: \"(?P<referer>.*)\")?",
    "what": r"(?P<what>.*?)",
    "ip": r"(?P<address>[^\s,]+)",
}
_REST = ", client: <ip><server><request><upstream><host>"


def _p(kind: str | None, text: str) -> Pattern:
    return Pattern(kind, "<head>" + text, _PLACES, at_most={_CLIENT: 1})


_LOGINS = (
    _p("login_failed", 'user "<user>" was not found in "<file>"' + _REST),
    _p("login_failed", 'user "<user>": password mismatch' + _REST),
    _p("login_failed", "PAM: user '<user>' - not authenticated: <any>" + _REST),
)
_CLIENTS = (*_LOGINS, _p("http_error", "<what>" + _REST), _p("http_error", "<what>, client: <ip>, <any>"))
_NOBODY = (_p(None, "<any>"), Pattern(None, "nginx: <any>"))
TABLE = (*_CLIENTS, *_NOBODY)

_FRAME = r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (\[\w+\] \d+#\d+: .*)$"


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """nginx's error log."""

    name: str = "nginx_error"
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        return base.stamped(
            frame, _FRAME, lambda stamps: times.iso(stamps, clock), TABLE, service=self.service, source=source
        )
