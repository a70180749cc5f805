"""The whole of training on one page: hosts, what is learned from them, hosts left out, files and card.

Everything that is learned is learned anew for each part of the hosts left out, tokenizer and encoder too: a threshold
chosen where the encoder knew the texts would be too low anywhere else. A part that is done is kept in the folder
`parts`, so that a training that was stopped goes on where it was.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from fail2ban_ai import __version__
from fail2ban_ai.actors.against import against
from fail2ban_ai.model import weights
from fail2ban_ai.model.scorer import groups
from fail2ban_ai.model.tokenizer import Tokenizer
from fail2ban_ai.training import brought, calibrate, export, fit_actor, fit_company, fit_encoder, fit_grams
from fail2ban_ai.training.brought import Base
from fail2ban_ai.training.calibrate import Left
from fail2ban_ai.training.device import DEVICE
from fail2ban_ai.training.fit_actor import Behaviour
from fail2ban_ai.training.fit_company import Pairs
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.modules import Actor, Event, Grams, TextEncoder, text_width
from fail2ban_ai.training.sequences import Sequences, Texts, Window
from fail2ban_ai.training.settings import Setting

Tell = Callable[[str, int, int], None]  # stage, steps done, steps in all

THREADS = 1  # sums of floats depend on the number, and on a shared machine two threads wait for one another


def train(
    found: list[Host],
    labelled: dict[str, str],
    setting: Setting,
    seed: int,
    *,
    out: Path,
    tell: Tell,
    base: Base | None = None,
) -> dict[str, Any]:
    """Train on hosts and labelled request texts; writes a weights folder to `out` and returns its card.

    `base`: an encoder to build on instead of ours. The same input, setting, seed and torch version give the same files.

    Raises:
        ModelError: the exported files score differently from torch.
    """
    torch.set_num_threads(THREADS)
    parts = out / "parts"
    left: list[Left] = []
    together: list[Pairs] = []
    steps: list[int] = []
    for fold in range(setting.folds):
        inside, outside = without(fold, setting.folds, found)
        telling = _telling_of(tell, f"without part {fold + 1} of the hosts")
        about = _about(inside, labelled, setting, seed + fold, base)
        learned = partial(learn, inside, labelled, setting, seed + fold, telling, outside=outside, base=base)
        made = _kept(parts / f"{fold}", setting, about, learned)
        seen = read_by(made, outside)
        left += judged(made, seen)
        together.append(fit_company.pairs(made.behaviour, seen))
        steps.append(made.behaviour.steps)
        del made  # what it takes of a GPU, before the next one is trained
    enough = round(sum(steps) / len(steps))
    about = _about(found, labelled, setting, seed, base) + f" {enough}"
    learned = partial(learn, found, labelled, setting, seed, tell, steps=enough, base=base)
    made = _kept(parts / "all", setting, about, learned)
    card = card_of(found, labelled, setting, seed, left=left, together=together) | {"actor_steps": steps}
    write(out, made, card)
    shutil.rmtree(parts)
    return card


def without(fold: int, folds: int, found: list[Host]) -> tuple[list[Host], list[Host]]:
    """The hosts without part `fold` of them, and that part. Overlays stay where all that they are made of does."""
    alone = [host for host in found if not host.made_of]
    outside = [host for i, host in enumerate(alone) if i % folds == fold]
    names = {host.name for host in outside}
    return [host for host in found if not names & {host.name, *host.made_of}], outside


@dataclass(slots=True)
class Learned:
    """All that is learned from some hosts."""

    definition: str  # of the tokenizer
    encoder: TextEncoder
    grams: Grams
    behaviour: Behaviour

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[n, text width without n-grams], as the runtime encodes."""
        encoded: np.ndarray = fit_encoder.encode(self.encoder, Tokenizer(self.definition), texts)
        return encoded


