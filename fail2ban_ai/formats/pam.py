"""Linux-PAM's messages, written in the name of whatever program asks it.

pam_unix writes "authentication failure; logname= uid= euid= tty= ruser= rhost= user="; ruser and user are what the
client chose, and only rhost is the address. A name that holds "rhost=" itself leaves two readings: then the last one
counts if no "user=" follows, and a line with both is not read.
"""

from fail2ban_ai.formats.patterns import Pattern

_NAMES = {
    "module": r"(?:\(?pam_\w+\)?(?:\([^()]*\))?: ?)?(?:\(pam_\w+\) )?",
    "start": r"authentication failure; +logname=\S* uid=\d* euid=\d* tty=",
    "tty": r"\S*",
    "ruser": r"(?P<account>.*)",
    "host": r"(?P<address>\S*)",
}
_SSH = _NAMES | {"tty": "ssh"}


def _failures(kind: str, places: dict[str, str]) -> tuple[Pattern, ...]:
    one, nameless = {"rhost=": 1}, {" user=": 0}
    return (
        Pattern(kind, "<module><start><tty> ruser=<any> rhost=<host>(( [preauth])) user=<user>", places, one),
        Pattern(kind, "<module><start><tty> ruser=<ruser> rhost=<host>(( [preauth]))(( user=))", places, one),
        Pattern(kind, "<module><start><tty> ruser=<ruser> rhost=<host>(( [preauth]))", places, nameless),
    )


TABLE = (
    *_failures("login_hint", _SSH),
    *_failures("login_failed", _NAMES),
    Pattern(
        "login_hint",
        "<module><n> more authentication {failures|failure}; <any> rhost=<host>(( user=<user>))",
        _NAMES,
        {"rhost=": 1},
    ),
    Pattern(None, "<module>{check pass; user unknown|bad username |bad username}<any>", _NAMES),
    Pattern(None, "<module>{session opened for user|session closed for user|account |Account }<any>", _NAMES),
    Pattern(
        None,
        "<module>{requirement |Refused user |password changed for|user |User |conversation failed}<any>",
        _NAMES,
    ),
)
