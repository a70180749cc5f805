"""Checks of what lies around: logs, clock, published ranges, the model's weights."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.gate.rules import GateSettings

_CLOCK_SLACK = 300.0  # seconds
_EARLIEST = 1704067200.0  # 2024-01-01: a clock before this was never set


def logs_are_readable(host: Host) -> Iterator[Result]:
    """The logs of the enabled jails, and those of our settings, are there and may be read."""
    for path in host.logs:
        if not Path(path).exists():
            advice = "Has the service been removed, or the log renamed?"
            yield Result("logs-are-readable", "warning", f"{path} is gone.", advice, path)
        elif not os.access(path, os.R_OK):
            advice = "Add the account to the group adm, or run doctor as root."
            yield Result("logs-are-readable", "warning", f"{path} may not be read by this account.", advice, path)


def clock_is_right(host: Host) -> Iterator[Result]:
    """The clock is set, and no log was written in the future."""
    now = time.time()
    if now < _EARLIEST:
        advice = "Set it; fail2ban skips lines older than findtime."
        yield Result("clock-is-right", "error", "This machine's clock is years behind.", advice)
        return
    for path in host.logs:
        try:
            ahead = Path(path).stat().st_mtime - now
        except OSError:
            continue
        if ahead > _CLOCK_SLACK:
            yield Result(
                "clock-is-right",
                "warning",
                f"{path} was written {ahead:.0f} s in the future: the clock was set back, or a zone is wrong.",
                "timedatectl shows clock and zone; bans count from the time in the line.",
                path,
            )


def visitors_come_themselves(host: Host) -> Iterator[Result]:
    """The web logs name the visitors, not the edges of a CDN in front."""
    from fail2ban_ai.doctor.visitors import through_edges  # noqa: PLC0415 - reading logs loads Polars

    for path in host.logs:
        share = through_edges(path)
        if share >= GateSettings().edge_share:
            yield Result(
                "visitors-come-themselves",
                "warning",
                f"Nearly every visitor comes through a proxy: {share:.0%} of the addresses look like edges of a CDN. "
                "fail2ban bans them, and everybody behind them.",
                "Log the client's real address: nginx real_ip_header and set_real_ip_from, Apache mod_remoteip.",
                path,
            )


def ranges_are_there(host: Host) -> Iterator[Result]:
    """Published ranges of the CDN in front, if any, are known to the gate."""
    folder = paths.ranges()
    if not folder.is_dir() or not any(folder.glob("*.txt")):
        yield Result(
            "ranges-are-there",
            "info",
            f"{folder} holds no published ranges: behind a CDN its edges would be protected by their traffic only.",
            "Behind a CDN, have the web server log the client's address and put the CDN's ranges there, one a line.",
        )


def weights_are_whole(host: Host) -> Iterator[Result]:
    """The model's weights are there and are those that were shipped."""
    from fail2ban_ai.errors import ModelError  # noqa: PLC0415 - the model is heavy, and missing on a bare host
    from fail2ban_ai.model import weights  # noqa: PLC0415

    try:
        shipped = weights.load()
        shipped.check()
    except ModelError as error:
        yield Result("weights-are-whole", "error", str(error), "Install the package again.")


CHECKS = (logs_are_readable, clock_is_right, visitors_come_themselves, ranges_are_there, weights_are_whole)
