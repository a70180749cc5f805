"""ProFTPD, in syslog and in its own log (which has syslog's frame): "SERVER (CLIENT[ADDRESS]): message".

The address stands before the user name; what follows the name repeats the client and is not read.
"""

from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = ("proftpd",)

_PLACES = {
    "client": r"\S+ \([^\s\[\]()]*\[(?P<address>[0-9a-fA-F:.]+)\]\)(?::| -)",
    "name": r"(?P<account>.*?)",
    "root": r"(?P<account>[Rr]oot)",
}


def _p(kind: str | None, text: str) -> Pattern:
    return Pattern(kind, text, _PLACES)


TABLE = (
    _p("login_failed", "<client> USER <name>: no such user found from <any>"),
    _p("login_failed", "<client> USER <name> (Login failed): <any>"),
    _p("login_failed", "<client> SECURITY VIOLATION: <root> login attempted((.))"),
    _p("login_ok", "<client> {USER|ANON} <user>: Login successful((.))"),
    _p("login_hint", "<client> Maximum login attempts (<n>) exceeded<any>"),
    _p("probe", "refused connect from <word> (<ip>)"),
    _p(None, "<client> <any>"),
    _p(None, "{ProFTPD|proftpd|daemon|error|warning|notice|fatal|mod_|PAM|IPv6|configuration|using|unable}<any>"),
    _p(None, "{Starting|Stopping|Reloading} ftp server<any>"),
    _p(None, "<word> {-|ProFTPD} <any>"),
)
