"""Tokens as the model meets them, from event rows made by hand."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import polars as pl

from fail2ban_ai import events
from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.timelines import Timelines

START = 1_790_000_000.0

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def request(
    address: str, at: float, target: str, status: int = 200, agent: str | None = FIREFOX, **more: object
) -> dict:
    return {
        "time": START + at,
        "service": "web",
        "kind": "request",
        "address": address,
        "method": "GET",
        "target": target,
        "status": status,
        "bytes": 500,
        "agent": agent,
    } | more


def failed(address: str, at: float, account: str, service: str = "sshd") -> dict:
    return {
        "time": START + at,
        "service": service,
        "kind": "login_failed",
        "address": address,
        "account": account,
        "message": "Failed password for <user> from <ip> port <n> ssh2",
    }


def logged_in(address: str, at: float, account: str, service: str = "sshd") -> dict:
    return failed(address, at, account, service) | {
        "kind": "login_ok",
        "message": "Accepted password for <user> from <ip> port <n> ssh2",
    }


def frame(rows: Sequence[dict]) -> pl.DataFrame:
    columns = {
        name: [row.get(name) if name not in ("time", "line", "source", "text") else None for row in rows]
        for name in events.SCHEMA
    }
    columns["time"] = [int(row["time"] * 1e6) for row in rows]
    columns["line"] = list(range(1, len(rows) + 1))
    columns["source"] = ["test.log"] * len(rows)
    columns["text"] = [""] * len(rows)
    return pl.DataFrame(columns, schema=events.SCHEMA, strict=False).sort("time", maintain_order=True)


def tokens(rows: Sequence[dict]) -> Tokens:
    return Timelines().update(frame(rows))


def cut(whole: Tokens, start: int, end: int) -> Tokens:
    return replace(whole, **{field.name: getattr(whole, field.name)[start:end] for field in fields(whole)})


def made_up(n: int, actors: int, texts: int, seed: int) -> Tokens:
    """Random tokens: actors take turns at random, texts repeat."""
    rng = np.random.default_rng(seed)
    base = tokens([request("192.0.2.1", 0.0, "/")])
    words = [f"/{'x' * (i % 90)}/{i:o}.php?a={i}" for i in range(texts)]
    values = {
        "actor": [f"198.51.100.{k}" for k in rng.integers(0, actors, n)],
        "time": START + np.sort(rng.uniform(0, 1e5, n)),
        "request": [words[k] for k in rng.integers(0, texts, n)],
        "second": [words[k] if k % 3 else "" for k in rng.integers(0, texts, n)],
        "referer": [words[k] if k % 2 else "" for k in rng.integers(0, texts, n)],
        "numeric": rng.uniform(0, 1, (n, base.numeric.shape[1])).astype(np.float32),
    }
    for field in fields(base):
        held = getattr(base, field.name)
        if field.name not in values:
            values[field.name] = np.repeat(held, n) if isinstance(held, np.ndarray) else list(held) * n
    return replace(base, **values)
