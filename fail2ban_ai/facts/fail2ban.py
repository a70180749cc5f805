"""What fail2ban is told to spare: ignoreip and ignorecommand of every jail. Standard library only."""

import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fail2ban_ai import addresses
from fail2ban_ai.decisions import target_of
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.facts import Protected, Resolver
from fail2ban_ai.fail2ban import ignorecommand

COMMAND_SECONDS = 5.0
_SHELL = re.compile(r"[|&;()<>$`\\*?\[\]#~{}\n]")
_LISTED = re.compile(r"^[|`]- (.*)$", re.MULTILINE)  # how fail2ban-client prints a list (client/beautifier.py)


class Fail2ban(Protocol):
    """What of fail2ban.client.Client is needed here."""

    def jails(self) -> list[str]:
        """The names of the jails that run."""

    def ask(self, questions: Sequence[Sequence[str]]) -> list[str]:
        """The answers to several commands."""


@dataclass(slots=True)
class Spared:
    """The entries of all jails; `missing` and `problems` as in facts.Facts."""

    ignoreip: list[Protected] = field(default_factory=list)
    commands: dict[str, list[str]] = field(default_factory=dict)  # jail -> words, with <ip> in them
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def ask(fail2ban: Fail2ban, resolver: Resolver | None) -> Spared:
    """Ask the running server about every jail. Fail2banError when it does not answer."""
    found = Spared()
    running = fail2ban.jails()
    answers = iter(fail2ban.ask([("get", jail, what) for jail in running for what in ("ignoreip", "ignorecommand")]))
    for jail, ignored, command in zip(running, answers, answers, strict=True):  # two answers of each jail
        for entry in _LISTED.findall(ignored):
            _read_entry(found, entry.strip(), f"ignoreip of jail {jail}", resolver)
        _read_command(found, jail, command.strip())
    return found


def _read_entry(found: Spared, entry: str, source: str, resolver: Resolver | None) -> None:
    # fail2ban masks host bits, so 192.0.2.9/24 protects 192.0.2.0/24 there.
    network = target_of(entry) or _masked(entry)
    if network is not None:
        found.ignoreip.append(Protected(network, source))
        return
    shown = clean(entry, 80)
    if entry.startswith("file:"):  # since fail2ban 1.1.1
        found.missing.append(f"the addresses in {shown} ({source})")
        return
    names = None if resolver is None else resolver.forward(entry)
    if names is None:
        found.missing.append(f"the addresses of {shown} ({source}): DNS gave no answer")
    elif not names:
        found.problems.append(f"{shown} ({source}) is neither an address nor a host name that DNS knows.")
    for name in names or []:
        network = target_of(name)
        if network is not None:
            found.ignoreip.append(Protected(network, f"{source}, as {shown}"))


def _masked(entry: str) -> addresses.Network | None:
    text, slash, length = entry.partition("/")
    address = addresses.parse(text)
    if not slash or address is None or not length.isascii() or not length.isdigit():
        return None
    prefix = int(length) - (96 if ":" in text and address.version == 4 else 0)
    if not 0 <= prefix <= address.max_prefixlen:
        return None
    host_bits = address.max_prefixlen - prefix
    return addresses.parse_network(f"{type(address)(int(address) >> host_bits << host_bits)}/{prefix}")


def _read_command(found: Spared, jail: str, command: str) -> None:
    if command in ("", "None") or ignorecommand.is_ours(command):  # a rule's jail asks the gate itself
        return
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    # fail2ban would hand the command to a shell. We hand nothing to a shell, so what needs one cannot be asked.
    if not words or _SHELL.search(command.replace("<ip>", "")) or "<ip>" not in command:
        found.missing.append(f"whom the ignorecommand of jail {jail} spares: it needs a shell or has no <ip>")
        return
    found.commands[jail] = words


def spared_by_command(commands: Mapping[str, Iterable[str]], address: str) -> str | None:
    """The jail whose ignorecommand spares the address (it exits 0, as fail2ban has it), or None.

    `address` is in normal form. OSError or SubprocessError when a command cannot be run or takes over 5 s.
    """
    for jail, words in commands.items():
        done = subprocess.run(
            [word.replace("<ip>", address) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            return jail
    return None
