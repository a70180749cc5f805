"""The child's front door: one job from stdin, its answers to stdout."""

import json
import logging
import sys

from . import guard


def _tell(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do the job that the first line of stdin names: jails, replay, match, spans, timing or samples."""
    guard.confine()
    logging.disable(1000)  # above fail2ban's own levels; what matters is told in the answers
    job = json.loads(sys.stdin.readline())
    try:
        # After the limits, which hold for its import too.
        from . import jails, match, replay, samples, spans, timing  # noqa: PLC0415

        if job["do"] == "jails":
            _tell({"commands": jails.enabled(job["config"])})
        elif job["do"] == "replay":
            replay.replay(job, _tell)
        elif job["do"] == "match":
            matcher = match.Matcher(job)
            _tell({"ready": True})
            for line in sys.stdin:
                guard.more_time()
                _tell({"events": list(matcher.batch(json.loads(line))), "stuck": matcher.taken()})
        elif job["do"] == "spans":
            finder = spans.Spans(job)
            _tell({"regexes": finder.regexes()})
            for line in sys.stdin:
                guard.more_time()
                _tell({"spans": list(finder.batch(json.loads(line)))})
        elif job["do"] == "timing":
            timing.timing(job, _tell)
        elif job["do"] == "samples":
            _tell(samples.run(job))
    except MemoryError:
        _tell({"error": "out of memory"})
    except Exception as error:
        _tell({"error": f"{type(error).__name__}: {error}"[:1000]})
