"""Train the tokenizer and the text encoder: class of attack from labelled requests, intent from who sent a text."""

import logging
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional

from fail2ban_ai.model.labels import ATTACKS
from fail2ban_ai.model.onnx import DIGITS
from fail2ban_ai.model.runtime import Floats
from fail2ban_ai.model.tokenizer import SPECIAL, Tokenizer
from fail2ban_ai.training.brought import Base
from fail2ban_ai.training.device import DEVICE, descending, memory_full
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.modules import Encoder, TextEncoder
from fail2ban_ai.training.padding import lengthened
from fail2ban_ai.training.pretrain import pretrain
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.step import Pieces
from fail2ban_ai.training.texts import Tell, padded

_log = logging.getLogger(__name__)

_UNTOLD = -1
_NAMES_ONLY = tuple(ATTACKS.index(name) for name in ("secret", "webshell", "scan"))
"""Classes of lists of paths, which hold common names too: what an honest visitor of some host asks for is benign."""
_MOSTLY = 0.5  # share of hostile senders under which a name on such a list is no attack
_ASSET = re.compile(r"^[^?]*\.(?:js|css|png|gif|jpe?g|svg|ico|woff0?|ttf|webp|map)$")
"""Parts of a page. A site that lacks one of its own has every visitor ask for it, so who else asked says nothing."""
_BATCH = 512  # texts that are encoded at once


@dataclass(slots=True)
class Lesson:
    """One text: its class of attack (index, or -1) and the share of hostile senders (or -1)."""

    text: str
    attack: int
    intent: float


def train_tokenizer(texts: Sequence[str], size: int) -> str:
    """The JSON of a byte-level BPE tokenizer trained on these texts."""
    inner = tokenizers.Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    return str(inner.to_str())


def teaches(host: Host) -> bool:
    """Whether a host's texts teach intent: three hosts in five.

    The actor model must also meet texts whose senders the encoder was never told, or it would trust intent more than an
    unseen host can bear.
    """
    return zlib.crc32(host.name.encode()) % 5 < 3


def lessons(payloads: dict[str, str], hosts: Sequence[Host]) -> list[Lesson]:
    """What the encoder learns from: payload lists, and the texts of hosts by who sent them."""
    found = {text: Lesson(text, ATTACKS.index(attack), _UNTOLD) for text, attack in payloads.items()}
    for lesson in found.values():
        if lesson.attack in _NAMES_ONLY and _ASSET.search(lesson.text):
            lesson.attack = 0
    senders: dict[str, list[float]] = {}
    for host in hosts:
        for text, (hostile, benign) in by_sender(host).items():
            share = hostile / (hostile + benign)
            if teaches(host) and (share == 0 or not _ASSET.search(text)):
                senders.setdefault(text, []).append(share)
            if share == 0:
                lesson = found.setdefault(text, Lesson(text, 0, _UNTOLD))
                if lesson.attack in _NAMES_ONLY:
                    lesson.attack = 0
    for text, shares in senders.items():
        lesson = found.setdefault(text, Lesson(text, _UNTOLD, _UNTOLD))
        lesson.intent = float(np.mean(shares))
        if lesson.attack in _NAMES_ONLY and np.median(shares) < _MOSTLY:  # the front page, which lists hold too
            lesson.attack = 0
    for text, longer in lengthened(sorted(found), len(found)):
        found.setdefault(longer, Lesson(longer, found[text].attack, found[text].intent))
    return [found[text] for text in sorted(found)]


def by_sender(host: Host) -> dict[str, tuple[int, int]]:
    """Labelled actors that sent each text of a host: hostile ones, benign ones."""
    actors: dict[str, tuple[set[str], set[str]]] = {}
    for i, actor in enumerate(host.tokens.actor):
        truth = host.truth.get(actor)
        if truth is not None:
            for text in (host.tokens.request[i], host.tokens.second[i]):
                if text:
                    actors.setdefault(text, (set(), set()))[truth.hostile is False].add(actor)
    return {text: (len(hostile), len(benign)) for text, (hostile, benign) in actors.items()}


