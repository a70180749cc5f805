"""Figures for Prometheus, as a text file that node_exporter's textfile collector reads: no port of ours is open.

Names are in the style of fail2ban's exporters (f2b_jail_banned_current), with f2b_ai_ before what is ours. The format:
prometheus.io/docs/instrumenting/exposition_formats.
"""

from collections.abc import Iterable, Mapping

from fail2ban_ai.overview import Overview

_Samples = Iterable[tuple[Mapping[str, str], float]]


def text(found: Overview, now: float) -> str:
    """The whole file. `now`: seconds since the epoch."""
    watch = found.watch
    parts = [
        _metric("f2b_ai_written_timestamp_seconds", "gauge", "When these figures were written", [({}, now)]),
        _metric(
            "f2b_ai_up",
            "gauge",
            "Whether a part of fail2ban-ai runs",
            [({"part": "watch"}, watch.state == "running"), ({"part": "enforce"}, found.enforce == "running")],
        ),
        _metric(
            "f2b_ai_enforcing", "gauge", "Whether bans are carried out (mode enforce)", [({}, found.mode == "enforce")]
        ),
        _metric("f2b_ai_trial", "gauge", "Whether enforcing awaits confirmation", [({}, found.trial_ends is not None)]),
        _metric("f2b_ai_breaker_open", "gauge", "Whether the circuit breaker is open", [({}, bool(found.breaker))]),
        _metric("f2b_ai_model_info", "gauge", "The model in use", [({"model": found.model}, 1)] if found.model else []),
        _metric(
            "f2b_ai_jail_banned_current",
            "gauge",
            "Bans of an AI jail that stand now",
            [({"jail": jail}, count) for jail, count in found.fail2ban.items() if count is not None],
        ),
        _metric("f2b_ai_campaigns", "gauge", "Campaigns kept, by severity", _by("severity", found.campaigns)),
        _metric("f2b_ai_decisions", "gauge", "Decisions kept, by action", _by("action", found.decisions)),
        _metric("f2b_ai_outcomes", "gauge", "What became of decisions, by result", _by("result", found.outcomes)),
    ]
    if watch.state == "running":
        parts += [
            _metric(
                "f2b_ai_lines_total",
                "counter",
                "Lines read since watch started",
                [({"source": str(s["source"])}, float(s["read"])) for s in found.sources],
            ),
            _metric(
                "f2b_ai_lines_understood_total",
                "counter",
                "Lines understood since watch started",
                [({"source": str(s["source"])}, float(s["understood"])) for s in found.sources],
            ),
            _metric("f2b_ai_lag_seconds", "gauge", "From a line's writing to its verdict", [({}, watch.lag_seconds)]),
            _metric("f2b_ai_queue_bytes", "gauge", "Log text read and not judged yet", [({}, watch.queue_bytes)]),
            _metric("f2b_ai_degraded", "gauge", "Whether the cheaper score judges", [({}, watch.degraded)]),
            _metric("f2b_ai_resident_bytes", "gauge", "Memory of watch", [({}, watch.rss_bytes)]),
        ]
    return "".join(parts)


def _by(label: str, counts: Mapping[str, int]) -> _Samples:
    return [({label: name}, count) for name, count in sorted(counts.items())]


def _metric(name: str, kind: str, what: str, samples: _Samples) -> str:
    lines = [f"{name}{_labels(labels)} {float(value):.10g}\n" for labels, value in samples]
    return f"# HELP {name} {what}.\n# TYPE {name} {kind}\n{''.join(lines)}" if lines else ""


def _labels(labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
