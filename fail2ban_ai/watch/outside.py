"""What others do meanwhile: fail2ban's bans as the drop-in action tells them, and what became of ours."""

import time

import polars as pl

from fail2ban_ai import paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.enforce.no_effect import NoEffect
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.fail2ban.feed import Fed, Feed, Held

EVERY = 2.0  # seconds between two looks


class Outside:
    """`held` knows whom fail2ban keeps out. `learn` looks again, `see` minds lines of banned addresses."""

    def __init__(self) -> None:
        self.held = Held()
        self._no_effect = NoEffect()
        self._learnt_at = 0.0

    def recall(self) -> list[Fed]:
        """What the action told before this run; SourceError when that may not be read."""
        told = list(Feed().poll())
        for fed in told:
            self.held.note(fed)
        return told

    def learn(self) -> list[Fed]:
        """What the action told since; it is kept as labels too.

        SourceError when it may not be read, OSError when the labels cannot be written: it is told again.
        """
        now = time.monotonic()
        if now - self._learnt_at < EVERY:
            return []
        self._learnt_at = now
        self._no_effect.learn()
        told = labels.keep_new()
        for fed in told:
            self.held.note(fed)
        return told

    def see(self, frame: pl.DataFrame) -> None:
        """Mind the lines of addresses that we had banned."""
        if not len(self._no_effect):
            return
        ours = frame.filter(~pl.col("kind").is_in(("ban", "unban")))
        for address, seconds, text in ours.select(
            "address", pl.col("time").dt.timestamp("us") / 1e6, "text"
        ).iter_rows():
            self._no_effect.see(address, seconds, text)

    def ask(self) -> None:
        """Have root look at bans that do not bite. OSError when the disk is full: they are told no more."""
        lines = list(self._no_effect.ask(time.time()))
        if lines:
            decisions_log.append(paths.decisions(), *lines)
