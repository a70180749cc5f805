"""`fail2ban-ai watch`: logs as they grow."""

import importlib
import signal
import sqlite3
import threading

import click

from fail2ban_ai import config
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.watch import memory


@click.command("watch")
def command() -> None:
    """Watch the logs that fail2ban reads, or those of the configuration, and ask for bans as lines arrive.

    Verdicts and problems are told on standard error, a line each; `fail2ban-ai status` says how it keeps up. It bans
    nobody itself: `fail2ban-ai enforce` does. End it with SIGTERM or Ctrl-C; it goes on where it stopped.

    \b
    Example:
        fail2ban-ai watch
    """
    memory.settle()
    watch = importlib.import_module("fail2ban_ai.watch.worker").Watch
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        watch(config.load()).run(stop)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"the state folder cannot be used: {error}") from error
