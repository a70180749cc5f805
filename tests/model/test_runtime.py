"""The shipped weights: checked when they load, without torch, quickly; damaged ones are refused by name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import weights
from fail2ban_ai.model.cache import TextCache
from fail2ban_ai.model.labels import GROUPS
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.tokenizer import CUT, LENGTH, cut


def test_scoring_imports_no_torch() -> None:
    program = (
        "import sys; from fail2ban_ai.model.scorer import Scorer; Scorer().runtime.encode(['/']);"
        "print([name for name in sys.modules if name.split('.')[0] in ('torch', 'onnx', 'sklearn', 'safetensors')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights.SHIPPED, tmp_path / "weights"))


@pytest.mark.parametrize("name", weights.RUNTIME_FILES)
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        OnnxRuntime(weights.load(folder))


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "actor.onnx").unlink()
    with pytest.raises(ModelError, match=r"actor\.onnx"):
        OnnxRuntime(weights.load(folder))


def test_no_card_a_broken_card_another_format(folder: Path) -> None:
    card = folder / weights.CARD
    earlier, later = (json.dumps(json.loads(card.read_text()) | {"format": weights.FORMAT + by}) for by in (-1, 1))
    for content, words in ((earlier, "another version.*train"), (later, "another version"), ("{", "not JSON")):
        card.write_text(content)
        with pytest.raises(ModelError, match=words):
            weights.load(folder)
    card.unlink()
    with pytest.raises(ModelError, match="no model weights"):
        weights.load(folder)


def test_a_file_that_is_right_but_no_model(folder: Path) -> None:
    (folder / "actor.onnx").write_bytes(b"not a model")
    held = weights.load(folder)
    held.card["sha256"]["actor.onnx"] = "f4e8d8d8b1c0"
    with pytest.raises(ModelError):
        OnnxRuntime(held)


def test_the_shipped_files_are_small_and_the_card_is_whole() -> None:
    held = weights.load()
    assert sum(path.stat().st_size for path in weights.SHIPPED.iterdir()) < 10_000_000
    for name in (*weights.RUNTIME_FILES, *weights.TORCH_FILES):
        held.read(name)
    for group in GROUPS:
        levels = [held.threshold(group, name) for name in weights.SENSITIVITIES]
        assert levels == sorted(levels, reverse=True)  # cautious asks for the most
        assert all(0.5 <= level < 1 for level in levels)
        assert held.card["calibration"][group][0] > 0  # a higher logit never lowers a score


def test_long_texts_keep_both_ends() -> None:
    ids = list(range(10, 500))
    short = cut(ids)
    assert len(short) == LENGTH
    assert short[0] == 10
    assert short[-1] == 499
    assert CUT in short
    assert cut([5, 6]) == [5, 6]
    assert cut([]) == [CUT]


def test_hostile_texts_encode() -> None:
    runtime = OnnxRuntime()
    rows = runtime.encode(["\x00", "\ud7ff", "a" * 10_000, "<pad>", " ", "\u202e"])
    assert rows.shape == (6, runtime.sizes.text)


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    asked: list[str] = []

    def encode(texts):  # type: ignore[no-untyped-def]
        import numpy as np  # noqa: PLC0415

        asked.extend(texts)
        return np.ones((len(texts), 2), np.float32)

    cache = TextCache(encode, generation=10)
    for i in range(100):
        cache.rows(["used", f"new{i}"], 2)
    assert len(cache) <= 20
    assert asked.count("used") == 1
