"""The three networks, in torch: text encoder, event layer, actor model. Written so that they export to plain ONNX.

An encoder that a site brings takes the place of ours: see brought.
"""

import math

import torch
from torch import Tensor, nn

from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model import grams
from fail2ban_ai.model.labels import ATTACKS, KINDS
from fail2ban_ai.model.runtime import COMPANY, WINDOW
from fail2ban_ai.model.tokenizer import LENGTH, PAD
from fail2ban_ai.training.settings import Setting

_FAR = -1e4  # added to attention scores that must not count


class _Attention(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, n, width = x.shape
        parts = self.qkv(x).reshape(b, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = query @ key.transpose(-1, -2) / math.sqrt(width // self.heads) + bias
        mixed: Tensor = self.out((weights.softmax(-1) @ value).transpose(1, 2).reshape(b, n, width))
        return mixed


class _Block(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """A pre-norm transformer block (Xiong et al. 2020), feed-forward twice as wide."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _Attention(width, heads)
        self.wide = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.before(x), bias))
        y: Tensor = x + self.dropout(self.wide(self.between(x)))
        return y


class TextEncoder(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Token ids [b, n] (PAD beyond the text) to [b, embedding + len(ATTACKS) + 1]: see runtime.Runtime.encode.

    Whoever derives from it gives `states`, and calls `add_heads` last.
    """

    config: str | None = None  # what a brought encoder is, in JSON
    rate = 3e-3  # the highest at which the heads learn

    def states(self, ids: Tensor) -> Tensor:
        """[b, n, width] of each token."""
        raise NotImplementedError

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """All parameters, beside the highest rate at which they learn."""
        return [(list(self.parameters()), self.rate)]

    def add_heads(self, width: int, embedding: int) -> None:
        """The layers that read the states."""
        self.pool = nn.Linear(2 * width, embedding)
        self.attack = nn.Linear(embedding, len(ATTACKS))
        self.intent = nn.Linear(embedding, 1)

    def embed(self, ids: Tensor) -> Tensor:
        """[b, embedding], in -1..1."""
        real = (ids != PAD).unsqueeze(-1).float()
        x = self.states(ids)
        mean = (x * real).sum(1) / real.sum(1).clamp(min=1)
        most = (x + (1 - real) * _FAR).amax(1).clamp(min=-10)
        return torch.tanh(self.pool(torch.cat([mean, most], -1)))

    def logits(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of ATTACKS [b, a] and of hostile intent [b]."""
        pooled = self.embed(ids)
        return self.attack(pooled), self.intent(pooled).squeeze(-1)

    def forward(self, ids: Tensor) -> Tensor:
        """What the ONNX file computes."""
        pooled = self.embed(ids)
        return torch.cat([pooled, self.attack(pooled).softmax(-1), torch.sigmoid(self.intent(pooled))], -1)


class Encoder(TextEncoder):
    """Ours."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        width = setting.width
        self.tokens = nn.Embedding(setting.vocabulary, width)
        self.places = nn.Embedding(LENGTH, width)
        nn.init.normal_(self.tokens.weight, std=0.3)
        nn.init.normal_(self.places.weight, std=0.1)
        self.blocks = nn.ModuleList(_Block(width, setting.heads, 0.05) for _ in range(setting.layers))
        self.norm = nn.LayerNorm(width)
        self.add_heads(width, setting.embedding)

    def states(self, ids: Tensor) -> Tensor:
        """See TextEncoder."""
        real = (ids != PAD).unsqueeze(-1).float()
        bias = (1 - real).transpose(1, 2).unsqueeze(1) * _FAR
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, bias)
        normed: Tensor = self.norm(x)
        return normed


class Grams(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Logistic regression on hashed character n-grams of 2 to 4 bytes: bytes [b, grams.LENGTH] to logits / 3 [b, 1]."""

    _SIZE = 131_071  # weights; a prime, so that the sums below spread
    _FACTORS = (1_000_003, 1_040_257, 506_447, 65_599)
    _MOST = 9.0  # logits are cut here: no text convicts by itself

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(self._SIZE))
        self.bias = nn.Parameter(torch.zeros(1))

    def logits(self, read: Tensor) -> Tensor:
        """[b], not cut."""
        real = (read > 0).float()
        total, count = self.bias.new_zeros(1), self.bias.new_zeros(1)
        for n in (2, 3, 4):
            last = grams.LENGTH - n + 1
            places = sum(read[:, k : last + k] * self._FACTORS[k] for k in range(n)) + n * 7_368_787
            kept = real[:, n - 1 :]
            total = total + (self.table[places % self._SIZE] * kept).sum(1)
            count = count + kept.sum(1)
        logits: Tensor = total / count.clamp(min=1).sqrt() + self.bias
        return logits

    def forward(self, read: Tensor) -> Tensor:
        """What the ONNX file computes."""
        return self.logits(read).clamp(-self._MOST, self._MOST).unsqueeze(1) / 3


def text_width(setting: Setting) -> int:
    """Width of an encoded text: embedding, classes, intent, n-grams."""
    return setting.embedding + len(ATTACKS) + 2


class Event(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Features of an event [b, f] to an event vector [b, event]."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        inputs = 3 * text_width(setting) + len(NUMERIC)
        self.layers = nn.Sequential(
            nn.Linear(inputs, 2 * setting.event),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(2 * setting.event, setting.event),
            nn.LayerNorm(setting.event),
        )

    def forward(self, features: Tensor) -> Tensor:
        """What the ONNX file computes."""
        # Features beyond what training met must not carry a score away.
        vectors: Tensor = self.layers(features.clamp(-3, 3))
        return vectors


class Company(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """States of an actor [..., width] to what tells whom it belongs with [..., COMPANY]: a direction, and a leaning.

    Two vectors' products of directions, and both leanings, add up to the logit of "one campaign" (runtime.COMPANY). A
    direction is of one length for all, so that only what is alike counts; a leaning says whether this is anybody that
    campaigns have: a crowd of honest visitors is alike too.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, COMPANY))
        self.length = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, states: Tensor) -> Tensor:
        """See above."""
        made = self.layers(states)
        direction = made[..., :-1]
        direction = direction / (direction.square().sum(-1, keepdim=True) + 1e-6).sqrt() * self.length
        return torch.cat([direction, made[..., -1:]], -1)


class Actor(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Event vectors [b, n <= WINDOW, event], causal, to the parts of runtime.Judgement."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        width = setting.event
        self.places = nn.Parameter(torch.randn(WINDOW, width) * 0.02)
        self.blocks = nn.ModuleList(_Block(width, setting.heads, 0.1) for _ in range(setting.actor_layers))
        self.norm = nn.LayerNorm(width)
        self.hostile = nn.Linear(width, 1)
        self.kind = nn.Linear(width, len(KINDS))
        self.company = Company(width)
        self.register_buffer("future", torch.triu(torch.full((WINDOW, WINDOW), _FAR), 1), persistent=False)

    def states(self, events: Tensor) -> Tensor:
        """[b, n, event] of what the actor did up to each event."""
        n = events.shape[1]
        x = events + self.places[:n]
        for block in self.blocks:
            x = block(x, self.future[:n, :n])
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, events: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of hostile [b, n] and of KINDS [b, n, k]."""
        x = self.states(events)
        return self.hostile(x).squeeze(-1), self.kind(x)

    def forward(self, events: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the ONNX file computes."""
        x = self.states(events)
        return self.hostile(x).squeeze(-1), self.kind(x).softmax(-1), self.company(x)
