"""Dovecot's log-in processes (imap-login, pop3-login, submission-login, managesieve-login) and its auth processes.

The log-in process writes one line when a connection ends, with the number of attempts that failed in it: that line
counts. What the auth processes write about the same attempts (auth_verbose = yes) are hints. A user name may hold
anything, "rip=" included: the last "rip=" counts, and nothing that a client chose follows it. Passwords that
auth_verbose_passwords shows stand after the address; so these lines are only read when account and password hold no
"(", "," or blank.
"""

from fail2ban_ai.formats.patterns import Pattern

# "dovecot: imap-login: …" in syslog; in a log file of its own the process stands where the program does.
PROCESSES = ("imap-login", "pop3-login", "managesieve-login", "submission-login", "auth", "auth-worker", "dovecot-auth")
PROGRAMS = ("dovecot", *PROCESSES, "imap", "pop3", "lmtp", "lda", "managesieve", "anvil", "master", "stats")

_LOGIN = {
    "login": r"(?:dovecot: )?[a-z0-9]+-login: (?:Info: )?",
    "why": r"[^<>]*?",
    "rest": r"(?:, .*|: .*)?",
    "method": r"(?: method=[\w-]+,)?",
    "ip": r"(?P<address>[0-9a-fA-F:.]+)",
}
_ENDED = "<login><why>(auth failed, <times> {attempts|attempt}<why>: "
_AUTH = {
    "auth": r"(?:dovecot: )?(?:dovecot-)?auth(?:-worker)?(?:\([\w=,]*\))?: (?:Info: )?"
    r"(?:conn unix:[\w/-]+ \([^()]*\): )?(?:auth-worker<\d+>: )?",
    "driver": r"[\w-]+",
    "name": r"(?P<account>[^(),\s]*)",
    "session": r"(?:,(?:<[^<>\s]*>)?)?",
    "failure": r"(?:[Uu]nknown user|[Pp]assword mismatch|[Ii]nvalid credentials|[Aa]uthentication failure"
    r"|pam_authenticate\(\) failed: [A-Z][\w ]*)(?:[: ]+\(?[\w ?]*\)?)?",
    "ip": r"(?P<address>[0-9a-fA-F:.]+)",
    "shown": r"(?: \((?:given password|SHA1 of given password): [^(),<>]*\))?(?: - .*|: \d+ Time\(s\))?",
}

TABLE = (
    Pattern("login_failed", _ENDED + "user=<<user>>,<method> rip=<ip><rest>", _LOGIN),
    Pattern("login_failed", _ENDED + "method=<word>, rip=<ip><rest>", _LOGIN),
    Pattern("login_ok", "<login>Login: user=<<user>>,<method> rip=<ip><rest>", _LOGIN),
    Pattern("login_failed", "<login><why>(proxy dest auth failed): user=<<user>>,<method> rip=<ip><rest>", _LOGIN),
    Pattern(
        "probe",
        "<login><why>({no auth attempts|tried to use|client didn't finish|disconnected }<why>: "
        "user=<<user>>,<method> rip=<ip><rest>",
        _LOGIN,
    ),
    Pattern(
        "probe",
        "<login><why>({no auth attempts|tried to use|client didn't finish|disconnected }<why>:<method> rip=<ip><rest>",
        _LOGIN,
    ),
    Pattern("probe", "<login><why>: user=<<user>>,<method> rip=<ip><rest>", _LOGIN),
    Pattern("probe", "<login><why>: rip=<ip><rest>", _LOGIN),
    Pattern("login_hint", "<auth><driver>(<name>,<ip><session>): <failure><shown>", _AUTH),
    Pattern("login_hint", "<auth>auth(<name>,<ip>,sasl:<word>: (Info: )?<driver>: <failure><shown>", _AUTH),
    Pattern("login_hint", "auth(<name>,<ip>,sasl:<word>: ((Info: ))<driver>: <failure><shown>", _AUTH),
    Pattern(
        None,
        "((dovecot: )){imap|pop3|lmtp|lda|managesieve|submission|master|anvil|ssl-params|log|config|"
        "stats|indexer|indexer-worker|doveadm|replicator|director|script|dict|ipc}{:|(}<any>",
    ),
    Pattern(
        None, "{auth|auth-worker}<process>: {Info|Warning|Error|Debug|Fatal}: <any>", {"process": r"(?:\([\w=,]*\))?"}
    ),
    Pattern(None, "<login>{Info|Warning|Error|Debug|Fatal}: <any>", _LOGIN | {"login": r"[a-z0-9]+-login: "}),
    Pattern(
        None,
        "{Starting IMAP|Stopping IMAP|Dovecot v|Warning: |Killed with signal|SSL|lda(|deliver(|msgid=|sieve: }<any>",
    ),
)
