"""The training hosts of a setting: simulated ones, real ones, overlays."""

from collections.abc import Callable
from pathlib import Path

from fail2ban_ai.training import corpora, overlays
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.simulator import training_world

Tell = Callable[[str, int, int], None]  # stage, steps done, steps in all


def hosts(folder: Path | None, setting: Setting, seed: int, tell: Tell) -> list[Host]:
    """The training hosts: simulated ones, those of the corpora folder but for the validation hosts, and overlays."""
    found = []
    traffic = []
    for i in range(setting.worlds):
        found.append(corpora.simulated(training_world(seed * 1000 + i), f"world{i}"))
        tell("simulated hosts", i + 1, setting.worlds)
    names = [] if folder is None else [n for n in corpora.names(folder) if n not in corpora.VALIDATION]
    for i, name in enumerate(names):
        if folder is not None:
            events = corpora.frame(folder, name)
            found.append(corpora.labelled(folder, name, events))
            traffic.append(overlays.Traffic(name, events, found[-1].truth))
        tell("real hosts", i + 1, len(names))
    made = overlays.overlays(traffic, seed)
    if made:
        tell("overlays", len(made), len(made))
    return found + made
