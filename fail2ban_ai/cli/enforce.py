"""`fail2ban-ai enforce`: carries decisions out, as root. Standard library only; no click, no Polars, no model."""

import argparse
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fail2ban_ai import decisions_outcomes, enforcer_settings, facts_host, paths
from fail2ban_ai.enforcer import Enforcer
from fail2ban_ai.errors import Fail2banAIError, Fail2banError
from fail2ban_ai.facts import Facts
from fail2ban_ai.facts_dns import ChildResolver
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Effect, Nft, effective, repair

POLL_SECONDS = 2.0
DOWN_SECONDS = 15.0  # between two questions to a fail2ban that does not answer
EFFECT_SECONDS = 300.0  # between two comparisons of fail2ban's lists with the firewall


def parser() -> argparse.ArgumentParser:
    """The options, all of them flags; manual page and completion are made of them, too."""
    made = argparse.ArgumentParser(
        prog="fail2ban-ai enforce",
        description="Carry decisions out through fail2ban-client (root).",
        epilog="Example:\n    fail2ban-ai enforce --once",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    once = made.add_mutually_exclusive_group()
    once.add_argument("--once", action="store_true", help="carry out what is waiting and end")
    once.add_argument(
        "--repair", action="store_true", help="have fail2ban block again what it lists as banned, and end"
    )
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 done, 1 nothing done for a stated reason, 2 usage."""
    options = parser().parse_args(arguments)
    client, nft = Client(), Nft()
    try:
        if options.repair:
            return _repair(client, nft)
        settings = enforcer_settings.load()
        banning = settings.mode == "enforce"
        if banning and os.geteuid() != 0:
            _say("enforcing needs root: fail2ban's socket is open to nobody else.")
            return 1
        with _alone():
            enforcer = Enforcer(client, nft, settings.gate, lambda: _facts(client), banning)
            return _once(enforcer) if options.once else _loop(enforcer)
    except Fail2banAIError as error:
        _say(str(error))
        return 1


def _facts(client: Client) -> Facts:
    return facts_host.gather(client, ChildResolver(), time.time())


def _once(enforcer: Enforcer) -> int:
    _tell(enforcer.step())
    return 0


def _loop(enforcer: Enforcer) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    said, since_effect = "", EFFECT_SECONDS
    while not stop.is_set():
        wait = POLL_SECONDS
        try:
            _tell(enforcer.step())
            if enforcer.banning and since_effect >= EFFECT_SECONDS:
                since_effect = 0.0
                _report([effective(enforcer.client, enforcer.nft, jail) for jail in jails.JAILS])
            said = ""
        except (Fail2banError, OSError) as error:
            wait = DOWN_SECONDS
            if str(error) != said:  # once, not every time
                _say(f"{error} Decisions are kept and carried out when this is over, unless they grow too old.")
            said = str(error)
        since_effect += wait
        stop.wait(wait)
    return 0


def _repair(client: Client, nft: Nft) -> int:
    effects = [repair(client, nft, jail) for jail in jails.JAILS]
    if None in effects:
        _say("the firewall could not be asked: is nft installed, and are you root?")
        return 1
    _report(effects)
    return 0 if all(effect is not None and not effect.unblocked for effect in effects) else 1


def _report(effects: list[Effect | None]) -> None:
    for effect in effects:
        if effect is not None and effect.unblocked:
            some = ", ".join(sorted(effect.unblocked)[:5])
            _say(
                f"jail {effect.jail}: {len(effect.unblocked)} of {len(effect.listed)} bans are listed but not blocked"
                f" ({some}); has something flushed the firewall? `fail2ban-ai enforce --repair` blocks them again."
            )


def _tell(outcomes: list[decisions_outcomes.Outcome]) -> None:
    for outcome in outcomes:
        reason = f" ({outcome.reason})" if outcome.reason else ""
        print(f"{outcome.result} {outcome.target} [{outcome.id}]{reason}", flush=True)


def _say(sentence: str) -> None:
    print(f"fail2ban-ai enforce: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock that keeps two enforcers from carrying the same decision out."""
    lock = paths.outcomes().with_name("enforce.lock")
    paths.make_folder(lock.parent)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Fail2banAIError("another `fail2ban-ai enforce` is running.") from error
        yield
    finally:
        os.close(handle)
