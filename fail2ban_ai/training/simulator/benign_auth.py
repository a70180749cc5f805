"""Benign parts at sshd, mail and FTP: people, their programs, their offices, and the mistakes they make."""

from random import Random

from . import words
from .auth_lines import MAIL, SshConnection, fingerprint, ftp, housekeeping, imap, smtp, syslog
from .clock import arrivals, every, log_between, pause
from .stage import Stage

Window = tuple[float, float]


def mail_clients(stage: Stage, rng: Random, window: Window, *, n: int = 5, period: float = 1800.0) -> None:
    """Mail programs that look for mail every so often and send some; hardly a failure."""
    for user in rng.sample(stage.users, min(n, len(stage.users))):
        address = stage.enter(stage.book.one(rng, "home", 0.15), "mail_client")
        for time in every(rng, *window, period * log_between(rng, 0.4, 3), 0.15):
            if rng.random() < 0.6:
                imap(stage, rng, time, address, user, True)
            if rng.random() < 0.06:
                smtp(stage, rng, time + 40, address, user, True)
            if rng.random() < 0.004:
                imap(stage, rng, time - 30, address, user, False)


def mailbox_user(
    stage: Stage, rng: Random, window: Window, *, user: str | None = None, per_day: float = 3.0, at: float | None = None
) -> None:
    """One person who opens the mail a few times a day; `at`: two mistyped passwords then, and the right one."""
    user = user or rng.choice(stage.users)
    address = stage.enter(stage.book.one(rng, "home", 0.1), "mailbox_user")
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        if rng.random() < 0.03:
            imap(stage, rng, time - 12, address, user, False)
        imap(stage, rng, time, address, user, True)
    if at is not None:
        imap(stage, rng, at, address, user, False)
        imap(stage, rng, at + 15, address, user, False)
        imap(stage, rng, at + 40, address, user, True)


def old_password(
    stage: Stage, rng: Random, window: Window, *, user: str | None = None, period: float = 900.0, known: bool = True
) -> None:
    """A phone with last month's password: it fails at regular times, day and night; the laptop beside it works."""
    user = user or rng.choice(stage.users)
    address = stage.enter(stage.book.one(rng, "home"), "old_password")
    change = window[0] + (window[1] - window[0]) * rng.uniform(0.3, 0.7)
    if known:
        for time in every(rng, window[0], change, 5400, 0.3):
            imap(stage, rng, time, address, user, True)
    for time in every(rng, change, window[1], period * rng.choice((1, 2, 4)), 0.02):
        imap(stage, rng, time, address, user, False)
        if known and rng.random() < 0.15:
            imap(stage, rng, time + 200, address, user, True)


def office(
    stage: Stage, rng: Random, window: Window, *, people: int = 8, per_day: float = 3.0, service: str = "imap"
) -> None:
    """An office behind one address: many accounts, many successes, failures of several people among them."""
    address = stage.enter(stage.book.one(rng, "home"), "office")
    key = fingerprint(rng)
    for user in rng.sample(stage.users, min(people, len(stage.users))):
        for time in arrivals(rng, *window, per_day, stage.scenario.busy):
            wrong = rng.choices((0, 1, 2, 3), (88, 7, 3, 2))[0]
            if service == "sshd":
                connection = SshConnection(stage, rng, time, address)
                if wrong:
                    connection.failed(user, wrong)
                    connection = SshConnection(stage, rng, connection.time + 5, address)
                connection.accepted(user, pause(rng, 900), key if stage.scenario.ssh == "keys" else None)
                continue
            if wrong:
                imap(stage, rng, time - 20, address, user, False, wrong)
            imap(stage, rng, time, address, user, True)


def roaming(
    stage: Stage,
    rng: Random,
    window: Window,
    *,
    user: str | None = None,
    per_day: float = 5.0,
    wrong: float = 0.15,
    service: str = "imap",
) -> None:
    """One person on the move: a new mobile address every few hours, the same account, failures now and then."""
    user = user or rng.choice(stage.users)
    network = rng.choice(stage.book.networks("mobile"))
    address = ""
    changed = float("-inf")
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        if time - changed > log_between(rng, 600, 20000):
            net = network if rng.random() < 0.7 else None
            address = stage.enter(stage.book.one(rng, "mobile", network=net), "roaming_user")
            changed = time
        failed = rng.random() < wrong
        if service == "sshd":
            connection = SshConnection(stage, rng, time, address)
            if failed:
                connection.failed(user, 1)
                connection = SshConnection(stage, rng, connection.time + 4, address)
            connection.accepted(user, pause(rng, 300))
            continue
        if failed:
            imap(stage, rng, time - 15, address, user, False)
        imap(stage, rng, time, address, user, True)


