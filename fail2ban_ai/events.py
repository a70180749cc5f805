"""The event table: one row for each log line that says what an actor did.

A Polars frame with the columns of SCHEMA, in order of `time`. `formats` makes it, everything after reads it.

=========  ==============================================================================================
column     meaning
=========  ==============================================================================================
time       UTC, microseconds
source     the file as it was named on the command line, or "journal:UNIT"
line       number of the line in its source, from 1
service    "web", "sshd", "dovecot", "postfix", "exim", "vsftpd", "proftpd", "pam", "fail2ban", or the jail
           whose failregex read it
kind       one of KINDS
address    normalised text of the address (addresses.parse), never a host name
account    user name tried or used, null when the line has none; at most 128 characters
method     web: request method as logged; null when the request line is malformed
target     web: request target exactly as logged, still encoded; the whole request when it is malformed
status     web: response status
bytes      web: bytes sent
referer    web: null for "-" and ""
agent      web: null for "-" and ""
host       web: virtual host where the format logs one
message    not web: the line's message with what varies masked, e.g. "Failed password for <user> from <ip>
           port <n> ssh2"; web error logs: the message; fail2ban: the jail's name
text       the raw line, at most 500 characters, control characters kept (printers escape them)
=========  ==============================================================================================
"""

import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "time": pl.Datetime("us", "UTC"),
    "source": pl.String(),
    "line": pl.UInt32(),
    "service": pl.String(),
    "kind": pl.String(),
    "address": pl.String(),
    "account": pl.String(),
    "method": pl.String(),
    "target": pl.String(),
    "status": pl.UInt16(),
    "bytes": pl.Int64(),
    "referer": pl.String(),
    "agent": pl.String(),
    "host": pl.String(),
    "message": pl.String(),
    "text": pl.String(),
}

KINDS = {
    "request": "a web request",
    "http_error": "a line of a web server's error log about a client",
    "login_failed": "a log-in that failed: one event for each attempt",
    "login_ok": "a log-in that succeeded",
    "invalid_user": "the service says that the account tried does not exist",
    "login_hint": "another line about an attempt that login_failed reports too (PAM beside sshd)",
    "probe": "a connection that never tried to log in, spoke the wrong protocol or gave up early",
    "reject": "a mail server refused a relay, a recipient or a command",
    "failure": "a line that a jail's failregex matched, of a service without a format of its own",
    "ban": "fail2ban banned the address",
    "unban": "fail2ban lifted a ban",
}

TEXT_LIMIT = 500
ACCOUNT_LIMIT = 128


def empty() -> pl.DataFrame:
    """An event table without rows."""
    return pl.DataFrame(schema=SCHEMA)
