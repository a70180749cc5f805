"""The whole pipeline on the hosts that are judged, with the weights of a run: company, campaigns and the judge's brakes."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.novel.cases import SEEDS, played
from benchmarks.novel.run import folder, judged_after
from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.analysis import Logs, run
from fail2ban_ai.config import Settings
from fail2ban_ai.config_model import Model
from fail2ban_ai.model import weights
from fail2ban_ai.training.simulator import World


def judge(out: Path, case: str, variant: str, seeds: Iterable[int] = SEEDS) -> None:
    """Print a line for each kind of attack: how many of its attackers are banned, and how many benign actors."""
    held = weights.load(folder(out, case, variant))
    settings = Settings(model=Model(weights=held.folder, runtime="torch" if held.brought else "onnx"))
    about = judged_after(case)
    hits: dict[str, list[bool]] = {name: [] for name in about}
    honest: list[bool] = []
    for seed in seeds:
        world, who = played(seed)
        targets = banned(world, settings)

        def hit(actor: str, targets: list[str] = targets) -> bool:
            return any(within(actor, target) for target in targets)

        for name in about:
            hits[name] += [hit(actor) for actor in who.get(name, ())]
        honest += [hit(actor) for one in world.truth if one.must == "spare" and (actor := actor_of(one.address))]
    for name, own in hits.items():
        line = {"case": case, "judged": name, "variant": variant, "banned": round(sum(own) / max(1, len(own)), 4)}
        print(json.dumps(line | {"count": len(own), "benign_banned": sum(honest), "benign": len(honest)}), flush=True)


def banned(world: World, settings: Settings) -> list[str]:
    """Addresses and networks that `analyze` would ban."""
    with tempfile.TemporaryDirectory() as logs:
        paths = [str(path) for path in world.write(Path(logs))]
        found = run(Logs(paths, zones={"*": ZoneInfo("UTC")}), settings, compare=False)
    return [decision.target for decision in found.report.decisions if decision.action == "ban"]
