"""Train the n-gram regression: which texts hostile actors send. Simple, and better than the encoder on unseen hosts."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from fail2ban_ai.model.grams import as_bytes
from fail2ban_ai.training.fit_encoder import by_sender
from fail2ban_ai.training.hosts import Host
from fail2ban_ai.training.modules import Grams
from fail2ban_ai.training.padding import lengthened

_BATCH, _EPOCHS, _RATE = 256, 3, 0.05


def train(hosts: Sequence[Host], seed: int) -> Grams:
    """Trained on every text of the labelled actors of `hosts`; texts of both sides weigh alike."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    texts, shares = _senders(hosts)
    hostile = shares > 0.5
    half = max(1, int(hostile.sum())), max(1, int((~hostile).sum()))
    weight = torch.from_numpy(np.where(hostile, 0.5 * len(texts) / half[0], 0.5 * len(texts) / half[1])).float()
    read, told = torch.from_numpy(as_bytes(texts)), torch.from_numpy(shares).float()
    model = Grams()
    optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
    batches = max(1, len(texts) // _BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, _EPOCHS * batches)
    for _ in range(_EPOCHS):
        for part in np.array_split(rng.permutation(len(texts)), batches):
            rows = torch.from_numpy(part)
            loss = functional.binary_cross_entropy_with_logits(
                model.logits(read[rows]), told[rows], reduction="none", weight=weight[rows]
            ).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()
    return model


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def score(model: Grams, texts: Sequence[str]) -> np.ndarray:
    """[n, 1], rounded as the runtime rounds."""
    parts = [model(torch.from_numpy(as_bytes(texts[i : i + 4096]))).numpy() for i in range(0, len(texts), 4096)]
    rounded: np.ndarray = np.round(np.concatenate(parts), 3)
    return rounded


def _senders(hosts: Sequence[Host]) -> tuple[list[str], np.ndarray]:
    """Distinct texts, sorted, and the share of hostile senders of each, averaged over hosts."""
    found: dict[str, list[float]] = {}
    for host in hosts:
        for text, (hostile, benign) in by_sender(host).items():
            found.setdefault(text, []).append(hostile / (hostile + benign))
    for text, longer in lengthened(sorted(found), len(found)):
        found.setdefault(longer, found[text])
    texts = sorted(found)
    return texts, np.array([np.mean(found[text]) for text in texts])