def learn(
    found: list[Host],
    labelled: dict[str, str],
    setting: Setting,
    seed: int,
    tell: Tell,
    *,
    outside: Sequence[Host] = (),
    steps: int = 0,
    base: Base | None = None,
) -> Learned:
    """Tokenizer (or that of `base`), encoder, n-gram regression and actor model from these hosts.

    `outside`, `steps`: when the training of the actor model ends, see fit_actor.train.
    """
    texts = Texts.of(found)
    if base is None:
        definition = fit_encoder.train_tokenizer([*labelled, *texts.number], setting.vocabulary)
    else:
        definition = base.tokenizer
    tokenizer = Tokenizer(definition)
    alone = [host for host in found if not host.made_of]  # overlays hold no text of their own
    items = fit_encoder.lessons(labelled, alone)
    encoder = fit_encoder.train(
        items, list(texts.number), tokenizer, setting=setting, seed=seed, tell=_telling(tell, "encoder"), base=base
    )
    if base is None:
        export.to_grid(encoder)
    others = [[h for i, h in enumerate(alone) if i % setting.folds != part] for part in range(setting.folds)]
    grams = [fit_grams.train(hosts, seed) for hosts in others]
    encode = partial(fit_encoder.encode, encoder, tokenizer)
    texts.encode(encode, [partial(fit_grams.score, model) for model in grams])
    data = Sequences(found, texts, setting.embedding)
    whole = fit_grams.train(alone, seed)
    telling = _telling(tell, "actor model")
    left_out = _sequences(outside, encode, whole, setting.embedding) if outside else None
    made = fit_actor.train(data, setting, seed, telling, outside=left_out, steps=steps)
    export.to_grid(made.event)
    export.to_grid(made.actor)
    fit_company.train(made, data, setting, seed, _telling(tell, "company"))
    export.to_grid(made.actor.company)
    return Learned(definition, encoder, whole, made)


def _about(found: list[Host], labelled: dict[str, str], setting: Setting, seed: int, base: Base | None) -> str:
    known = {host.name: len(host.tokens) for host in found}
    encoder = base and base.sha256
    return json.dumps([__version__, torch.__version__, setting.as_dict(), seed, known, len(labelled), encoder])


def _kept(folder: Path, setting: Setting, about: str, make: Callable[[], Learned]) -> Learned:
    """What `make` gives, or gave before in a training about the same (`about`)."""
    mark = folder / "about.json"
    if mark.is_file() and mark.read_text() == about:
        definition = (folder / "tokenizer.json").read_text()
        config = (folder / weights.CONFIG).read_text() if (folder / weights.CONFIG).exists() else None
        made = _assembled(definition, config, setting, lambda name: (folder / name).read_bytes())
        made.behaviour.steps = int((folder / "steps").read_text())
        return made
    made = make()
    shutil.rmtree(folder, ignore_errors=True)  # of a part about something else
    folder.mkdir(parents=True)
    for name, content in _files(made).items():
        (folder / name).write_bytes(content)
    (folder / "steps").write_text(f"{made.behaviour.steps}\n")
    mark.write_text(about)  # last: a part without it is not whole
    return made


def _sequences(
    hosts: Sequence[Host], encode: Callable[[Sequence[str]], np.ndarray], grams: Grams, embedding: int
) -> Sequences:
    """Hosts that nothing was learned from, as an encoder and a regression read them."""
    texts = Texts.of(hosts)
    texts.encode(encode, [partial(fit_grams.score, grams)])
    return Sequences(hosts, texts, embedding)


def read_by(made: Learned, found: Sequence[Host]) -> Sequences:
    """Hosts that nothing was learned from, as a trained model reads them."""
    return _sequences(found, made.encode, made.grams, made.encoder.attack.in_features)


def judged(made: Learned, data: Sequences) -> list[Left]:
    """The logits of each labelled actor as of each of its events, as the scorer would give them."""
    windows = data.windows
    acts = [against(host.tokens) for host in data.hosts]
    actors: dict[tuple[int, str], list[tuple[Window, np.ndarray]]] = {}
    for window, logits in zip(windows, fit_actor.judge(made.behaviour, data, windows), strict=True):
        actors.setdefault((window.host, window.actor), []).append((window, logits[window.first :]))
    out = []
    for (number, actor), parts in actors.items():
        host = data.hosts[number]
        last = parts[-1][0].rows[-1:]
        group = int(groups(host.tokens.numeric[last])[0])
        logits = np.concatenate([part for _, part in parts])
        rows = np.concatenate([window.rows[window.first :] for window, _ in parts])
        single = (acts[number][rows] == 1) & data.unmistakable(number, rows)
        said = data.requested(number, rows)
        out.append(
            Left(host.name, actor, group, host.truth[actor].hostile, logits, said, acts[number][rows] >= 2, single)
        )
    return out


