"""The whole of training on one page: hosts, texts, encoder, actor model, hosts left out, files and card."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from fail2ban_ai import __version__
from fail2ban_ai.model import weights
from fail2ban_ai.model.scorer import groups
from fail2ban_ai.model.tokenizer import Tokenizer
from fail2ban_ai.training import calibrate, corpora, export, fit_actor, fit_encoder
from fail2ban_ai.training.calibrate import Left
from fail2ban_ai.training.fit_actor import Behaviour
from fail2ban_ai.training.modules import Actor, Encoder, Event, text_width
from fail2ban_ai.training.sequences import Sequences, Texts, Window
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.simulator import training_world

Tell = Callable[[str, int, int], None]  # stage, steps done, steps in all

THREADS = 1  # sums of floats depend on the number, and on a shared machine two threads wait for one another


def hosts(folder: Path | None, setting: Setting, seed: int, tell: Tell) -> list[corpora.Host]:
    """The training hosts: simulated ones, and those of the corpora folder but for the validation hosts."""
    found = []
    for i in range(setting.worlds):
        found.append(corpora.simulated(training_world(seed * 1000 + i), f"world{i}"))
        tell("simulated hosts", i + 1, setting.worlds)
    names = [] if folder is None else [n for n in corpora.names(folder) if n not in corpora.VALIDATION]
    for i, name in enumerate(names):
        if folder is not None:
            found.append(corpora.real(folder, name))
        tell("real hosts", i + 1, len(names))
    return found


def train(
    found: list[corpora.Host], labelled: dict[str, str], setting: Setting, seed: int, *, out: Path, tell: Tell
) -> dict[str, Any]:
    """Train on hosts and labelled request texts; writes a weights folder to `out` and returns its card.

    The same input, setting, seed and torch version give the same files.

    Raises:
        ModelError: the exported files score differently from torch.
    """
    torch.set_num_threads(THREADS)
    texts = Texts.of(found)
    definition = fit_encoder.train_tokenizer([*labelled, *texts.number], setting.vocabulary)
    tokenizer = Tokenizer(definition)
    items = fit_encoder.lessons(labelled, found)
    encoder = fit_encoder.train(items, tokenizer, setting, seed, lambda i, n: tell("encoder", i, n))
    export.to_grid(encoder)
    texts.encode(lambda part: fit_encoder.encode(encoder, tokenizer, part))
    data = Sequences(found, texts)
    left: list[Left] = []
    for fold in range(setting.folds):
        inside = [w for w in data.windows if w.host % setting.folds != fold]
        outside = [w for w in data.windows if w.host % setting.folds == fold]
        made = fit_actor.train(data, inside, setting, seed + fold, _telling(tell, f"hosts left out, part {fold + 1}"))
        left += judged(made, data, outside)
    made = fit_actor.train(data, data.windows, setting, seed, _telling(tell, "actor model"))
    export.to_grid(made.event)
    export.to_grid(made.actor)
    card = _card(found, labelled, setting, seed, left)
    write(out, definition, encoder, made, card)
    return card


def judged(made: Behaviour, data: Sequences, windows: list[Window]) -> list[Left]:
    """The logits of each actor as of each of its events, as the scorer would give them."""
    actors: dict[tuple[int, str], list[tuple[Window, np.ndarray]]] = {}
    for window, logits in zip(windows, fit_actor.judge(made, data, windows), strict=True):
        actors.setdefault((window.host, window.actor), []).append((window, logits[window.first :]))
    out = []
    for (number, actor), parts in actors.items():
        host = data.hosts[number]
        last = parts[-1][0].rows[-1:]
        group = int(groups(host.tokens.numeric[last])[0])
        logits = np.concatenate([part for _, part in parts])
        rows = np.concatenate([window.rows[window.first :] for window, _ in parts])
        counted = corpora.counted(host.tokens, rows)
        single = corpora.first_attacks(host.tokens, rows, data.attacks(number, rows))
        out.append(Left(host.name, actor, group, host.truth[actor].hostile, logits, counted, single))
    return out


def write(out: Path, definition: str, encoder: Encoder, made: Behaviour, card: dict[str, Any]) -> None:
    """Write a weights folder; the card gets the checksums."""
    files = {
        "tokenizer.json": definition.encode(),
        "encoder.onnx": export.encoder_onnx(encoder),
        "event.onnx": export.event_onnx(made),
        "actor.onnx": export.actor_onnx(made),
        "encoder.safetensors": safetensors.torch.save(encoder.state_dict()),
        "actor.safetensors": safetensors.torch.save(_state(made)),
    }
    card["export_difference"] = round(export.compare(encoder, made, files, 0), 6)
    card["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    (out / weights.CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[str, Encoder, Behaviour, dict[str, Any]]:
    """Tokenizer, torch modules and card of a weights folder.

    Raises:
        ModelError: a file is missing or damaged.
    """
    held = weights.load(folder)
    setting = Setting(**held.card["setting"])
    encoder, made = Encoder(setting), Behaviour(Event(setting), Actor(setting))
    encoder.load_state_dict(safetensors.torch.load(held.read("encoder.safetensors")))
    state = safetensors.torch.load(held.read("actor.safetensors"))
    for part, module in (("event.", made.event), ("actor.", made.actor)):
        module.load_state_dict(
            {name.removeprefix(part): value for name, value in state.items() if name.startswith(part)}
        )
    return held.read("tokenizer.json").decode(), encoder.eval(), made.eval(), held.card


def _state(made: Behaviour) -> dict[str, torch.Tensor]:
    parts = (("event.", made.event), ("actor.", made.actor))
    return {prefix + name: value for prefix, module in parts for name, value in module.state_dict().items()}


def _telling(tell: Tell, stage: str) -> Callable[[int, int], None]:
    return lambda i, n: tell(stage, i, n)


def _card(
    found: list[corpora.Host], labelled: dict[str, str], setting: Setting, seed: int, left: list[Left]
) -> dict[str, Any]:
    calibration = calibrate.platt(left)
    limits = calibrate.thresholds(left, calibration)
    return {
        "format": weights.FORMAT,
        "program": __version__,
        "trained": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "seed": seed,
        "setting": setting.as_dict(),
        "sizes": {"text": text_width(setting), "embedding": setting.embedding, "event": setting.event},
        "data": {
            "labelled_texts": len(labelled),
            "simulated_hosts": sum(not host.real for host in found),
            "real_hosts": sorted(host.name for host in found if host.real),
            "hostile_actors": sum(one.hostile for one in left),
            "benign_actors": sum(not one.hostile for one in left),
        },
        "calibration": calibration,
        "thresholds": limits,
        "lasting_thresholds": calibrate.lasting(left, calibration),
        "single_thresholds": calibrate.singles(left, calibration, limits),
        "single_false_positive_rate_allowed": calibrate.SINGLE_RATE,
        "false_positive_rates_allowed": calibrate.RATES,
        "left_out": _left_out(left, calibration, limits),
    }


def _left_out(
    left: list[Left], calibration: dict[str, list[float]], limits: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Recall and false positives at the normal threshold on training hosts left out, for each service group."""
    table = np.array([calibration[group] for group in limits])
    out = {}
    for i, group in enumerate(limits):
        own = [one for one in left if one.group == i]
        over = [calibrate.peak(one, table) >= limits[group]["normal"] for one in own]
        hostile = sum(one.hostile for one in own)
        caught = sum(hit and one.hostile for hit, one in zip(over, own, strict=True))
        out[group] = {
            "hostile": hostile,
            "benign": len(own) - hostile,
            "recall": round(caught / max(1, hostile), 4),
            "false_positives": sum(over) - caught,
        }
    return out
