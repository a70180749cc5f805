"""Hostile parts at sshd, mail and FTP, and the attacker who tries everything a little."""

from random import Random

from . import agents, probes, words
from .auth_lines import SshConnection, ftp, imap, relay_refused, smtp
from .clock import log_between, pause
from .hostile_web import form_stuffing
from .stage import Stage
from .web_lines import request

Window = tuple[float, float]


def _try(  # noqa: PLR0917 - an attempt has that many facts
    stage: Stage, rng: Random, time: float, address: str, service: str, user: str, ok: bool = False
) -> None:
    """One attempt to log in at a service."""
    if service == "sshd":
        connection = SshConnection(stage, rng, time, address)
        if ok:
            connection.accepted(user, pause(rng, 120))
        else:
            connection.failed(user)
    elif service == "smtp":
        smtp(stage, rng, time, address, user, ok)
    elif service == "ftp":
        ftp(stage, rng, time, address, user, ok)
    else:
        imap(stage, rng, time, address, user, ok, protocol="pop3" if service == "pop3" else "imap")


def stuffing(
    stage: Stage,
    rng: Random,
    window: Window,
    *,
    n: int = 25,
    service: str = "imap",
    spread: bool = True,
    user: str | None = None,
    most: int = 3,
) -> None:
    """One account tried from `n` addresses, one to `most` failures each: of one /24, or (`spread`) of others each."""
    campaign = stage.campaign()
    if spread:
        addresses = stage.book.many(rng, n, rng.choice(("hosting", "home")))
    else:
        network = "203.0.113" if stage.scenario.account else rng.choice(stage.book.networks("hosting"))
        addresses = [stage.book.one(rng, network=network) for _ in range(n)]
    user = user or rng.choice(stage.users)
    if service == "web":
        form_stuffing(stage, rng, window, addresses=addresses, campaign=campaign, most=most)
        return
    length = window[1] - window[0]
    for address in addresses:
        stage.enter(address, "stuffing", "hostile", "credential_stuffing", campaign)
        time = window[0] + rng.random() * length * 0.9
        for _ in range(rng.randint(1, most)):
            _try(stage, rng, time, address, service, user)
            time += pause(rng, 120)


def spraying(stage: Stage, rng: Random, window: Window, *, n: int = 12, service: str = "imap") -> None:
    """Many accounts, one or two guesses each, shared out over `n` addresses, half of the names real."""
    campaign = stage.campaign()
    addresses = stage.book.many(rng, n)
    users = list(stage.users) + rng.sample(probes.USERS, 12)
    rng.shuffle(users)
    for i, user in enumerate(users * 2):
        address = stage.enter(addresses[i % len(addresses)], "spraying", "hostile", "credential_stuffing", campaign)
        _try(stage, rng, rng.uniform(*window), address, service, user)


def brute_force(
    stage: Stage, rng: Random, window: Window, *, service: str = "sshd", gap: float | None = None, count: int = 0
) -> None:
    """One address guesses on: seconds apart, or an hour; root, names of a wordlist, or one account."""
    address = stage.enter(
        stage.book.one(rng, "hosting" if rng.random() < 0.7 else "home", 0.03),
        "brute_force",
        "hostile",
        "brute_force",
        stage.campaign(),
    )
    gap = gap if gap is not None else log_between(rng, 1.5, 7200)
    style = rng.random()
    shuffled = rng.sample(probes.USERS, len(probes.USERS))
    time = window[0] + rng.random() * (window[1] - window[0]) * 0.8
    for i in range(count or 1 + int(log_between(rng, 1, 120))):
        if time >= window[1]:
            break
        user = "root" if style < 0.3 else shuffled[i % len(shuffled)] if style < 0.85 else rng.choice(stage.users)
        if service == "sshd":
            SshConnection(stage, rng, time, address).failed(user, rng.choices((1, 2, 3, 6), (80, 8, 8, 4))[0])
        else:
            _try(stage, rng, time, address, service, user)
        time += pause(rng, gap, 0.5)


