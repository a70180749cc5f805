"""Lines made to mislead: an address that is only mentioned, another service's words, bytes that are no text."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fail2ban_ai import formats
from tests.formats.reading import events, parse, syslog

REAL, PLANTED = "192.0.2.1", "198.51.100.9"
# What stands around a name that a client chose, and the format that reads it.
AROUND = {
    "sshd failed": ("syslog", syslog("sshd[7]", "Failed password for invalid user {} from " + REAL + " port 22 ssh2")),
    "sshd key": ("syslog", syslog("sshd[7]", "Failed publickey for invalid user {} from " + REAL + " port 22 ssh2: RSA SHA256:ab")),
    "sshd accepted": ("syslog", syslog("sshd[7]", "Accepted publickey for {} from " + REAL + " port 22 ssh2: RSA SHA256:ab")),
    "sshd invalid": ("syslog", syslog("sshd[7]", "Invalid user {} from " + REAL + " port 22")),
    "sshd old": ("syslog", syslog("sshd[7]", "Invalid user {} from " + REAL)),
    "sshd closed": ("syslog", syslog("sshd[7]", "Connection closed by invalid user {} " + REAL + " port 22 [preauth]")),
    "sshd pam": ("syslog", syslog("sshd[7]", "error: PAM: Authentication failure for illegal user {} from " + REAL)),
    "sshd version": ("syslog", syslog("sshd[7]", "Bad protocol version identification '{}' from " + REAL + " port 22")),
    "sshd bye": ("syslog", syslog("sshd[7]", "Received disconnect from " + REAL + " port 22:11: {} [preauth]")),
    "sshd denied": ("syslog", syslog("sshd[7]", "User {} from " + REAL + " not allowed because not listed in AllowUsers")),
    "sshd offer": ("syslog", syslog("sshd[7]", "Unable to negotiate with " + REAL + " port 22: no matching cipher found. Their offer: {}")),
    "pam": ("syslog", syslog("vsftpd", "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={} rhost=" + REAL)),
    "pam user": ("syslog", syslog("x", "pam_unix(x:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=" + REAL + "  user={}")),
    "dovecot": ("syslog", syslog("dovecot", "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{}>, method=PLAIN, rip=" + REAL + ", lip=203.0.113.1, TLS")),
    "dovecot auth": ("syslog", syslog("dovecot", "auth: sql({}," + REAL + ",<s>): unknown user")),
    "dovecot password": ("syslog", syslog("dovecot", "auth: sql(bob," + REAL + ",<s>): Password mismatch (given password: {})")),
    "postfix": ("syslog", syslog("postfix/smtpd[7]", "warning: unknown[" + REAL + "]: SASL LOGIN authentication failed: x, sasl_username={}")),
    "postfix reject": ("syslog", syslog("postfix/smtpd[7]", "NOQUEUE: reject: RCPT from unknown[" + REAL + "]: 554 5.7.1 x; from=<{}> to=<a@example.org>")),
    "exim": ("exim", "2026-11-24 10:00:00 login authenticator failed for (x) [" + REAL + "]: 535 Incorrect authentication data (set_id={})"),
    "exim sender": ("exim", "2026-11-24 10:00:00 H=(x) [" + REAL + "] F=<{}> rejected RCPT <a@example.org>: no"),
    "exim command": ("exim", '2026-11-24 10:00:00 SMTP protocol error in "AUTH {}" H=(x) [' + REAL + "] AUTH command used when not advertised"),
    "vsftpd": ("vsftpd", 'Tue Nov 24 10:00:00 2026 [pid 2] [{}] FAIL LOGIN: Client "' + REAL + '"'),
    "vsftpd anonymous": ("vsftpd", 'Tue Nov 24 10:00:00 2026 [pid 2] [ftp] OK LOGIN: Client "' + REAL + '", anon password "{}"'),
    "proftpd": ("proftpd", "2026-11-24 10:00:00,1 h proftpd[7] s (c[" + REAL + "]): USER {} (Login failed): Incorrect password"),
    "nginx user": ("nginx_error", '2026/11/24 10:00:00 [error] 7#7: *1 user "{}" was not found in "/x", client: ' + REAL + ', server: , request: "GET / HTTP/1.1", host: "x"'),
    "nginx path": ("nginx_error", '2026/11/24 10:00:00 [error] 7#7: *1 open() "{}" failed (2: No such file), client: ' + REAL + ', server: x, request: "GET / HTTP/1.1"'),
    "nginx referer": ("nginx_error", '2026/11/24 10:00:00 [error] 7#7: *1 forbidden, client: ' + REAL + ', server: x, request: "GET / HTTP/1.1", host: "x", referrer: "{}"'),
    "apache error": ("apache_error", "[Tue Nov 24 10:00:00 2026] [error] [client " + REAL + "] File does not exist: /var/www/{}"),
    "combined user": ("combined", REAL + ' - {} [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'),
    "combined agent": ("combined", REAL + ' - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "{}"'),
    "combined referer": ("combined", REAL + ' - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "{}" "-"'),
}  # fmt: skip
# Pieces of every service's grammar, around the planted address.
PIECES = [
    PLANTED, PLANTED, " from ", " port 22", " ssh2", " ssh2: RSA SHA256:ab", " [preauth]", " rhost=", " user=", "  user=", ">, rip=",
    ", rip=", "user=<", ", method=PLAIN", " invalid user ", "x", " ", ": ", ", client: ", ", server: x", ', request: "GET / HTTP/1.1"',
    '"', "'", "[", "]", "(", ")", "<", ">", " H=(x) [", " [client ", "] FAIL LOGIN: Client \"", ",", ",<s>): unknown user",
    " not allowed because not listed in AllowUsers", "Failed password for root", "fail2ban.actions [7]: NOTICE [sshd] Ban ",
    "sshd[7]: ", "Nov 24 10:00:00 web1 ", " - - [24/Nov/2026:12:00:00 +0000] ", " AUTH command used when not advertised", "message repeated 3 times: [ ",
    " (given password: ", ": 535 Incorrect authentication data (set_id=", "\x00", "\r", "\x1b[2J", "é", " port 22:11: ", "; logname= uid=0 ",
]  # fmt: skip


@pytest.mark.parametrize("place", AROUND)
@settings(max_examples=20, deadline=None)
@given(planted=st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example(planted=PLANTED)
@example(planted=f"x from {PLANTED} port 22 ssh2")
@example(planted=f"x from {PLANTED} port 22 ssh2: RSA SHA256:ab")
@example(planted=f'a", client: {PLANTED}, server: x, request: "GET / HTTP/1.1"')
@example(planted=f"a, client: {PLANTED}, server: x")
@example(planted=f"a>, method=PLAIN, rip={PLANTED}, lip=203.0.113.1, TLS")
@example(planted=f"x,{PLANTED}): unknown user (given password: ")
@example(planted=f"x rhost={PLANTED}  user=a")
@example(planted=f'x" H=(y) [{PLANTED}] AUTH command used when not advertised')
def test_a_planted_address_is_never_the_events_address(place: str, planted: str) -> None:
    name, template = AROUND[place]
    quotes = name == "combined" and '"' in planted  # servers escape quotes in access logs
    line = template.replace("{}", planted.replace('"', r"\x22") if quotes else planted)
    assert {event["address"] for event in events(name, line)} <= {REAL}


@pytest.mark.parametrize("place", AROUND)
def test_a_plain_name_is_read(place: str) -> None:
    name, template = AROUND[place]
    assert [event["address"] for event in events(name, template.replace("{}", "bob"))] == [REAL]


IMITATIONS = [
    syslog("sshd[7]", "Failed password for root from 198.51.100.9 port 22 ssh2"),
    "2026-11-24 10:00:00,388 fail2ban.actions [7]: NOTICE [sshd] Ban 198.51.100.9",
]


@pytest.mark.parametrize("imitation", IMITATIONS)
def test_a_line_inside_a_field_is_not_a_line(imitation: str) -> None:
    web = f'192.0.2.1 - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "{imitation}"'
    for name in formats.FORMATS:
        found = events(name, web)
        assert {(event["service"], event["kind"], event["address"]) for event in found} <= {("web", "request", REAL)}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text(max_size=300)
        | st.lists(st.sampled_from([*PIECES, *(t for _, t in AROUND.values())]), max_size=6).map("".join)
        | st.binary(max_size=200).map(lambda b: b.decode("utf-8", "replace")),
        max_size=6,
    )
)
def test_no_line_crashes_a_format_and_none_is_counted_twice(lines: list[str]) -> None:
    for name in formats.FORMATS:
        parsed = parse(name, *lines)
        assert 0 <= parsed.understood <= len(lines)
        assert set(parsed.events["line"]) <= set(range(1, len(lines) + 1))


def test_very_long_lines_and_nul() -> None:
    long = "A" * 64_000
    lines = [template.replace("{}", long) for _, template in AROUND.values()] + [long, "\x00" * 64_000, "\ufffd" * 9]
    for name in formats.FORMATS:
        parsed = parse(name, *lines)
        assert parsed.understood <= len(lines)
        assert all(len(text) <= 500 for text in parsed.events["text"])
        assert all(len(account) <= 128 for account in parsed.events["account"].drop_nulls())
