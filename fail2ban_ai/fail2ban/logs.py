"""Which logs fail2ban uses: asked from the running server, else read from its configuration by its own readers.

Not `fail2ban-client -d` for the second: it runs the same readers, but prints nothing at all when one jail of many has
no log file yet. Both name files by expanded globs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fail2ban_ai.errors import Fail2banDown, Fail2banError
from fail2ban_ai.fail2ban import code
from fail2ban_ai.fail2ban.client import Client

# Jails of fail2ban's jail.conf whose logs have a format of ours; every other jail is read through its failregex.
_SERVICES = {
    "sshd": "sshd",
    "pam-generic": "pam",
    "dovecot": "dovecot",
    "postfix": "postfix",
    "postfix-sasl": "postfix",
    "postfix-rbl": "postfix",
    "exim": "exim",
    "exim-spam": "exim",
    "vsftpd": "vsftpd",
    "proftpd": "proftpd",
    "recidive": "fail2ban",
    "php-url-fopen": "web",
}
_WEB = re.compile(r"(?:nginx|apache)-")
_ITEM = re.compile(r"[|`]- (.*)")
_NUMBERED = re.compile(r"\[\d+\]: (.*)")
_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class JailSource:
    """One jail's logs and thresholds; findtime in seconds. Either `paths` or `journalmatch` is empty.

    `service` is that of events.SCHEMA, None where only the jail's failregex can read the log.
    """

    jail: str
    service: str | None = None
    paths: tuple[str, ...] = ()
    journalmatch: tuple[str, ...] = ()
    backend: str = _AUTO
    findtime: int = 600
    maxretry: int = 5
    ignoreip: tuple[str, ...] = ()
    ignorecommand: str = ""
    failregex: tuple[str, ...] = field(default=(), repr=False)
    ignoreregex: tuple[str, ...] = field(default=(), repr=False)  # of a configuration; a server is not asked for it


def service_of(jail: str) -> str | None:
    """The service whose format reads the logs of a stock jail, None for any other jail."""
    return _SERVICES.get(jail) or ("web" if _WEB.match(jail) else None)


def discover(client: Client | None = None, *, config: str = code.CONFIG) -> list[JailSource]:
    """The enabled jails and their logs, in order of name; jails of our own are left out.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        Fail2banError: its configuration is broken; the message is fail2ban's.
    """
    client = client or Client()
    try:
        found = from_server(client)
    except Fail2banDown:
        found = from_configuration(config)
    return sorted((source for source in found if not source.jail.startswith("fail2ban-ai")), key=lambda s: s.jail)


def from_server(client: Client) -> list[JailSource]:
    """The jails that run.

    Raises:
        Fail2banAbsent, Fail2banDown: there is no server to ask.
    """
    return [running(client, jail) for jail in client.jails()]


def running(client: Client, jail: str) -> JailSource:
    """One jail that runs, as the server has it.

    Raises:
        Fail2banAbsent, Fail2banDown, JailMissing: there is no server, or no such jail, to ask.
    """
    match = client.get(jail, "journalmatch").partition("Current match filter:\n")[2].strip()
    regexes = [_NUMBERED.fullmatch(item) for item in _items(client.get(jail, "failregex"))]
    command = client.get(jail, "ignorecommand").strip()
    return JailSource(
        jail,
        service_of(jail),
        paths=() if match else tuple(_items(client.get(jail, "logpath"))),
        journalmatch=(match,) if match else (),
        backend="systemd" if match else _AUTO,
        findtime=int(client.get(jail, "findtime")),
        maxretry=int(client.get(jail, "maxretry")),
        ignoreip=tuple(_items(client.get(jail, "ignoreip"))),
        ignorecommand="" if command in ("None", "False") else command,
        failregex=tuple(regex.group(1) for regex in regexes if regex),
    )


def _items(text: str) -> list[str]:
    """The items of a list as fail2ban-client prints it (client/beautifier.py)."""
    return [item.group(1) for line in text.split("\n") if (item := _ITEM.fullmatch(line))]


def from_configuration(config: str = code.CONFIG) -> list[JailSource]:
    """The jails that the configuration enables.

    Raises:
        Fail2banAbsent: fail2ban is not installed.
        Fail2banError: the configuration is broken.
    """
    with code.Child({"do": "jails", "config": config}) as child:
        answer = child.receive()
    if answer is None or not isinstance(answer.get("commands"), list):
        raise Fail2banError(f"fail2ban's readers gave no jails for {config}.")
    commands = answer["commands"]
    assert isinstance(commands, list)  # noqa: S101 - tested above
    return from_commands(commands)


def from_commands(commands: Sequence[Sequence[object]]) -> list[JailSource]:
    """Jails from the commands that set them up: lists such as ["set", "sshd", "maxretry", 5]."""
    jails: dict[str, JailSource] = {}
    for command in commands:
        if len(command) >= 3 and command[0] == "add":
            name = str(command[1])
            jails[name] = JailSource(name, service_of(name), backend=str(command[2]))
        elif len(command) >= 4 and command[0] in ("set", "multi-set") and str(command[1]) in jails:
            jails[str(command[1])] = _with(jails[str(command[1])], str(command[2]), list(command[3:]))
    return [_settled(jail) for jail in jails.values()]


def _with(jail: JailSource, option: str, values: list[object]) -> JailSource:
    if values and isinstance(values[0], list):  # multi-set
        values = values[0]
    texts = tuple(str(value) for value in values)
    match option:
        case "addlogpath":
            jail = replace(jail, paths=(*jail.paths, texts[0]))
        case "addjournalmatch":
            jail = replace(jail, journalmatch=(*jail.journalmatch, " ".join(texts)))
        case "addfailregex":
            jail = replace(jail, failregex=jail.failregex + texts)
        case "addignoreregex":
            jail = replace(jail, ignoreregex=jail.ignoreregex + texts)
        case "addignoreip":
            jail = replace(jail, ignoreip=jail.ignoreip + tuple(text for text in texts if text))
        case "ignorecommand":
            jail = replace(jail, ignorecommand=texts[0])
        case "maxretry":
            jail = replace(jail, maxretry=int(texts[0]))
        case "findtime":
            jail = replace(jail, findtime=seconds(texts[0]))
    return jail


def _settled(jail: JailSource) -> JailSource:
    """Keep what the backend uses: fail2ban's readers give a journalmatch to polling jails too."""
    if jail.backend.startswith("systemd"):
        return replace(jail, paths=())
    return replace(jail, journalmatch=())


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2629800, "y": 31557600}
_PART = re.compile(r"\s*(\d+)\s*(mon?|[smhdwy])?[a-z]*\s*")


def seconds(text: str) -> int:
    """fail2ban's time abbreviations in seconds: "10m", "1d 12h", "600".

    Raises:
        Fail2banError: a text of another form (fail2ban itself would also take sums such as "1h+30m" and evaluates them
            as Python, which we do not).
    """
    total, at = 0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise Fail2banError(
                f"{text!r} is no time that fail2ban-ai understands; expected one such as 10m or 1d 12h."
            )
        unit = (part.group(2) or "s").replace("mon", "mo")
        total += int(part.group(1)) * _UNITS[unit]
        at = part.end()
    return total
