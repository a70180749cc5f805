"""What a filter needs to know of each service: how its log looks to fail2ban, and where it listens.

Daemons, date patterns and ports are those of fail2ban's own filters and jail.conf for the same services.
"""

from dataclasses import dataclass

WEB_DATES = ("^[^\\[]*\\[({DATE})", "{^LN-BEG}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service: `daemon` is the regex for its name in syslog lines, `journalmatch` picks it from the journal."""

    template: str
    port: str
    title: str
    daemon: str = ""
    journalmatch: str = ""


SERVICES = {
    "web": Service("web.conf.j2", "http,https", "a web server's access log"),
    "sshd": Service(
        "syslog.conf.j2",
        "ssh",
        "sshd",
        r"sshd(?:-session)?",
        "_SYSTEMD_UNIT=ssh.service + _COMM=sshd",
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
    "proftpd": Service("syslog.conf.j2", "ftp,ftp-data,ftps,ftps-data", "proftpd", r"proftpd"),
}


def service_of(daemon: str) -> str:
    """The service whose filter has this `_daemon`; "web" where it has none."""
    return next((name for name, service in SERVICES.items() if service.daemon == daemon), "web")