def write(out: Path, made: Learned, card: dict[str, Any]) -> None:
    """Write a weights folder, without ONNX files for a brought encoder; the card gets the checksums.

    Raises:
        ModelError: the exported files score differently from torch.
    """
    made.encoder.cpu()
    files = _files(made)
    if made.encoder.config is None:
        files |= {
            "encoder.onnx": export.encoder_onnx(made.encoder),
            "grams.onnx": export.grams_onnx(made.grams),
            "event.onnx": export.event_onnx(made.behaviour),
            "actor.onnx": export.actor_onnx(made.behaviour),
        }
        card["export_difference"] = round(export.compare(made.encoder, made.grams, made.behaviour, files, 0), 6)
    else:
        kind = json.loads(made.encoder.config)["model_type"]
        card["encoder"] = {"kind": kind, "parameters": sum(each.numel() for each in made.encoder.parameters())}
    card["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    (out / weights.CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[Learned, dict[str, Any]]:
    """The torch modules and the card of a weights folder.

    Raises:
        ModelError: a file is missing or damaged.
    """
    held = weights.load(folder)
    definition = held.read("tokenizer.json").decode()
    return _assembled(definition, held.config, Setting(**held.card["setting"]), held.read), held.card


def _assembled(definition: str, config: str | None, setting: Setting, content: Callable[[str], bytes]) -> Learned:
    encoder = brought.empty(config, setting)
    made = Learned(definition, encoder, Grams(), Behaviour(Event(setting), Actor(setting)))
    made.encoder.load_state_dict(safetensors.torch.load(content("encoder.safetensors")))
    made.grams.load_state_dict(safetensors.torch.load(content("grams.safetensors")))
    state = safetensors.torch.load(content("actor.safetensors"))
    for part, module in (("event.", made.behaviour.event), ("actor.", made.behaviour.actor)):
        module.load_state_dict(
            {name.removeprefix(part): value for name, value in state.items() if name.startswith(part)}
        )
    made.encoder.to(DEVICE).eval()
    made.grams.eval()
    made.behaviour.eval()
    return made


def _files(made: Learned) -> dict[str, bytes]:
    config = {} if made.encoder.config is None else {weights.CONFIG: made.encoder.config.encode()}
    return config | {
        "tokenizer.json": made.definition.encode(),
        "encoder.safetensors": safetensors.torch.save(made.encoder.state_dict()),
        "grams.safetensors": safetensors.torch.save(made.grams.state_dict()),
        "actor.safetensors": safetensors.torch.save(_state(made.behaviour)),
    }


def _state(made: Behaviour) -> dict[str, torch.Tensor]:
    parts = (("event.", made.event), ("actor.", made.actor))
    return {prefix + name: value for prefix, module in parts for name, value in module.state_dict().items()}


def _telling_of(tell: Tell, part: str) -> Tell:
    return lambda stage, i, n: tell(f"{stage}, {part}", i, n)


def _telling(tell: Tell, stage: str) -> Callable[[int, int], None]:
    return lambda i, n: tell(stage, i, n)


def card_of(
    found: list[Host],
    labelled: dict[str, str],
    setting: Setting,
    seed: int,
    *,
    left: list[Left],
    together: list[Pairs],
) -> dict[str, Any]:
    """The card of what was learned from `found`.

    Calibration and thresholds come from `left` and `together`, actors and pairs of them on other hosts.
    """
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
            "real_hosts": sorted(host.name for host in found if host.real and not host.made_of),
            "overlays": sum(bool(host.made_of) for host in found),
            "hostile_actors": sum(one.hostile for one in left),
            "benign_actors": sum(not one.hostile for one in left),
        },
        "calibration": calibration,
        "thresholds": limits,
        "lasting_thresholds": calibrate.lasting(left, calibration),
        "single_thresholds": calibrate.singles(left, calibration, limits),
        "single_false_positive_rate_allowed": calibrate.SINGLE_RATE,
        "false_positive_rates_allowed": calibrate.RATES,
        "membership": calibrate.membership(together),
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
