"""OpenSSH's daemon: sshd, and sshd-session and sshd-auth since 9.8.

Messages are those of its auth.c, auth2.c, auth-pam.c, packet.c, kex.c and sshd.c. One attempt is one login_failed: with
PAM's keyboard-interactive both "error: PAM: …" and "Failed keyboard-interactive/pam" are written, the second only from
some failures on, so the first one counts. "Failed none" is a client asking for the list of methods, "Failed publickey"
of an existing account a client trying its keys in turn: hints. The name that a client chose stands before its address.
"""

from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = ("sshd", "sshd-session", "sshd-auth")

_TRIED = "{password|unknown|keyboard-interactive|hostbased|gssapi-with-mic|gssapi-keyex|challenge-response|rhosts|rsa}"
_ASIDE = "{keyboard-interactive/pam|none}"
_PASSED = (
    "{password|publickey|keyboard-interactive/pam|keyboard-interactive|hostbased|gssapi-with-mic|gssapi-keyex|none}"
)
_ENDED = "{Connection closed by|Connection reset by|Disconnected from}"
_FROM = " from <ip> port <n>(( ssh<n>))"
_ENDS = "(( [preauth]))"

# What follows the address of a key's log-in: type, fingerprint, and names that a client chose, which hold no blank
# here, so that no " from <ip>" fits into them.
_KEY = {
    "key": r"[\w@.-]+ [\w:+/=$-]+(?: ID [^\s\"]* \(serial \d+\) CA [\w-]+ [\w:+/=-]+)?"
    r"(?:, client user \"[^\s\"]*\", client host \"[^\s\"]*\")?"
}
_PAM = {"error": r"[A-Z]?[a-z][A-Za-z ]*?"}
_SAID = {"said": r"[A-Za-z][A-Za-z -]*", "name": r"(?P<account>\S*)"}
_WHY = {
    "why": r"(?:not |a group is |none of user's groups are )?listed in \w+|not in any group"
    r"|(?:login )?shell \S+ (?:does not exist|is not executable)"
}

