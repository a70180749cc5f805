"""Lines of log-ins: sshd with PAM (auth.log), dovecot and postfix (mail.log), vsftpd (vsftpd.log).

The wording is that of OpenSSH 8 to 9, Linux-PAM, Dovecot 2.3, Postfix 3 and vsftpd 3, as they log on Debian.
"""

# ruff: noqa: PLR0917 - a log line has that many fields

import base64
from datetime import UTC, datetime, timedelta
from random import Random

from .stage import Stage

AUTH, MAIL, FTP = "auth.log", "mail.log", "vsftpd.log"


def syslog(stage: Stage, name: str, time: float, program: str, message: str, address: str | None) -> None:
    """One line of a syslog file in the host's time stamps."""
    if stage.scenario.stamps == "iso":
        zone = stage.scenario.zone
        at = datetime.fromtimestamp(round(time, 6), UTC) + timedelta(minutes=zone)
        sign = "-" if zone < 0 else "+"
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}{sign}{abs(zone) // 60:02d}:{abs(zone) % 60:02d}"
    else:
        at = datetime.fromtimestamp(int(time), UTC)
        stamp = f"{at:%b} {at.day:2d} {at:%H:%M:%S}"
    stage.log(name, time, f"{stamp} {stage.hostname} {program}: {message}", address)


class SshConnection:
    """One connection to sshd: one process id and one client port, its clock moving on with each line."""

    def __init__(self, stage: Stage, rng: Random, time: float, address: str) -> None:
        self._stage, self._rng, self._address = stage, rng, address
        self._pid = rng.randrange(700, 900_000)
        self._port = rng.randrange(1025, 65500)
        self.time = time

    def _say(self, message: str, delay: float = 0.05) -> None:
        syslog(self._stage, AUTH, self.time, f"{self._stage.sshd}[{self._pid}]", message, self._address)
        self.time += self._rng.expovariate(1 / delay)

    def failed(self, user: str, tries: int = 1) -> None:  # noqa: PLR0912 - sshd itself has these cases
        """`tries` wrong passwords (or, on a host that takes keys only, refused keys) for `user`, then the end."""
        rng, a, port = self._rng, self._address, self._port
        stage = self._stage
        known = user in stage.users or user == "root"
        who = f"authenticating user {user}" if known else f"invalid user {user}"
        invalid = "" if known else "invalid user "
        mode = stage.scenario.ssh
        pam = f"logname= uid=0 euid=0 tty=ssh ruser= rhost={a}"
        tail = f"  user={user}" if known else ""
        if not known:
            self._say(f"Invalid user {user} from {a} port {port}", 0.1)
        if mode == "keys":
            self.time += rng.uniform(0.1, 0.8)
            if rng.random() < 0.3:
                self._say(f"Received disconnect from {a} port {port}:11: Bye Bye [preauth]", 0.001)
                self._say(f"Disconnected from {who} {a} port {port} [preauth]")
            else:
                self._say(
                    f"Connection {rng.choices(('closed', 'reset'), (9, 1))[0]} by {who} {a} port {port} [preauth]"
                )
            return
        for n in range(tries):
            if n == 0 or mode == "pam":
                if not known:
                    self._say("pam_unix(sshd:auth): check pass; user unknown", 0.001)
                self._say(
                    f"pam_unix(sshd:auth): authentication failure; {pam}{tail}",
                    0.1,
                )
            self.time += rng.uniform(1.2, 2.6)
            if mode == "pam":
                self._say(
                    f"error: PAM: Authentication failure for {'' if known else 'illegal user '}{user} from {a}", 0.01
                )
                self._say(f"Failed keyboard-interactive/pam for {invalid}{user} from {a} port {port} ssh2", 0.5)
            else:
                self._say(f"Failed password for {invalid}{user} from {a} port {port} ssh2", 0.5)
            self.time += rng.uniform(0.2, 4.0) if n + 1 < tries else 0.2
        if tries >= 6:
            self._say(
                f"error: maximum authentication attempts exceeded for {invalid}{user} from {a} port {port} ssh2 "
                "[preauth]"
            )
            self._say(f"Disconnecting {who} {a} port {port}: Too many authentication failures [preauth]")
            return
        if rng.random() < 0.55:
            word = rng.choice(("Bye Bye", "Normal Shutdown, Thank you for playing", "end", ""))
            self._say(f"Received disconnect from {a} port {port}:11: {word} [preauth]", 0.001)
            self._say(f"Disconnected from {who} {a} port {port} [preauth]")
        else:
            self._say(f"Connection closed by {who} {a} port {port} [preauth]")
        if tries > 1 and mode == "password":
            more = f"PAM {tries - 1} more authentication failure{'s' if tries > 2 else ''}"
            self._say(f"{more}; {pam}{tail}")

    def accepted(self, user: str, length: float = 600.0, key: str | None = None) -> None:
        """A session of `length` seconds, by password or by the key with fingerprint `key`."""
        rng, a, port = self._rng, self._address, self._port
        if key:
            self._say(f"Accepted publickey for {user} from {a} port {port} ssh2: ED25519 SHA256:{key}", 0.01)
        else:
            self._say(f"Accepted password for {user} from {a} port {port} ssh2", 0.01)
        uid = 0 if user == "root" else 1000 + self._stage.users.index(user) if user in self._stage.users else 1001
        self._say(f"pam_unix(sshd:session): session opened for user {user}(uid={uid}) by (uid=0)", 0.05)
        syslog(
            self._stage,
            AUTH,
            self.time,
            "systemd-logind[612]",
            f"New session {rng.randrange(9, 99999)} of user {user}.",
            None,
        )
        self.time += length
        self._say(f"Received disconnect from {a} port {port}:11: disconnected by user", 0.001)
        self._say(f"Disconnected from user {user} {a} port {port}", 0.001)
        self._say(f"pam_unix(sshd:session): session closed for user {user}")

    def probe(self) -> None:
        """A connection that never tries to log in."""
        rng, a, port = self._rng, self._address, self._port
        self._say(
            rng.choice(
                (
                    f"Connection closed by {a} port {port} [preauth]",
                    f"Connection closed by {a} port {port}",
                    f"Did not receive identification string from {a} port {port}",
                    f"banner exchange: Connection from {a} port {port}: invalid format",
                    f"Connection reset by {a} port {port} [preauth]",
                    f"Unable to negotiate with {a} port {port}: no matching key exchange method found. Their offer: "
                    "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1 [preauth]",
                )
            )
        )


def fingerprint(rng: Random) -> str:
    """A key's fingerprint as sshd prints it."""
    return base64.b64encode(bytes(rng.randrange(256) for _ in range(32))).decode().rstrip("=")


def _mailbox(stage: Stage, user: str) -> str:
    return f"{user}@{stage.mail_domain}" if stage.full_names else user


def imap(
    stage: Stage, rng: Random, time: float, address: str, user: str, ok: bool, tries: int = 1, protocol: str = "imap"
) -> None:
    """A log-in to dovecot: one that succeeds (with the session's end), or `tries` wrong passwords in one connection."""
    session = base64.b64encode(bytes(rng.randrange(256) for _ in range(9))).decode()
    mailbox = _mailbox(stage, user)
    where = f"rip={address}, lip={stage.book.server}"
    tls = rng.choices((", TLS", "", ", TLS: Connection closed"), (88, 8, 0 if ok else 4))[0]
    if ok:
        pid = rng.randrange(900, 900_000)
        message = (
            f"{protocol}-login: Login: user=<{mailbox}>, method=PLAIN, {where}, mpid={pid}{tls}, session=<{session}>"
        )
        syslog(stage, MAIL, time, "dovecot", message, address)
        stay = rng.choice((rng.uniform(0.5, 20), rng.uniform(60, 1790)))
        out = f"in={rng.randrange(80, 4000)} out={int(rng.lognormvariate(8, 1.2))}"
        syslog(
            stage,
            MAIL,
            time + stay,
            "dovecot",
            f"{protocol}({mailbox})<{pid}><{session}>: Disconnected: Logged out {out}",
            address,
        )
        return
    seconds = int(tries * rng.uniform(2, 7))
    known = user in stage.users
    if stage.auth_worker:
        why = "pam_authenticate() failed: Authentication failure (Password mismatch?)" if known else "unknown user"
        message = f"auth-worker({rng.randrange(900, 90000)}): pam({mailbox},{address},<{session}>): {why}"
        syslog(stage, MAIL, time, "dovecot", message, address)
    how = f"(auth failed, {tries} attempts in {seconds} secs)"
    head = ("Disconnected ", "Aborted login ", "Disconnected: Connection closed ")[stage.dovecot_style] + how
    message = f"{protocol}-login: {head}: user=<{mailbox}>, method=PLAIN, {where}{tls}, session=<{session}>"
    syslog(stage, MAIL, time + seconds, "dovecot", message, address)


def smtp(stage: Stage, rng: Random, time: float, address: str, user: str, ok: bool, peer: str = "unknown") -> None:
    """A log-in to postfix: connect, the SASL result, disconnect. postfix names the user only when it worked."""
    port = (
        rng.choice(("smtpd", "submission/smtpd", "smtps/smtpd"))
        if ok
        else rng.choice(("smtpd", "smtpd", "submission/smtpd"))
    )
    program = f"postfix/{port}[{rng.randrange(900, 900_000)}]"
    who = f"{peer}[{address}]"
    syslog(stage, MAIL, time, program, f"connect from {who}", address)
    time += rng.uniform(0.3, 2.5)
    if ok:
        queue = "".join(rng.choice("0123456789ABCDEF") for _ in range(10))
        message = f"{queue}: client={who}, sasl_method=PLAIN, sasl_username={_mailbox(stage, user)}"
        syslog(stage, MAIL, time, program, message, address)
        counts = "ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8"
    else:
        why = rng.choice(("UGFzc3dvcmQ6", "authentication failure", "UGFzc3dvcmQ6"))
        syslog(stage, MAIL, time, program, f"warning: {who}: SASL LOGIN authentication failed: {why}", address)
        counts = "ehlo=1 auth=0/1 quit=1 commands=2/3"
    syslog(stage, MAIL, time + rng.uniform(0.1, 1.5), program, f"disconnect from {who} {counts}", address)


def relay_refused(stage: Stage, rng: Random, time: float, address: str, helo: str) -> None:
    """A client that tries to send mail elsewhere through this server."""
    program = f"postfix/smtpd[{rng.randrange(900, 900_000)}]"
    who = f"unknown[{address}]"
    syslog(stage, MAIL, time, program, f"connect from {who}", address)
    name = rng.choice(("test", "spam", "check"))
    message = (
        f"NOQUEUE: reject: RCPT from {who}: 554 5.7.1 <{name}@{helo}.example.net>: Relay access denied; "
        f"from=<info@{helo}.example.com> to=<test@{helo}.example.net> proto=ESMTP helo=<{helo}>"
    )
    syslog(stage, MAIL, time + 0.7, program, message, address)
    syslog(
        stage, MAIL, time + 1.1, program, f"disconnect from {who} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", address
    )


def ftp(stage: Stage, rng: Random, time: float, address: str, user: str, ok: bool) -> None:
    """A log-in to vsftpd, in its own log, whose time stamps are local and name no zone: the clock here is UTC."""
    client = address if ":" in address else f"::ffff:{address}"
    pid = rng.randrange(900, 900_000)
    for delay, text in ((0.0, "CONNECT"), (rng.uniform(0.5, 4), f"[{user}] {'OK' if ok else 'FAIL'} LOGIN")):
        at = datetime.fromtimestamp(int(time + delay), UTC)
        stamp = f"{at:%a %b} {at.day:2d} {at:%H:%M:%S} {at.year}"
        stage.log(FTP, time + delay, f'{stamp} [pid {pid}] {text}: Client "{client}"', address)


def housekeeping(stage: Stage, rng: Random, time: float) -> None:
    """What cron leaves in auth.log every hour."""
    program = f"CRON[{rng.randrange(900, 900_000)}]"
    syslog(stage, AUTH, time, program, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", None)
    syslog(
        stage, AUTH, time + rng.uniform(0.05, 3), program, "pam_unix(cron:session): session closed for user root", None
    )
