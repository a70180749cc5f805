"""`fail2ban-ai spares SERVICE ADDRESS LINE [OPTION]...`: what a rule's jail runs as its ignorecommand.

fail2ban.ignorecommand has the line that calls it; the options are fail2ban-client's. Only the exit status MAY_BAN lets
fail2ban count the match, so whatever goes wrong spares: our own errors, Python's (1 and 2), a program that is gone
(126, 127), one that takes too long. Standard library only.
"""

import sys
import time
from collections.abc import Sequence

from fail2ban_ai.enforce import spares
from fail2ban_ai.errors import Fail2banAIError
from fail2ban_ai.facts.dns import ChildResolver
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.ignorecommand import MAY_BAN

CLIENT_SECONDS = 8.0  # a server that is stopping this jail waits for us


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status is MAY_BAN, or 0 with the reason on standard output."""
    if len(arguments) < 3 or arguments[0] not in ("web", "other"):
        sys.stdout.write("expected web or other, an address and a line\n")
        return 2
    service, address, line, *options = arguments
    client = Client(("fail2ban-client", *options), timeout=CLIENT_SECONDS)
    try:
        refusal = spares.judge(spares.Match(service == "web", address, line), client, ChildResolver(), time.time())
    except (Fail2banAIError, OSError) as error:
        sys.stdout.write(f"spared, since the gate could not be asked: {error}\n")
        return 0
    if refusal is None:
        return MAY_BAN
    sys.stdout.write(f"{refusal}\n")
    return 0
