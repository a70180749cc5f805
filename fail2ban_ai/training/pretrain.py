"""Masked-token pretraining of the text encoder on texts without labels (Devlin et al. 2019)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from fail2ban_ai.model.tokenizer import CUT, PAD, SPECIAL, Tokenizer
from fail2ban_ai.training.device import DEVICE
from fail2ban_ai.training.modules import Encoder
from fail2ban_ai.training.settings import Setting
from fail2ban_ai.training.step import descend
from fail2ban_ai.training.texts import Tell, padded

_HIDDEN = 0.2  # share of tokens to be guessed
_RANDOM = 0.2  # of those, the share that another token stands in for; CUT for the rest


def pretrain(
    encoder: Encoder, texts: Sequence[str], tokenizer: Tokenizer, *, setting: Setting, seed: int, tell: Tell
) -> None:
    """Let the encoder guess hidden tokens from those around them, in place; the embeddings read out what it guesses."""
    rng = np.random.default_rng(seed)
    if not setting.pretrain_steps:
        return
    ids = tokenizer.encode(texts)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=setting.pretrain_steps + 1)
    encoder.to(DEVICE).train()
    step = 0
    while step < setting.pretrain_steps:
        drawn = rng.integers(len(ids), size=setting.encoder_batch * 8)
        drawn = drawn[np.argsort([len(ids[i]) for i in drawn], kind="stable")]
        for part in rng.permutation(np.array_split(drawn, 8)):
            read = padded([ids[i] for i in part])
            hidden = torch.from_numpy(rng.random(read.shape) < _HIDDEN) & (read != PAD)
            if not hidden.any():
                continue
            random = torch.from_numpy(rng.random(read.shape) < _RANDOM)
            others = torch.from_numpy(rng.integers(len(SPECIAL), tokenizer.size, size=read.shape))
            shown = torch.where(hidden, torch.where(random, others, CUT), read)
            # Places are counted here: a mask on the GPU would have each step wait for their number.
            places = tuple(each.to(DEVICE) for each in hidden.nonzero(as_tuple=True))
            guessed = encoder.states(shown.to(DEVICE))[places] @ encoder.tokens.weight.T
            loss = functional.cross_entropy(guessed, read[hidden].to(DEVICE))
            descend(loss, encoder, optimiser, schedule)
            step += 1
            tell(step, setting.pretrain_steps)
            if step >= setting.pretrain_steps:
                break
