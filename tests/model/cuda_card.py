"""For the tests on a real CUDA device, which are skipped where there is none: what is scored, how it is compared.

Needs no Polars, so that it runs where little is installed: hosts are made of tokens, not of logs.
"""

import os
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

if not torch.cuda.is_available():
    pytest.skip("torch finds no CUDA device", allow_module_level=True)

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.model.runtime import WINDOW, Floats
from fail2ban_ai.model.torch import TorchRuntime

# What CUDA and torch warn of differs by version and card: it is told, and fails nothing.
MARKS = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

ATTACKS = ("/p?id={i}' or {i}=0--", "/p?q=<script>{i}</script>", "/cgi/../../../../etc/passwd?{i}", "/.env.{i}")
TEXTS = [
    "",
    "/",
    "sshd: failed password for <user>",
    "curl/0.0.0",
    "\x00\u202e",
    *(f"/{'x' * (i % 90)}/{i:o}.php?a={i}" for i in range(400)),
    *(each.format(i=i) for i in range(30) for each in ATTACKS),
    "/?id=0' or 0=0--" * 9,
]


def features(runtime: TorchRuntime, n: int) -> Floats:
    width = next(runtime._event.parameters()).shape[1]
    return np.random.default_rng(1).uniform(-1, 1, (n, width)).astype(np.float32)


def sequences(runtime: TorchRuntime) -> list[Floats]:
    """Of every length, the short ones often."""
    events = runtime.embed(features(runtime, 4 * WINDOW))
    return [events[i : i + 1 + i % WINDOW] for i in range(3 * WINDOW)] + [events[i : i + 3] for i in range(200)]


def close(one: np.ndarray, two: np.ndarray, bound: float) -> None:
    assert one.shape == two.shape
    assert np.abs(one - two).max() <= bound


def same(one: np.ndarray, two: np.ndarray) -> None:
    """Bit for bit, as they leave the runtime: rounded."""
    differ = int((one != two).sum())
    assert differ == 0, f"{differ} of {one.size} numbers differ, by {np.abs(one - two).max()} at most"


def elsewhere(program: str, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    found = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env=os.environ | {"PYTHONPATH": found} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def made_up(n: int, seed: int) -> Tokens:
    """Requests of 40 actors, of which those with an even number attack."""
    rng = np.random.default_rng(seed)
    numbers, pages = rng.integers(0, 40, n), rng.integers(0, 90, n)
    numeric = rng.uniform(0, 1, (n, len(NUMERIC))).astype(np.float32)
    for name, value in (("web", 1), ("ssh", 0), ("mail", 0), ("ftp", 0), ("request", 1), ("ok", 0)):
        numeric[:, NUMERIC.index(name)] = value
    values: dict[str, object] = {
        "actor": [f"198.51.100.{number}" for number in numbers],
        "time": 1_790_000_000.0 + np.sort(rng.uniform(0, 1e5, n)),
        "request": [
            f"/page{page}" if number % 2 else ATTACKS[page % 4].format(i=page)
            for number, page in zip(numbers, pages, strict=True)
        ],
        "second": ["curl/0.0.0" if number % 3 else "mozilla/0.0" for number in numbers],
        "referer": ["/" if page % 2 else "" for page in pages],
        "numeric": numeric,
        "row": np.arange(n),
        "touched": np.ones((n, 3), np.int64),
    }
    for field in fields(Tokens):
        if field.name not in values:
            values[field.name] = [""] * n if "list" in str(field.type) else np.ones(n, np.int64)
    return Tokens(**values)  # type: ignore[arg-type]
