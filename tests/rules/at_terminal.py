"""`fail2ban-ai review` on a test's bench, run as a process of its own at the terminal that is its standard input.

Before it waits for a key it says so, so that whoever presses one knows that it will be read: click throws away what was
typed before.
"""

import json
import os
import sys
from pathlib import Path

import click

from fail2ban_ai.cli import review
from fail2ban_ai.cli.group import cli
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.suggestion import Step

READY = "\x1b]777;key\x07"  # a message to the terminal, which shows nothing of it

_getchar = click.getchar


def getchar(echo: bool = False) -> str:
    """A key."""
    sys.stdout.flush()
    os.write(1, READY.encode())
    return _getchar(echo)


def main(config: str, client: list[str], log: str, program: str) -> None:
    """Walk through the pending rules with a proof that always holds."""
    site = Site(Path(config), Client(client), (log,), lambda: Path(program))
    review.the_site = lambda: site
    review.prover = lambda _: lambda folder: (Step("compiles", True, "1 regex", {}),)
    click.getchar = getchar
    cli(["review"], prog_name="fail2ban-ai")


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