@descending()
def train(
    items: list[Lesson],
    unlabelled: Sequence[str],
    tokenizer: Tokenizer,
    *,
    setting: Setting,
    seed: int,
    tell: Tell,
    base: Base | None = None,
) -> TextEncoder:
    """An encoder that read `unlabelled` texts, or `base`, which has read other ones, and that learned from `items`.

    Half of each batch teaches attacks, classes drawn evenly but for roots, and half intent.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    if base is None:
        encoder: TextEncoder = _own(
            [*unlabelled, *(item.text for item in items)], tokenizer, setting=setting, seed=seed, tell=tell
        )
    else:
        encoder = base.encoder(setting)
    ids = tokenizer.encode([item.text for item in items])
    attack = np.array([item.attack for item in items])
    intent = np.array([item.intent for item in items], np.float32)
    by_attack, attack_weight = _drawn(attack, attack >= 0)
    by_intent, intent_weight = _drawn((intent > 0.5).astype(np.int64), intent >= 0)
    if not len(by_intent):  # no host that teaches it, in a very small training
        by_intent, intent_weight = by_attack, attack_weight
    encoder.to(DEVICE).train()
    groups = encoder.groups()
    optimiser = torch.optim.AdamW([{"params": parameters} for parameters, _ in groups], weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate for _, rate in groups], total_steps=setting.encoder_steps + 1
    )

    def loss(rows: np.ndarray) -> Tensor:
        attack_logits, intent_logits = encoder.logits(padded([ids[i] for i in rows]).to(DEVICE))
        known, told = torch.from_numpy(attack[rows]).to(DEVICE), torch.from_numpy(intent[rows]).to(DEVICE)
        total = functional.cross_entropy(attack_logits, known, ignore_index=_UNTOLD)
        if not (attack[rows] >= 0).any():  # its mean is over nothing
            total = torch.zeros_like(total)
        per_text = functional.binary_cross_entropy_with_logits(intent_logits, told.clamp(min=0), reduction="none")
        return total + 0.7 * (per_text * (told >= 0)).sum() / (told >= 0).sum().clamp(min=1)

    pieces = Pieces()
    step = 0
    while step < setting.encoder_steps:
        half = setting.encoder_batch * 2
        drawn = np.concatenate(
            [rng.choice(by_attack, half, p=attack_weight), rng.choice(by_intent, half, p=intent_weight)]
        )
        drawn = drawn[np.argsort([len(ids[i]) for i in drawn], kind="stable")]
        for part in rng.permutation(np.array_split(np.arange(len(drawn)), 4)):
            pieces.descend(loss, drawn[part], encoder, optimiser, schedule)
            step += 1
            tell(step, setting.encoder_steps)
            if step >= setting.encoder_steps:
                break
    encoder.eval()
    return encoder


def _own(texts: Sequence[str], tokenizer: Tokenizer, *, setting: Setting, seed: int, tell: Tell) -> Encoder:
    encoder = Encoder(setting)
    pretrain(encoder, texts, tokenizer, setting=setting, seed=seed, tell=tell)
    return encoder


def _drawn(label: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have a label, and the chance of each: a class counts by the root of its size."""
    rows = np.flatnonzero(told)
    _, inverse, counts = np.unique(label[rows], return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(counts[inverse])
    return rows, weight / weight.sum()


def encode(encoder: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str]) -> Floats:
    """[n, text width] in fp32, rounded as the runtime rounds. In smaller batches while the GPU's memory is full."""
    ids = tokenizer.encode(texts)
    size = _BATCH
    while True:
        try:
            rounded: Floats = np.round(_encoded(encoder, ids, size), DIGITS)
        except RuntimeError as error:
            if size == 1 or not memory_full(error):
                raise
        else:
            return rounded
        size //= 2
        torch.cuda.empty_cache()
        _log.warning("The GPU's memory is full: it encodes batches of %d texts.", size)


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def _encoded(encoder: TextEncoder, ids: list[list[int]], size: int) -> Floats:
    device = next(encoder.parameters()).device
    order = np.argsort([len(row) for row in ids], kind="stable")
    out: Floats | None = None
    for part in np.array_split(order, max(1, len(order) // size)):
        rows = encoder(padded([ids[i] for i in part]).to(device)).cpu().numpy()
        out = np.zeros((len(ids), rows.shape[1]), np.float32) if out is None else out
        out[part] = rows
    if out is None:
        raise ValueError("no texts")
    return out
