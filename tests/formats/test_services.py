"""Each service's lines, as the service writes them: what kind of event, whose address, which account."""

from datetime import UTC, datetime

import pytest

from tests.formats.reading import events, one, parse, syslog

IP = "192.0.2.1"
SSHD, IMAP, SMTPD = "sshd[411]", "dovecot", "postfix/smtpd[9]"
FTP = f"ftp.example.com (mail.example.net[{IP}])"
EXIM = "2026-11-24 10:00:00 "
NGINX = "2026/11/24 10:00:00 [error] 7#7: *1 "
APACHE = "[Tue Nov 24 10:00:00.123456 2026] "

LINES = [
    # sshd
    ("syslog", syslog(SSHD, f"Failed password for invalid user bob from {IP} port 4242 ssh2"), "sshd", "login_failed", "bob"),
    ("syslog", syslog("sshd-session[411]", f"Failed password for root from {IP} port 4242 ssh2"), "sshd", "login_failed", "root"),
    ("syslog", syslog(SSHD, f"Invalid user bob from {IP} port 4242"), "sshd", "invalid_user", "bob"),
    ("syslog", syslog(SSHD, f"Accepted publickey for root from {IP} port 4242 ssh2: ED25519 SHA256:abc/+"), "sshd", "login_ok", "root"),
    ("syslog", syslog(SSHD, f"Accepted password for root from {IP} port 4242 ssh2"), "sshd", "login_ok", "root"),
    ("syslog", syslog(SSHD, f"error: PAM: Authentication failure for root from {IP}"), "sshd", "login_failed", "root"),
    ("syslog", syslog(SSHD, f"error: PAM: Authentication failure for illegal user bob from {IP}"), "sshd", "login_failed", "bob"),
    ("syslog", syslog(SSHD, f"Failed keyboard-interactive/pam for root from {IP} port 4242 ssh2"), "sshd", "login_hint", "root"),
    ("syslog", syslog(SSHD, f"Failed publickey for root from {IP} port 4242 ssh2: RSA SHA256:abc"), "sshd", "login_hint", "root"),
    ("syslog", syslog(SSHD, f"User root from {IP} not allowed because not listed in AllowUsers"), "sshd", "invalid_user", "root"),
    ("syslog", syslog(SSHD, f"Connection closed by authenticating user root {IP} port 4242 [preauth]"), "sshd", "probe", "root"),
    ("syslog", syslog(SSHD, f"Disconnected from invalid user bob {IP} port 4242 [preauth]"), "sshd", "probe", "bob"),
    ("syslog", syslog(SSHD, f"Received disconnect from {IP} port 4242:11: Bye Bye [preauth]"), "sshd", "probe", None),
    ("syslog", syslog(SSHD, f"Did not receive identification string from {IP} port 4242"), "sshd", "probe", None),
    ("syslog", syslog(SSHD, f"Unable to negotiate with {IP} port 4242: no matching cipher found. Their offer: x [preauth]"), "sshd", "probe", None),
    ("syslog", syslog(SSHD, f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={IP}  user=root"), "sshd", "login_hint", "root"),
    # PAM of others
    ("syslog", syslog("login[3]", f"pam_unix(login:auth): authentication failure; logname= uid=0 euid=0 tty=tty1 ruser= rhost={IP}  user=root"), "pam", "login_failed", "root"),
    ("syslog", syslog("vsftpd", f"pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=bob rhost={IP}"), "vsftpd", "login_failed", "bob"),
    # dovecot
    ("syslog", syslog(IMAP, f"imap-login: Login: user=<bob@example.com>, method=PLAIN, rip={IP}, lip=198.51.100.1, mpid=7, TLS, session=<a/b>"), "dovecot", "login_ok", "bob@example.com"),
    ("syslog", syslog(IMAP, f"pop3-login: Disconnected: Inactivity (auth failed, 1 attempts in 178 secs): user=<bob>, method=PLAIN, rip={IP}, lip=198.51.100.1"), "dovecot", "login_failed", "bob"),
    ("syslog", syslog("dovecot[7]", f"imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 6 secs) (auth_failed): user=<bob>, method=PLAIN, rip={IP}, lip=198.51.100.1, TLS"), "dovecot", "login_failed", "bob"),
    ("syslog", syslog(IMAP, f"imap-login: Disconnected (no auth attempts in 4 secs): user=<>, rip={IP}, lip=198.51.100.1, TLS"), "dovecot", "probe", None),
    ("syslog", syslog(IMAP, f"auth-worker(304): pam(bob,{IP}): pam_authenticate() failed: Authentication failure (Password mismatch?)"), "dovecot", "login_hint", "bob"),
    ("syslog", f"Nov 24 10:00:00 imap-login: Info: Aborted login (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip={IP}", "dovecot", "login_failed", "bob"),
    # postfix
    ("syslog", syslog(SMTPD, f"warning: unknown[{IP}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"), "postfix", "login_failed", None),
    ("syslog", syslog("postfix/submission/smtpd[9]", f"warning: host.example.net[{IP}]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=bob"), "postfix", "login_failed", "bob"),
    ("syslog", syslog(SMTPD, f"4F1C2: client=host.example.net[{IP}], sasl_method=PLAIN, sasl_username=bob"), "postfix", "login_ok", "bob"),
    ("syslog", syslog(SMTPD, f"NOQUEUE: reject: RCPT from unknown[{IP}]: 554 5.7.1 <a@example.org>: Relay access denied; from=<b@example.net> to=<a@example.org> proto=SMTP helo=<x>"), "postfix", "reject", None),
    ("syslog", syslog(SMTPD, f"lost connection after AUTH from unknown[{IP}]"), "postfix", "probe", None),
    ("syslog", syslog("postfix/postscreen[9]", f"PREGREET 14 after 0.08 from [{IP}]:59415: EHLO x"), "postfix", "probe", None),
    # exim
    ("exim", EXIM + f"login authenticator failed for (User) [{IP}]: 535 Incorrect authentication data (set_id=bob)", "exim", "login_failed", "bob"),
    ("exim", EXIM + f"H=(x) [{IP}]:4043 I=[198.51.100.1]:25 F=<a@example.net> rejected RCPT <b@example.org>: relay not permitted", "exim", "reject", None),
    ("exim", EXIM + f"1aBcDe-000123-XY <= a@example.org H=(pc) [{IP}]:4043 P=esmtpsa X=TLS1.3 A=plain_server:bob S=99", "exim", "login_ok", "bob"),
    ("exim", EXIM + f"no MAIL in SMTP connection from (x) [{IP}]:2056 D=0s", "exim", "probe", None),
    # FTP
    ("vsftpd", f'Tue Nov 24 10:00:00 2026 [pid 2] [bob] FAIL LOGIN: Client "::ffff:{IP}"', "vsftpd", "login_failed", "bob"),
    ("vsftpd", f'Tue Nov 24 10:00:00 2026 [pid 2] [bob] OK LOGIN: Client "{IP}"', "vsftpd", "login_ok", "bob"),
    ("proftpd", f"2026-11-24 10:00:00,121 ftp proftpd[7] {FTP}: USER bob (Login failed): Incorrect password", "proftpd", "login_failed", "bob"),
    ("proftpd", syslog("proftpd[7]", f"{FTP} - USER bob: no such user found from mail.example.net [{IP}] to 198.51.100.1:21"), "proftpd", "login_failed", "bob"),
    ("proftpd", f"2026-11-24 10:00:00,121 ftp proftpd[7] {FTP}: USER bob: Login successful.", "proftpd", "login_ok", "bob"),
    # web servers' error logs
    ("nginx_error", NGINX + f'user "bob": password mismatch, client: {IP}, server: x, request: "GET /a HTTP/1.1", host: "x"', "web", "login_failed", "bob"),
    ("nginx_error", NGINX + f'access forbidden by rule, client: {IP}, server: x, request: "GET /a HTTP/1.1", host: "x"', "web", "http_error", None),
    ("apache_error", APACHE + f"[auth_basic:error] [pid 7:tid 8] [client {IP}:5138] AH01617: user bob: authentication failure for \"/a\": Password Mismatch", "web", "login_failed", "bob"),
    ("apache_error", f"[Tue Nov 24 10:00:00 2026] [error] [client {IP}] File does not exist: /var/www/a", "web", "http_error", None),
    # fail2ban
    ("fail2ban", f"2026-11-24 10:00:00,388 fail2ban.actions        [7]: NOTICE  [sshd] Ban {IP}", "fail2ban", "ban", None),
    ("fail2ban", f"2026-11-24 10:00:00,388 fail2ban.actions        [7]: NOTICE  [sshd] Unban {IP}", "fail2ban", "unban", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line", "service", "kind", "account"), LINES)
def test_a_line_says_who_did_what_and_when(name: str, line: str, service: str, kind: str, account: str | None) -> None:
    event = one(name, line)
    assert (event["service"], event["kind"], event["address"], event["account"]) == (service, kind, IP, account)
    assert event["time"].replace(microsecond=0) == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert event["text"] == line


@pytest.mark.parametrize(
    "line",
    [
        syslog("CRON[7]", "(root) CMD (true)"),
        syslog(SSHD, f"Received disconnect from {IP} port 4242:11: disconnected by user"),
        syslog(SSHD, "Server listening on 0.0.0.0 port 22."),
        syslog(SMTPD, f"connect from unknown[{IP}]"),
        syslog(SSHD, "Failed password for root from host.example.com port 4242 ssh2"),
        "2026-11-24 10:00:00,388 fail2ban.filter [7]: INFO [sshd] Found 192.0.2.1 - 2026-11-24 10:00:00",
        "Nov 24 10:00:00 web1 last message repeated 3 times",
    ],
)
def test_some_lines_are_understood_and_stand_for_no_event(line: str) -> None:
    parsed = parse("syslog", line)
    assert (parsed.understood, parsed.events.height) == (1, 0)


@pytest.mark.parametrize(
    "line", ["", "no log line", syslog(SSHD, "Words that no sshd has written"), "Nov 44 10:00:00 web1 sshd[7]: x"]
)
def test_an_unknown_line_of_a_known_program_is_not_understood(line: str) -> None:
    parsed = parse("syslog", line)
    assert (parsed.understood, parsed.events.height) == (0, 0)


def test_counted_lines_stand_for_as_many_attempts_within_reason() -> None:
    failed = f"Failed password for root from {IP} port 4242 ssh2"
    assert len(events("syslog", syslog(SSHD, f"message repeated 3 times: [ {failed}]"))) == 3
    dovecot = f"imap-login: Disconnected (auth failed, 2 attempts in 4 secs): user=<a>, method=PLAIN, rip={IP}, lip=::1"
    assert [event["kind"] for event in events("syslog", syslog(IMAP, dovecot))] == ["login_failed"] * 2
    assert len(events("syslog", syslog(SSHD, f"message repeated 999999999 times: [ {failed}]"))) <= 100


def test_messages_are_masked() -> None:
    lines = [syslog(f"sshd[{n}]", f"Failed password for user{n} from 192.0.2.{n} port {n} ssh2") for n in range(1, 9)]
    assert {event["message"] for event in events("syslog", *lines)} == {
        "Failed password for <user> from <ip> port <n> ssh<n>"
    }
    ban = "2026-11-24 10:00:00,388 fail2ban.actions [7]: NOTICE [recidive] Ban 192.0.2.1"
    assert one("fail2ban", ban)["message"] == "recidive"


@pytest.mark.parametrize(
    "stamp",
    [
        "Nov 24 10:00:00",
        "2026-11-24T11:00:00.123456+01:00",
        "2026-11-24T10:00:00Z",
        "<38>Nov 24 10:00:00",
    ],
)
def test_syslog_stamps(stamp: str) -> None:
    event = one("syslog", f"{stamp} web1 sshd[7]: Invalid user bob from {IP}")
    assert event["time"].replace(microsecond=0) == datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_rfc5424() -> None:
    line = f'<38>1 2026-11-24T10:00:00.5Z web1 sshd 7 - [x@1 a="]"] Invalid user bob from {IP} port 1'
    assert one("syslog", line)["account"] == "bob"
