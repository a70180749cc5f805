"""Visitors made hostile by what they ask for, in a way of writing that nobody knows: attacks of kinds never met.

In training, what surprises is an attack that encoder and regression know as well, so the actor model would go by these
two alone. For some honest visitors of a batch their words on some requests are therefore taken away, and surprise is
set.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model.labels import ATTACKS
from fail2ban_ai.training.sequences import Window
from fail2ban_ai.training.settings import Setting

_SHARE = 0.08  # of honest visitors' windows
_FEWEST, _LEAST = 0.3, 0.8  # share of a stranger's requests that surprise, and how much they do
_REQUEST, _FAMILIAR = NUMERIC.index("request"), NUMERIC.index("familiar")


def strangers(inputs: Tensor, windows: Sequence[Window], setting: Setting, rng: np.random.Generator) -> list[Window]:
    """The windows as they are labelled now; `inputs` (features [b, n, f] of setting.surprise) are changed in place."""
    numbers = inputs.shape[2] - len(NUMERIC)
    classes = slice(setting.embedding, setting.embedding + len(ATTACKS))
    intent, said, surprise = range(classes.stop, classes.stop + 3)
    out = list(windows)
    for i, window in enumerate(windows):
        asked = np.flatnonzero(inputs[i, : len(window.rows), numbers + _REQUEST].numpy() > 0)
        if window.hostile or not len(asked) or rng.random() >= _SHARE:
            continue
        strange = rng.random(len(asked)) < rng.uniform(_FEWEST, 1)
        strange[0] = True  # every event of a window has its label
        rows = torch.from_numpy(asked[strange])
        made = inputs[i, rows]
        made[:, classes] = torch.eye(len(ATTACKS))[0]
        made[:, intent] = torch.from_numpy(rng.uniform(0, 0.6, len(rows))).float()
        made[:, said] = torch.from_numpy(rng.normal(0, 0.3, len(rows))).float()
        made[:, surprise] = torch.from_numpy(rng.uniform(_LEAST, 2, len(rows))).float()
        made[:, numbers + _FAMILIAR] = 0
        inputs[i, rows] = made
        out[i] = replace(window, hostile=True, kind=-1)
    return out
