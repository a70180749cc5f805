"""Whether an actor belongs to a campaign, by what the model says both do (model.runtime.COMPANY)."""

import math
from dataclasses import dataclass, field

import numpy as np

from fail2ban_ai.model.runtime import COMPANY, Floats

_NOTHING: Floats = np.zeros(COMPANY, np.float32)


@dataclass(slots=True)
class Together:
    """The vectors of a campaign's members, added up."""

    count: int = 0
    total: Floats = field(default_factory=lambda: _NOTHING)

    def put(self, new: Floats | None, old: Floats | None = None) -> None:
        """A member has a vector (or none any more) that had another before."""
        others = self.count - (old is not None)
        if not others:  # no copy: most suspects are alone
            self.total = _NOTHING if new is None else new
        else:
            for vector, sign in ((new, 1), (old, -1)):
                if vector is not None:
                    self.total = self.total + sign * vector
        self.count = others + (new is not None)

    def absorb(self, other: "Together") -> None:
        """Take over the members of another campaign."""
        self.total = self.total + other.total
        self.count += other.count

    def score(self, stranger: Floats) -> float:
        """Probability that an actor that is none of them belongs to them; 0 where nothing is known of them."""
        if not self.count:
            return 0.0
        members = self.total / self.count
        logit = float(stranger[:-1] @ members[:-1] + stranger[-1] + members[-1])
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
