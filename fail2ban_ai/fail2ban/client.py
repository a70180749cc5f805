"""Talks to a fail2ban server through `fail2ban-client`. Standard library only: the root process imports this.

The server's socket speaks pickle both ways, so nothing of ours ever opens it. Every call costs about 0.1 s, and holds
the server's only communication thread for about 10 ms an address, so batches stay small. Measured on fail2ban 1.0.2.
"""

import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from fail2ban_ai.errors import Fail2banAbsent, Fail2banDown, Fail2banError, JailMissing
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.conversation import Conversation

BATCH = 50  # addresses in one call: half a second of the server's time
EVIDENCE_BYTES = 4096  # of one ban; the kernel refuses command lines of about 140,000 characters
_DOWN = (
    "Is it running",
    "Failed to access socket path",
    "Could not find server",
    "unexpected state",
    "Connection refused",  # the socket of a server that crashed
    "Connection reset",
    "Broken pipe",
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Client:
    """`command` is how to call fail2ban-client, with the options of a private server where it is one."""

    def __init__(self, command: Sequence[str] = ("fail2ban-client",), *, timeout: float = 30.0) -> None:
        self._command = tuple(command)
        self._timeout = timeout
        self._conversation: Conversation | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a private server; none for the host's own."""
        return self._command[1:]

    def run(self, *words: str) -> str:
        """What the command prints.

        Raises Fail2banAbsent, Fail2banDown, JailMissing or Fail2banError, each with one sentence.
        """
        if self._conversation is not None and words[:1] in (("get",), ("set",), ("status",)):
            answered = self._conversation.ask(words)
            if answered is not None:
                answer, complaints = answered
                if " ERROR " in complaints:
                    raise _error(words, f"{answer}\n{complaints}")
                return answer
        try:
            done = subprocess.run(
                [*self._command, *words],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._timeout,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise Fail2banAbsent("fail2ban is not installed: fail2ban-client is not on the PATH.") from error
        except subprocess.TimeoutExpired as error:
            raise Fail2banDown(f"fail2ban did not answer within {self._timeout:.0f} s.") from error
        if done.returncode != 0:
            raise _error(words, f"{done.stdout}\n{done.stderr}")
        return done.stdout.strip("\n")

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is asked meanwhile is asked in one process, where that can be done."""
        if self._conversation is not None:
            yield
            return
        self._conversation = Conversation(self._command, self._timeout)
        try:
            yield
        finally:
            self._conversation.close()
            self._conversation = None

    def ask(self, questions: Sequence[Sequence[str]]) -> list[str]:
        """The answers to several commands, in their order, from one process. Raises what `run` does."""
        with self.together():
            return [self.run(*words) for words in questions]

    def ping(self) -> bool:
        """Whether the server answers."""
        try:
            return "pong" in self.run("ping")
        except Fail2banDown:
            return False

    def status(self, jail: str | None = None) -> str:
        """The text of `fail2ban-client status [JAIL]`."""
        return self.run("status", *([jail] if jail else []))

    def jails(self) -> list[str]:
        """The names of the jails that run."""
        found = re.search(r"Jail list:\s*(.*)", self.status())
        return [name for name in re.split(r",\s*", found.group(1)) if name] if found else []

    def get(self, jail: str, what: str) -> str:
        """The text of `fail2ban-client get JAIL WHAT`."""
        return self.run("get", jail, what)

    def banned(self, jail: str) -> list[str]:
        """What the jail lists as banned. This says nothing about the firewall: see `effective`."""
        return self.get(jail, "banip").split()

    def attempt(self, jail: str, target: str, evidence: Iterable[str] = ()) -> None:
        """Ban a target with its evidence as matches. The ban comes about 0.25 s later: `await_banned`.

        The jail must have maxretry = 1. Raises TargetError before fail2ban, which would take any text, sees it.
        """
        self.run("set", jail, "attempt", _checked(target), *clip(evidence))

    def banip(self, jail: str, targets: Sequence[str]) -> int:
        """Ban targets at once, without evidence; returns how many are new. Raises TargetError before any is banned."""
        return self._batches(jail, "banip", targets)

    def unban(self, jail: str, targets: Sequence[str]) -> int:
        """Lift bans; returns how many there were."""
        return self._batches(jail, "unbanip", targets)

    def await_banned(self, jail: str, targets: Iterable[str], *, seconds: float = 2.0) -> set[str]:
        """Wait until the jail lists all targets, `seconds` at most; returns those it does not list."""
        missing = {_checked(target) for target in targets}
        end = time.monotonic() + seconds
        while missing:
            missing -= set(self.banned(jail))
            if not missing or time.monotonic() >= end:
                break
            time.sleep(0.1)
        return missing

    def restart_jail(self, jail: str) -> None:
        """Restart one jail; fail2ban then repeats the bans of its database. The other jails are left alone."""
        self.run("restart", "--if-exists", jail)

    def _batches(self, jail: str, verb: str, targets: Sequence[str]) -> int:
        checked = [_checked(target) for target in targets]
        answers = (self.run("set", jail, verb, *checked[i : i + BATCH]) for i in range(0, len(checked), BATCH))
        return sum(int(answer) for answer in answers if answer.strip().isdigit())


def clip(evidence: Iterable[str]) -> list[str]:
    """Evidence as fail2ban may store it: no control characters, at most EVIDENCE_BYTES in all."""
    left = EVIDENCE_BYTES
    lines = []
    for line in evidence:
        text = _CONTROL.sub(" ", line).encode("utf-8", "replace")[:left].decode("utf-8", "ignore").strip()
        if text:
            lines.append(text)
            left -= len(text.encode())
        if left <= 0:
            break
    return lines


def _checked(target: str) -> str:
    return jails.text_of(jails.normalise(target))


def _error(words: Sequence[str], output: str) -> Fail2banError:
    if "Permission denied to socket" in output:
        return Fail2banDown("fail2ban's socket is open to root only: run this as root.")
    if any(sign in output for sign in _DOWN):
        return Fail2banDown("fail2ban does not answer: its server is not running.")
    if "does not exist" in output and len(words) > 1:
        jail = next((word for word in words[1:] if not word.startswith("-")), "?")
        return JailMissing(f"fail2ban has no jail named {jail!r} running.")
    last = _CONTROL.sub(" ", (output.strip().splitlines() or ["no reason given"])[-1])
    return Fail2banError(f"fail2ban-client {words[0]} failed: {last[:300]}")