def odd_names(stage: Stage, rng: Random, window: Window) -> None:
    """One address whose user names are none: addresses, sentences, lines about others, other protocols' requests."""
    address = stage.enter(stage.book.one(rng, "hosting"), "odd_names", "hostile", "brute_force", stage.campaign())
    gap = log_between(rng, 5, 3600)
    time = rng.uniform(*window)
    for _ in range(rng.randrange(2, 20)):
        other = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        name = rng.choice(probes.USERS)
        user = rng.choice(
            (
                other,
                f"{name} from {other} port {rng.randrange(1024, 65535)} ssh2",
                f"{name}@{other}",
                f"{name} {words.name(rng)}",
                "GET / HTTP/1.1",
                "".join(rng.choice("!#$%&*+-/;<=>?@^|~") for _ in range(rng.randrange(1, 12))),
                words.name(rng) * rng.randrange(4, 12),
            )
        )
        SshConnection(stage, rng, time, address).failed(user)
        time += pause(rng, gap, 0.5)


def ssh_botnet(stage: Stage, rng: Random, window: Window, *, n: int = 30, rounds: int = 3) -> None:
    """A list of names shared out over `n` unrelated addresses, each back every few hours: slow everywhere."""
    campaign = stage.campaign()
    names = rng.sample(probes.USERS, 30) + ["root"] * rng.randrange(0, 15)
    service = rng.choice(("sshd", "sshd", "smtp"))
    for address in stage.book.many(rng, n, rng.choice(("hosting", "home"))):
        stage.enter(address, "ssh_botnet", "hostile", "credential_stuffing", campaign)
        for _ in range(rng.randint(1, rounds)):
            _try(stage, rng, rng.uniform(*window), address, service, rng.choice(names))


def ssh_probe(stage: Stage, rng: Random, window: Window) -> None:
    """Banner grabs at sshd, then a guess or two."""
    address = stage.enter(stage.book.one(rng, "hosting"), "ssh_probe", "hostile", "brute_force", stage.campaign())
    time = rng.uniform(*window)
    for _ in range(rng.randrange(1, 4)):
        SshConnection(stage, rng, time, address).probe()
        time += pause(rng, 30, 1.5)
    for user in rng.sample(probes.USERS, rng.randrange(1, 4)):
        _try(stage, rng, time, address, "sshd", user)
        time += pause(rng, 60, 1.5)


def compromise(stage: Stage, rng: Random, window: Window, *, service: str = "sshd") -> None:
    """Guessing that succeeds in the end."""
    address = stage.enter(stage.book.one(rng, "hosting"), "compromise", "hostile", "compromise", stage.campaign())
    time = window[0] + rng.random() * (window[1] - window[0]) * 0.7
    user = rng.choice(stage.users)
    gap = log_between(rng, 2, 900)
    for _ in range(rng.randrange(3, 25)):
        _try(stage, rng, time, address, service, user)
        time += pause(rng, gap, 0.5)
    _try(stage, rng, time, address, service, user, True)


def relay_tests(stage: Stage, rng: Random, window: Window) -> None:
    """A spammer's test for an open relay, then guesses at SASL."""
    address = stage.enter(stage.book.one(rng, "hosting"), "relay_test", "hostile", "exploit_probe", stage.campaign())
    time = rng.uniform(*window)
    helo = words.name(rng)
    for _ in range(rng.randrange(1, 4)):
        relay_refused(stage, rng, time, address, helo)
        time += pause(rng, 20)
    if rng.random() < 0.5:
        smtp(stage, rng, time, address, "info", False)


def cross_service(stage: Stage, rng: Random, window: Window, *, mail: bool = True) -> None:
    """One address at web, sshd and IMAP: two or three attempts at each, never enough for any one service's threshold.

    Attempts at one service stay at least 15 minutes apart, beyond stock fail2ban's findtime of 10.
    """
    address = stage.enter(stage.book.one(rng, "hosting"), "cross_service", "hostile", "scan", stage.campaign())
    agent = agents.careless(rng, stage.scenario.year)
    acts = [("web", target) for target in rng.sample(probes.ADMIN + probes.SECRETS, rng.randrange(3, 5))]
    acts += [("sshd", user) for user in rng.sample(probes.USERS, rng.randrange(2, 4))]
    acts += [("imap", user) for user in ("info", rng.choice(stage.users), "admin")[: rng.randrange(2, 4)]]
    acts = [act for act in acts if mail or act[0] != "imap"]
    rng.shuffle(acts)
    length = window[1] - window[0]
    step = max(900.0, min(3000.0, length / (len(acts) + 1)))
    time = window[0] + rng.uniform(0, 300)
    for service, what in acts:
        if service == "web":
            request(stage, rng, time, address, "GET", what, agent, status=404 if what not in stage.site.sizes else None)
        else:
            _try(stage, rng, time, address, service, what)
        time += step * rng.uniform(1.0, 1.3)