def sysadmins(
    stage: Stage,
    rng: Random,
    window: Window,
    *,
    n: int = 2,
    per_day: float = 1.5,
    user: str | None = None,
    at: float | None = None,
) -> None:
    """Admins over ssh, by key or password, with a typo now and then; `at`: two wrong passwords then, and in."""
    for i in range(n):
        name = user or (rng.choice(stage.users[:4]) if rng.random() < 0.8 else "root")
        address = stage.enter(stage.book.one(rng, "home", 0.12), "sysadmin")
        key = fingerprint(rng) if stage.scenario.ssh == "keys" or rng.random() < 0.6 else None
        for time in arrivals(rng, *window, per_day, stage.scenario.busy):
            if rng.random() < 0.08:
                connection = SshConnection(stage, rng, time - 30, address)
                connection.failed(name if rng.random() < 0.6 else name[:-1] + rng.choice("aeinst"), rng.randrange(1, 3))
            SshConnection(stage, rng, time, address).accepted(name, pause(rng, 900, 1.2), key)
        if at is not None and i == 0:
            connection = SshConnection(stage, rng, at, address)
            connection.failed(name, 2)
            SshConnection(stage, rng, connection.time + 8, address).accepted(name, 600, key)


def deploy_keys(stage: Stage, rng: Random, window: Window, *, per_day: float = 6.0) -> None:
    """CI runners and nightly rsync: sessions of seconds by key, from a few hosting addresses, in bursts."""
    user = rng.choice(("deploy", "git", "ci", "backup", "ansible"))
    if user not in stage.users:
        stage.users.append(user)
    key = fingerprint(rng)
    runners = [stage.enter(stage.book.one(rng, "hosting", 0.1), "deploy_key") for _ in range(rng.randrange(1, 4))]
    for start in arrivals(rng, *window, per_day, None):
        time = start
        for _ in range(rng.randrange(1, 9)):
            SshConnection(stage, rng, time, rng.choice(runners)).accepted(user, rng.uniform(0.4, 20), key)
            time += rng.uniform(1, 30)


def lost_users(stage: Stage, rng: Random, window: Window, *, per_day: float = 0.3, service: str = "imap") -> None:
    """People who come once, fail once or twice (a mistyped name, a forgotten password) and give up or get in."""
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        address = stage.enter(stage.book.one(rng, "home", 0.1), "lost_user")
        user = rng.choice(stage.users)
        if service == "imap":
            imap(stage, rng, time, address, user, False, rng.randrange(1, 3))
            if rng.random() < 0.7:
                imap(stage, rng, time + 60, address, user, True)
        else:
            connection = SshConnection(stage, rng, time, address)
            connection.failed(user if rng.random() < 0.5 else user.title(), rng.randrange(1, 3))
            if rng.random() < 0.7:
                SshConnection(stage, rng, connection.time + 20, address).accepted(user, pause(rng, 600))


def ftp_users(stage: Stage, rng: Random, window: Window, *, n: int = 2, per_day: float = 1.0) -> None:
    """People and cameras that put files on the FTP server."""
    for user in rng.sample(stage.users, min(n, len(stage.users))):
        address = stage.enter(stage.book.one(rng, "home"), "ftp_user")
        for time in arrivals(rng, *window, per_day * log_between(rng, 0.3, 6), stage.scenario.busy):
            if rng.random() < 0.05:
                ftp(stage, rng, time - 20, address, user, False)
            ftp(stage, rng, time, address, user, True)


def cron(stage: Stage, rng: Random, window: Window) -> None:
    """Lines of no actor: cron's sessions in auth.log."""
    for time in every(rng, *window, 3600, 0.0001):
        housekeeping(stage, rng, time)


def senders(stage: Stage, rng: Random, window: Window, *, per_day: float = 6.0) -> None:
    """Other mail servers that deliver mail: named hosts that connect and go, no log-in."""
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        address = stage.enter(stage.book.one(rng, "hosting", 0.1), "mail_server")
        who = f"mail.{words.name(rng)}.example.com[{address}]"
        program = f"postfix/smtpd[{rng.randrange(900, 900_000)}]"
        syslog(stage, MAIL, time, program, f"connect from {who}", address)
        counts = "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
        syslog(stage, MAIL, time + rng.uniform(0.5, 4), program, f"disconnect from {who} {counts}", address)
