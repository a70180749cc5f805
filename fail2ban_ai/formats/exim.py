"""Exim's mainlog and rejectlog, and exim in syslog.

A client is written as NAME (HELO) [ADDRESS]:PORT; name and HELO hold no blanks here. Senders (F=…, "<=") and commands
("AUTH …") are the client's: a line with two clients in it is not read, but for quoted commands, which end before.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock
from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = (r"exim4?",)
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?"

_CLIENT = {
    "client": r"(?:[^\s()\[\]]+ )?(?:\([^()\s]*\) )?\[(?P<address>[0-9a-fA-F:.]+)\](?::\d+)?",
    "local": r"(?: I=\[[0-9a-fA-F:.]+\](?::\d+)?)?(?: Ci=\d+)?(?: [A-Z]{1,4}=[^\s\"\[\]()]+)*?",
    "start": rf"(?:{STAMP} )?(?:\[\d+\] )?(?:[0-9A-Za-z]{{6,}}-[0-9A-Za-z]{{6,}}-[0-9A-Za-z]{{2,}} )?",
    "sender": r"(?: ?F=\S+)?",
    "reason": r"(?:sender verify fail for|rejected |temporarily rejected |dropped by |relay not permitted)",
    "id": r"[0-9A-Za-z]{6,}-[0-9A-Za-z]{6,}-[0-9A-Za-z]{2,}",
    "name": r"(?P<account>\S+)",
    "mech": r"(?:AUTH command used when not advertised|\S+ authentication mechanism not supported"
    r"|authentication required|pipelining was not advertised)",
    "sync": r"\((?:input sent without waiting for greeting"
    r"|next input sent too soon: pipelining was (?:not )?advertised)\)",
    "quoted": r"(?:connection from|\"[\w ]*\")",
}


def _p(kind: str | None, text: str, *, clients: int = 1) -> Pattern:
    """A pattern whose message may name at most so many clients as "H="."""
    return Pattern(kind, "<start>" + text, _CLIENT, {"H=": clients})


TABLE = (
    _p("login_failed", "<word> authenticator failed for <client><local>: 535 <any> (set_id=<user>)"),
    _p("login_failed", "<word> authenticator failed for <client><local>: <n> <any>"),
    _p("login_ok", "<= <word> H=<client><local> P=<word><any> A=<word>:<name><any>"),
    _p(None, "{<=|=>|->|==|**|Completed|Start queue run|End queue run|*>|(=|>>|>*} <any>"),
    _p(
        None,
        "{daemon|exim|Warning|Frozen|Unfrozen|Message is frozen|cancelled}<any>",
    ),
    _p("reject", "<sender>H=<client><local><sender> <reason><any>"),
    _p("reject", "<sender> H=<client><local><sender> <reason><any>"),
    _p("probe", 'SMTP {protocol|syntax} error in "<any>" H=<client><local> <mech>', clients=9),
    _p("probe", "SMTP protocol synchronization error <sync>: rejected <quoted> H=<client><local><any>"),
    _p("reject", "SMTP call from <client><local> dropped: <any>"),
    _p("probe", "no MAIL in SMTP connection from <client><local><any>"),
    _p("reject", "SMTP connection from <client><local> closed by DROP in ACL"),
    _p("probe", "SMTP connection from <client><local> lost<any>"),
    _p(None, "SMTP connection from <any>"),
    _p("probe", "TLS error on connection from <client><local> <any>"),
    _p(
        "probe",
        "{unexpected disconnection while reading SMTP command|SMTP command timeout on connection|SMTP data timeout "
        "(message abandoned) on connection} from <client><any>",
    ),
    _p("reject", "rejected {EHLO|HELO|VRFY|EXPN|ETRN|AUTH|MAIL|RCPT|connection} from <client><any>"),
    _p("reject", "SA: Action: <any> (host=<word> [<ip>]) for <word>"),
    _p(None, "no host name found for IP address <any>"),
    _p(None, "no IP address found for host <any>"),
    _p(
        None,
        "{SA: |Sender identification|SMTP |TLS |U=|no immediate delivery|retry time|removed|Spool file}<any>",
    ),
)
_FRAME = rf"^({STAMP}) (.*)$"


@dataclass(frozen=True, slots=True)
class Mainlog:
    """Exim's own log files."""

    name: str = "exim"
    service: str = "exim"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        return base.stamped(
            frame, _FRAME, lambda stamps: times.iso(stamps, clock), TABLE, service=self.service, source=source
        )
