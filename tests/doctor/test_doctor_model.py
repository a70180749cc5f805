"""doctor on what runs the model: what keeps the configured runtime from working is named."""

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest

from fail2ban_ai import paths
from fail2ban_ai.doctor import model
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.model import weights

SERVER = "https://model.example.org"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.config().parent.mkdir(parents=True)
    return tmp_path


def examine(**values: str) -> list[str]:
    paths.config().write_text(json.dumps({"model": values}))
    return [result.sentence for result in model.model_can_run(Host(client=Client(("false",))))]


def test_the_embedded_model_needs_nothing() -> None:
    assert examine() == []
    assert examine(server=SERVER) == []


def test_torch_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (told,) = examine(runtime="torch")
    assert "torch is not installed" in told
    assert examine() == []


def test_a_token_that_is_missing_or_open(root: Path) -> None:
    assert "cannot be read" in examine(runtime="remote", server=SERVER)[0]
    paths.model_token().write_text("f" * 64)
    paths.model_token().chmod(0o644)
    assert "open to others" in examine(runtime="remote", server=SERVER)[0]
    paths.model_token().chmod(0o640)
    assert examine(runtime="remote", server=SERVER) == []


def test_a_unit_without_a_network(root: Path) -> None:
    paths.model_token().write_text("f" * 64)
    paths.model_token().chmod(0o640)
    unit = paths.units() / "fail2ban-ai-watch.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nPrivateNetwork=yes\n")
    (told,) = examine(runtime="remote", server=SERVER)
    assert "has no network" in told
    assert examine() == []
    drop_in = unit.with_name(f"{unit.name}.d") / "override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nPrivateNetwork=no\n")
    assert examine(runtime="remote", server=SERVER) == []


def brought(folder: Path) -> Path:
    """Weights built on an encoder of the site's own, as far as their card and checksums tell."""
    folder.mkdir()
    for name in weights.BROUGHT_FILES:
        (folder / name).write_text(name)
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in weights.BROUGHT_FILES}
    (folder / weights.CARD).write_text(json.dumps({"format": weights.FORMAT, "sha256": sums}))
    return folder


def test_own_weights_and_what_runs_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = brought(root / "weights")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert examine(runtime="torch", weights=str(folder)) == []
    (told,) = examine(weights=str(folder))
    assert "runtime: torch" in told
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else name)
    (told,) = examine(runtime="torch", weights=str(folder))
    assert "transformers, which is not installed" in told
    (folder / "config.json").write_text("{}")
    (told,) = examine(runtime="torch", weights=str(folder))
    assert "config.json is damaged" in told
    assert examine(weights=str(weights.SHIPPED)) == []
    assert "no model weights" in examine(weights=str(root / "none"))[0]
