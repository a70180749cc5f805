"""vsftpd's own log (vsftpd_log_file) and vsftpd in syslog (syslog_enable, PAM).

[USER] is what the client sent; FAIL LOGIN's last Client counts. The password that an anonymous client gives and the
paths it names follow the address, so these lines are read from the front.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock
from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = ("vsftpd",)

_PLACES = {
    "pid": r"(?:\[pid \d+\] ?)?",
    "ip": r"(?P<address>[0-9a-fA-F:.]+)",
    "name": r"(?P<account>[^\]\"\s]*)",
    "anonymous": r"(?P<account>anonymous|ftp)",
}


def _p(kind: str | None, text: str) -> Pattern:
    return Pattern(kind, "<pid>" + text, _PLACES)


TABLE = (
    _p("login_failed", '[<user>] FAIL LOGIN: Client "<ip>"((, "User is not in the allow user list."))'),
    _p("login_ok", '[<anonymous>] OK LOGIN: Client "<ip>", anon password "<any>"'),
    _p("login_ok", '[<user>] OK LOGIN: Client "<ip>"'),
    _p("probe", 'CONNECT: Client "<ip>", "Connection refused: <any>"'),
    _p(None, 'CONNECT: Client "<ip>"'),
    _p(None, "[<name>] {OK|FAIL} {UPLOAD|DOWNLOAD|MKDIR|RMDIR|DELETE|RENAME|CHMOD|APPEND}: <any>"),
    _p(None, '((Client "<ip>" ))[<any>] {FTP command|FTP response|DEBUG}: <any>'),
    _p(None, "{FTP command|FTP response|DEBUG}: <any>"),
)
_FRAME = r"^([A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}) (\[pid \d+\] .*)$"


@dataclass(frozen=True, slots=True)
class OwnLog:
    """vsftpd's own log."""

    name: str = "vsftpd"
    service: str = "vsftpd"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        return base.stamped(
            frame, _FRAME, lambda stamps: times.ctime(stamps, clock), TABLE, service=self.service, source=source
        )