TABLE = (
    Pattern("login_failed", f"Failed {_TRIED} for invalid user <user>{_FROM}"),
    Pattern("login_failed", f"Failed {_TRIED} for <user>{_FROM}"),
    Pattern("login_hint", f"Failed {_ASIDE} for invalid user <user>{_FROM}"),
    Pattern("login_hint", f"Failed {_ASIDE} for <user>{_FROM}"),
    Pattern("invalid_user", "Invalid user <user> from <ip>(( port <n>))"),
    Pattern(None, "input_userauth_request: <any>"),
    Pattern("login_failed", "error: PAM: <error> for {illegal|invalid} user <user> from <ip>(( via <word>))", _PAM),
    Pattern("login_failed", "error: PAM: <error> for <user> from <ip>(( via <word>))", _PAM),
    Pattern(
        "probe", "((error: ))Received disconnect from <ip>(( port <n>)):<reason> [preauth]", {"reason": r" ?\d+:.*"}
    ),
    Pattern("probe", f"{_ENDED} {{invalid|authenticating}} user <user> <ip> port <n>{_ENDS}"),
    Pattern("probe", f"{_ENDED} <ip>(( port <n>)) [preauth]"),
    Pattern("login_ok", f"Accepted {_PASSED} for <user> from <ip> port <n>(( ssh<n>))((: <key>))", _KEY),
    Pattern(
        "login_failed", "Failed {publickey|hostbased} for invalid user <user> from <ip> port <n> ssh<n>: <key>", _KEY
    ),
    Pattern("login_failed", "Failed hostbased for <user> from <ip> port <n> ssh<n>: <key>", _KEY),
    Pattern("login_failed", f"Failed publickey for invalid user <user>{_FROM}"),
    Pattern("login_hint", "Failed publickey for <user> from <ip> port <n> ssh<n>: <key>", _KEY),
    Pattern("login_hint", f"Failed publickey for <user>{_FROM}"),
    # Before OpenSSH 3 no port was written.
    Pattern("login_failed", f"Failed {_TRIED} for invalid user <user> from <ip>", {}, {" from ": 1}),
    Pattern("login_failed", f"Failed {_TRIED} for <user> from <ip>", {}, {" from ": 1}),
    # Protocol 1 named a remote user after the address; an account without blanks leaves a single reading.
    Pattern("login_failed", "Failed password for <name> from <ip> port <n> ssh1: ruser <any>", _SAID),
    Pattern("login_hint", f"((error: ))maximum authentication attempts exceeded for invalid user <user>{_FROM}{_ENDS}"),
    Pattern("login_hint", f"((error: ))maximum authentication attempts exceeded for <user>{_FROM}{_ENDS}"),
    Pattern(
        "login_hint",
        f"Disconnecting {{invalid|authenticating}} user <user> <ip> port <n>: Too many authentication failures{_ENDS}",
    ),
    # "(old,ssh-connection) -> (new,ssh-connection)" repeats names that the client chose: no blank in them.
    Pattern(
        "probe",
        "Disconnecting {invalid|authenticating} user <user> <ip> port <n>: Change of username or service not allowed: "
        f"<word> -> <word>{_ENDS}",
    ),
    Pattern("probe", f"Disconnecting {{invalid|authenticating}} user <name> <ip> port <n>: <said>{_ENDS}", _SAID),
    Pattern("probe", f"Disconnecting <ip> port <n>: <said>{_ENDS}", _SAID),
    Pattern("invalid_user", "User <user> from <ip> not allowed because <why>", _WHY),
    Pattern(
        "login_failed",
        "{ROOT LOGIN REFUSED FROM|Root login rejected from|ROOT LOGIN REFUSED from} <ip>(( port <n>))" + _ENDS,
    ),
    Pattern("probe", "((error: ))Did not receive identification string from <ip>(( port <n>))"),
    Pattern("probe", "Bad protocol version identification '<any>' from <ip>(( port <n>))"),
    Pattern("probe", "Protocol major versions differ for <ip>(( port <n>)): <any>"),
    Pattern("probe", "((fatal: ))Unable to negotiate with <ip>(( port <n>)): no matching <any>"),
    Pattern("probe", "banner exchange: Connection from <ip> port <n>: <said>", _SAID),
    Pattern("probe", "((fatal: ))ssh_dispatch_run_fatal: Connection from <ip> port <n>: <said>" + _ENDS, _SAID),
    Pattern(
        "probe",
        "((fatal: ))ssh_dispatch_run_fatal: Connection from {invalid|authenticating} user <user> <ip> port <n>: <said>"
        + _ENDS,
        _SAID,
    ),
    Pattern("probe", "((fatal: ))Timeout before authentication for connection from <ip> to <any>"),
    Pattern("probe", "((fatal: ))Timeout before authentication for <ip>(( port <n>))((.))"),
    Pattern(
        "probe",
        "drop connection #<n> from [<peer>]:<n> on [<word>:<n> {past MaxStartups|penalty: |}<any>",
        {"peer": r"(?P<address>[0-9a-fA-F:.]+)"},
    ),
    Pattern("probe", "refused connect from <any> (<ip>)"),
    Pattern("probe", "Magic value check failed (<n>) on obfuscated handshake from <ip>(( port <n>))"),
    Pattern(
        "probe", "((error: ))Received disconnect from <ip>(( port <n>)):<reason>", {"reason": r" ?\d+:.*Auth fail"}
    ),
    Pattern("probe", "scanned from <ip> with <any>"),
    Pattern("probe", "Corrupted MAC on input from <ip> port <n><any>"),
    Pattern(
        "login_hint",
        "PAM <n> more authentication {failures|failure}; <any> rhost=<ip>((  user=<name>))",
        {"name": r"(?P<account>\S*)"},
    ),
    # From here on lines without an address, or about connections that end in order: no event.
    Pattern(None, "((error: ))Received disconnect from <ip>(( port <n>)):<any>"),
    Pattern(None, "{Connection closed|Connection reset|Closing connection to|Disconnected from|Connection from} <any>"),
    Pattern(None, "{Postponed|Partial} {publickey|keyboard-interactive|keyboard-interactive/pam|password} for <any>"),
    Pattern(None, "Disconnecting: <any>"),
    Pattern(None, "User <any> not allowed because <any>"),
    Pattern(None, "User child is on pid <n>"),
    Pattern(None, "((error: )){Address|reverse mapping checking getaddrinfo for|Nasty PTR record} <any>"),
    Pattern(None, "((error: ))kex_exchange_identification: <any>"),
    Pattern(None, "((error: ))kex_protocol_error: <any>"),
    Pattern(
        None,
        "((fatal: )){Read from socket failed|Write failed|Read error from|no hostkey alg|userauth_pubkey}<any>",
    ),
    Pattern(
        None,
        "((fatal: )){no matching|Unable to negotiate a key exchange method|mm_answer|mm_request|monitor_read}<any>",
    ),
    Pattern(None, "((error: ))Could not {load host key|get shadow information for}<any>"),
    Pattern(
        None, "error: {Bind to port|beginning MaxStartups|connect_to|Hm, kex|buffer_get|PAM: |ssh_|dispatch_}<any>"
    ),
    Pattern(None, "error: {Received disconnect|connection from|key_from|key_read|Unable to|channel|open |chroot}<any>"),
    Pattern(None, "{Server listening on|Received SIGHUP|Received signal|Exiting on signal|Received request}<any>"),
    Pattern(None, "{Starting session|Close session|Transferred|subsystem request|session opened|session closed}<any>"),
    Pattern(None, "{Accepted key|Found matching|Authentication refused|Authentication tried|Authorized to}<any>"),
    Pattern(None, "{PAM service(sshd)|PAM |SSH: |WARNING|lastlog_|rexec line|syslogin_|/etc/ssh}<any>"),
    Pattern(None, "{Set /proc|Timeout, client not responding|dispatch_protocol_error|Deprecated option}<any>"),
    Pattern(None, "{exited MaxStartups|error: exited MaxStartups|srclimit_penalise|penalty}<any>"),
    Pattern(None, "((error: )){Could not write ident string|Protocol major versions differ: |userauth_pubkey: }<any>"),
    Pattern(None, "{Corrupted MAC on input.|invalid public DH value|warning: can't get client address}<any>"),
    Pattern(None, "{debug1|debug2|debug3}: <any>"),
    Pattern(
        None, "{Bad packet length|Packet corrupt|padding error|message authentication code|Local disconnected}<any>"
    ),
    Pattern(None, "{Write failed|Broken pipe|ssh_dispatch_run_fatal|fatal: ssh_packet|Refusing|channel}<any>"),
)
