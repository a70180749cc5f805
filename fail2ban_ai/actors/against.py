"""Which events speak against their actor. Without Polars, which training does not need."""

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors.columns import NUMERIC, ordinary
from fail2ban_ai.actors.tokens import Tokens

ATTEMPT = 4  # sshd writes two or three lines about one: the user's name, the failure, the disconnection
_SSH, _POST = NUMERIC.index("ssh"), NUMERIC.index("post")


def against(tokens: Tokens) -> npt.NDArray[np.int64]:
    """Acts so far that speak against each event's actor, 0 where nothing but company can convict it at that event.

    One address that fails on one mailbox in use may be its owner: only company tells (campaigns.waves). Fewer than
    ATTEMPT lines of sshd's may be one attempt, after which somebody noticed a mistyped name. And to fetch what many
    others fetch is no offence, however it scores: a site's own script may look like a scanner's wish.
    """
    one_attempt = (tokens.numeric[:, _SSH] > 0) & (tokens.count < ATTEMPT)
    fetched = ordinary(tokens.numeric) & (tokens.numeric[:, _POST] == 0)
    found: npt.NDArray[np.int64] = np.where((tokens.forgetful > 0) | one_attempt | fetched, 0, tokens.count)
    return found
