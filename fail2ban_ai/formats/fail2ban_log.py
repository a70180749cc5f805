"""fail2ban's own log and its lines in syslog: bans and their ends. The event's message is the jail's name."""

from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = (r"fail2ban[\w.-]*",)

_JAIL = {
    "start": r"(?:fail2ban\.\w+ *(?:\[\d+\])?: )?(?:(?:NOTICE|WARNING|INFO|CRITICAL|ERROR) *)?",
    "jail": r"(?P<what>[\w.@:+-]+)",
}
TABLE = (
    Pattern("ban", "<start>[<jail>] {Ban|Restore Ban} <ip>", _JAIL),
    Pattern("unban", "<start>[<jail>] Unban <ip>", _JAIL),
    Pattern(
        None,
        "<start><any>",
        _JAIL
        | {
            "start": r"(?:fail2ban\.\w+ *(?:\[\d+\])?: )?(?:NOTICE|WARNING|INFO|DEBUG|"
            r"HEAVYDEBUG|TRACEDEBUG|MSG|CRITICAL|ERROR) "
        },
    ),
    Pattern(None, "{[|Jail |Server |Started|Stopped|Loaded|Created|Set |Added|Exiting}<any>"),
)
