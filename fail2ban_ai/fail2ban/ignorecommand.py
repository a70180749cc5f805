"""The `ignorecommand` of a rule's jail: before a match counts, fail2ban asks our gate about its address.

Standard library only: the root process imports this.
"""

import re
from collections.abc import Sequence
from pathlib import Path

MAY_BAN = 3  # the one exit status of `fail2ban-ai spares` that lets fail2ban go on
SECONDS = 20  # until it is ended; fail2ban carries out no other command meanwhile
CACHE = 'key="<ip>", max-count=10000, max-time=60'  # the jail's ignorecache: an address is asked about once a minute
_WORD = r"[A-Za-z0-9/._@+-]+"
_OURS = re.compile(
    rf'\[ "<restored>" = 0 \] \|\| exit 1; (?:FAIL2BAN_AI_ROOT={_WORD} )?timeout -k 1 \d{{1,2}} {_WORD} spares '
    rf'(?:web|other) "<ip>" "<matches>"(?: {_WORD})*; \[ \$\? -ne {MAY_BAN} \]'
)


def text(program: Path, root: Path, service: str, options: Sequence[str] = ()) -> str:
    """The command; `options` are fail2ban-client's. ValueError where a path has characters that mean something else.

    fail2ban spares an address when the command exits 0 and bans when it fails, is missing or takes too long; `[ ]`
    turns that round, so that only MAY_BAN counts a match. fail2ban hands <matches> over as a variable of the shell.
    It asks about the bans of its database, too, when it starts a jail and answers nobody: those passed the gate before.
    """
    below = f"FAIL2BAN_AI_ROOT={root} " if root != Path("/") else ""
    kind = "web" if service == "web" else "other"
    words = " ".join([kind, '"<ip>" "<matches>"', *options])
    made = (
        f'[ "<restored>" = 0 ] || exit 1; {below}timeout -k 1 {SECONDS} {program} spares {words}; [ $? -ne {MAY_BAN} ]'
    )
    if not is_ours(made):
        raise ValueError(f"{program}, {root}: expected letters, digits and ._@+- in a path")
    return made


def is_ours(command: str) -> bool:
    """Whether an ignorecommand asks our gate: the gate itself must not ask it in turn."""
    return _OURS.fullmatch(command.strip()) is not None
