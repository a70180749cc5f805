"""What a report says about each source: how much was read, how much of it was understood, what went wrong."""

from dataclasses import dataclass


@dataclass
class SourceStats:
    """Counts for one file or journal unit; they grow while it is read and are final when the reader is exhausted."""

    source: str  # as named on the command line, or "journal:UNIT"
    service: str = "unknown"  # of the format
    format: str | None = None  # None: no format knows the first lines
    read: int = 0  # lines that are not blank
    understood: int = 0
    disordered: int = 0  # events later than merge.LATENESS behind an event that stands before them
    truncated: int = 0  # lines cut at lines.LINE_LIMIT
    problem: str | None = None  # one sentence; what could be read was used all the same

    def add_problem(self, sentence: str) -> None:
        """Say what went wrong; the first thing is the one that is told."""
        self.problem = self.problem or sentence
