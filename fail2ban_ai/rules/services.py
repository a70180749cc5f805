"""What a filter needs to know of each service: how its log looks to fail2ban, and where it listens.

Daemons, date patterns and ports are those of fail2ban's own filters and jail.conf for the same services.
"""

import re
from dataclasses import dataclass

WEB_DATES = ("^[^\\[]*\\[({DATE})", "{^LN-BEG}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service: `daemon` is the regex for its name in syslog lines, `journalmatch` picks it from the journal.

    `head`: what stands before the message in a log file of its own, as (date, the rest), where it writes one; `date` is
    one of such dates, that of forms.SAMPLE_TIME.
    """

    template: str
    port: str
    title: str
    daemon: str = ""
    journalmatch: str = ""
    head: str = ""
    date: str = ""


SERVICES = {
    "web": Service("web.conf.j2", "http,https", "a web server's access log"),
    "sshd": Service(
        "syslog.conf.j2",
        "ssh",
        "sshd",
        r"sshd(?:-session)?",
        "_SYSTEMD_UNIT=ssh.service",  # not _COMM=sshd as well: any local user's program can bear that name
    ),
    "dovecot": Service(
        "syslog.conf.j2",
        "pop3,pop3s,imap,imaps,submission,465,sieve",
        "dovecot",
        r"(?:dovecot(?:-auth)?|auth)",
        "_SYSTEMD_UNIT=dovecot.service",
    ),
    "postfix": Service(
        "syslog.conf.j2",
        "smtp,465,submission",
        "postfix",
        r"postfix(?:-\w+)?/\w+(?:/smtp[ds])?",
        "_SYSTEMD_UNIT=postfix.service",
    ),
    "proftpd": Service(
        "syslog.conf.j2",
        "ftp,ftp-data,ftps,ftps-data",
        "proftpd",
        r"proftpd",
        "_SYSTEMD_UNIT=proftpd.service",
    ),
    "vsftpd": Service(
        "syslog.conf.j2",
        "ftp,ftp-data,ftps,ftps-data",
        "vsftpd",
        r"vsftpd",
        head=r"^(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})( \[pid \d+\] )",
        date="Tue Jun 14 11:00:00 2005",
    ),
    "exim": Service(
        "syslog.conf.j2",
        "smtp,465,submission",
        "exim",
        r"exim4?",
        head=r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)((?: \[\d+\])? )",
        date="2005-06-14 11:00:00",
    ),
}
# Why the logs of other services have no filters.
NONE = {
    "pam": "PAM speaks for a program that is no server we know, so there is no port to close",
}


def head_of(service: str, line: str) -> tuple[str, str] | None:
    """(date, what else stands before the message) in a line of a service's own log; None where it is of syslog."""
    head = SERVICES[service].head
    found = re.match(head, line) if head else None
    return (found[1], found[2]) if found else None


def service_of(daemon: str) -> str:
    """The service whose filter has this `_daemon`; "web" where it has none."""
    return next((name for name, service in SERVICES.items() if service.daemon == daemon), "web")
