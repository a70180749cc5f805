"""`fail2ban-ai enforce`: carries decisions out, as root. Standard library only; no click, no Polars, no model."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.enforce import breaker, trial
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.enforce.enforcer import Enforcer
from fail2ban_ai.enforce.reconcile import EVERY, Reconciler
from fail2ban_ai.enforce.settings import Settings
from fail2ban_ai.errors import Fail2banAIError
from fail2ban_ai.facts import Facts
from fail2ban_ai.facts import host as facts_host
from fail2ban_ai.facts.dns import ChildResolver
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft, repair

CONFIG = Path("/etc/fail2ban")
POLL_SECONDS = 0.2  # between two looks at the decisions log, which cost a tenth of a millisecond
DOWN_SECONDS = 5.0  # between two questions to a fail2ban that does not answer
COMPACT_SECONDS = 86400.0


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
    once.add_argument("--confirm", action="store_true", help="end the trial: bans last as long as the jails say")
    once.add_argument("--reset", action="store_true", help="close the circuit breaker, and end")
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 done, 1 nothing done for a stated reason, 2 usage."""
    options = parser().parse_args(arguments)
    client, nft = Client(), Nft()
    try:
        if options.repair:
            return _repair(client, nft)
        if options.confirm:
            return _confirm(client)
        if options.reset:
            return _reset()
        settings = enforcer_settings.load()
        if settings.mode == "enforce" and os.geteuid() != 0:
            _say("enforcing needs root: fail2ban's socket is open to nobody else.")
            return 1
        with _alone():
            enforcer = _enforcer(client, nft)
            _configure(enforcer, settings)
            return _once(enforcer) if options.once else _loop(enforcer)
    except (Fail2banAIError, OSError) as error:
        _say(str(error))
        return 1


def _enforcer(client: Client, nft: Nft) -> Enforcer:
    def facts() -> Facts:
        return facts_host.gather(client, ChildResolver(), time.time(), enforcer.recent_bans())

    enforcer = Enforcer(client, nft, Settings().gate, facts, banning=False)
    return enforcer


def _configure(enforcer: Enforcer, settings: Settings) -> None:
    """Take in the settings and how the trial stands. Raises ConfigError when that cannot be known."""
    if trial.lapse(time.time()):
        settings = enforcer_settings.load()
        _say("nobody confirmed enforcing within a day: back to observe.")
    known = trial.state()
    enforcer.banning = settings.mode == "enforce"
    enforcer.gate, enforcer.severity, enforcer.breaker = settings.gate, settings.severity, settings.breaker
    enforcer.longest = trial.BANTIME if known is not None and known.open else None


def _once(enforcer: Enforcer) -> int:
    _tell(enforcer.step())
    return 0


def _loop(enforcer: Enforcer) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    reconciler = Reconciler(enforcer.client, enforcer.nft, enforcer.tell)
    said, looked, compacted = "", -EVERY, time.monotonic()
    while not stop.is_set():
        wait, now = POLL_SECONDS, time.monotonic()
        try:
            settings = enforcer_settings.load()
            _configure(enforcer, settings)
            written = enforcer.step()
            _tell(written)
            unblocked = any(outcome.reason.startswith("not-blocked") for outcome in written)
            if enforcer.banning and (unblocked or now - looked >= EVERY):
                looked, reconciler.repairing = now, settings.repair
                reconciler.look(now)
            if now - compacted >= COMPACT_SECONDS:
                compacted = now
                decisions_outcomes.compact(time.time())
            if said:
                _say("that is over.")
            said = ""
        except (Fail2banAIError, OSError) as error:
            wait = DOWN_SECONDS
            if str(error) != said:  # once, not every time
                text = f"{error} Decisions are kept and carried out when this is over, unless they grow too old."
                enforcer.tell("waiting", str(error), text)
            said = str(error)
        stop.wait(wait)
    return 0


def _repair(client: Client, nft: Nft) -> int:
    running = client.jails()
    effects = [repair(client, nft, jail) for jail in jails.JAILS if jail in running]
    if None in effects:
        _say("the firewall could not be asked: is nft installed, and are you root?")
        return 1
    for effect in effects:
        if effect is not None and effect.unblocked:
            _say(f"jail {effect.jail}: {len(effect.unblocked)} of {len(effect.listed)} bans are still not blocked.")
    return 0 if effects and all(effect is not None and not effect.unblocked for effect in effects) else 1


def _confirm(client: Client) -> int:
    trial.confirm(CONFIG, client)
    print("Confirmed: bans last as long as the AI jails say, those in force too.")
    return 0


def _reset() -> int:
    open_ = breaker.tripped()
    if not breaker.reset(time.time()) or open_ is None:
        _say("the circuit breaker is not open.")
        return 1
    print(f"The circuit breaker is closed. It had opened since {open_.why}.")
    return 0


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
    with paths.held(lock, "another `fail2ban-ai enforce` is running."):
        yield
