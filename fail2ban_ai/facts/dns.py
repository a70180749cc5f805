"""DNS for the gate: each question in a child process with a limit of one second. Standard library only.

The C library's resolver has no time limit of its own and parses what strangers' name servers send, so the root process
never calls it.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field

from fail2ban_ai import addresses

SECONDS = 1.0
ANSWERS = 16
_CACHED = 4096

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.IGNORECASE)

# -I and -S: neither the environment nor a folder others write in can make the child load anything.
_CHILD = """
import json, socket, sys
how, what = sys.argv[1:]
try:
    if how == "reverse":
        found = socket.gethostbyaddr(what)
        print(json.dumps([found[0], *found[1]]))
    else:
        print(json.dumps(sorted({one[4][0] for one in socket.getaddrinfo(what, None, type=socket.SOCK_STREAM)})))
except socket.herror as error:
    print("[]" if error.errno in (1, 4) else "null")  # HOST_NOT_FOUND, NO_DATA (netdb.h)
except socket.gaierror as error:
    print("[]" if error.errno in (socket.EAI_NONAME, -5) else "null")  # -5: EAI_NODATA (netdb.h)
"""


@dataclass(slots=True)
class ChildResolver:
    """A facts.Resolver. Answers are remembered as long as it lives: the enforcer makes one for each run of the gate."""

    seconds: float = SECONDS
    _known: dict[tuple[str, str], list[str] | None] = field(default_factory=dict)

    def reverse(self, address: str) -> list[str] | None:
        """The host names of an address; [] when it has none or is no address, None when no answer came in time."""
        parsed = addresses.parse(address)
        if parsed is None:
            return []
        found = self._ask("reverse", str(parsed))
        return None if found is None else [name for name in found if _NAME.fullmatch(name)]

    def forward(self, name: str) -> list[str] | None:
        """The addresses of a host name; [] when there are none or it is no host name, None when no answer came."""
        if not _NAME.fullmatch(name):
            return []
        found = self._ask("forward", name.lower())
        return None if found is None else [one for one in found if addresses.parse(one) is not None]

    def _ask(self, how: str, what: str) -> list[str] | None:
        key = (how, what)
        if key not in self._known:
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[key] = self._child(how, what)
        return self._known[key]

    def _child(self, how: str, what: str) -> list[str] | None:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _CHILD, how, what],
                capture_output=True,
                timeout=self.seconds,
                stdin=subprocess.DEVNULL,
                check=True,
            )
            found = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        return [str(one) for one in found[:ANSWERS]] if isinstance(found, list) else None
