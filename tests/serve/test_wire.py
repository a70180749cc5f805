"""The protocol between watchers and a model's server: nothing is lost on it, nothing wrong is taken for right."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.config_model import is_safe
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.model import wire

TOKEN = "t0ken" * 8


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3), max_size=20))
def test_rows_arrive_to_the_last_bit(values: list[list[float]]) -> None:
    rows = np.round(np.array(values, np.float32).reshape(-1, 3), 3)
    assert np.array_equal(wire.rows_of(wire.answer(rows), len(rows), 3), rows)


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(0, 8))
def test_an_answer_that_is_none_is_told(content: bytes, texts: int) -> None:
    try:
        rows = wire.rows_of(content, texts, 2)
    except ValueError:
        return
    assert len(content) == texts * 4
    assert rows.shape == (texts, 2)
    assert np.abs(rows).max(initial=0) <= 4


@settings(deadline=None)
@given(st.lists(st.text(max_size=50), max_size=20))
def test_texts_arrive(texts: list[str]) -> None:
    assert wire.texts_of(wire.request(texts)) == texts


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_body_is_taken_or_told(body: bytes) -> None:
    try:
        found = wire.texts_of(body)
    except ValueError:
        return
    assert all(isinstance(text, str) for text in found)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'["a", null]',
        b"[" * 100_000,
        json.dumps(["x"] * (wire.MOST_TEXTS + 1)).encode(),
        json.dumps(["x" * 801]).encode(),
        b'["\\ud800"]',
    ],
)
def test_bodies_that_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="The body"):
        wire.texts_of(body)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o640)
    return path


def test_a_token_is_read(token_file: Path) -> None:
    assert wire.token(token_file) == TOKEN
    token_file.chmod(0o400)
    assert wire.token(token_file) == TOKEN


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o642, 0o777])
def test_a_token_that_others_may_read_or_write_is_refused(token_file: Path, mode: int) -> None:
    token_file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 640"):
        wire.token(token_file)


@pytest.mark.parametrize(
    "content", ["", "short", "x" * 31, "x" * 600, "two words that are long enough for it", "é" * 40]
)
def test_a_file_without_a_token(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(ConfigError, match="holds no token"):
        wire.token(token_file)


def test_no_file_a_folder_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError):
            wire.token(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_somebody_elses_file(token_file: Path) -> None:
    os.chown(token_file, 65534, 0)
    with pytest.raises(ConfigError, match="belongs to user 65534"):
        wire.token(token_file)


@pytest.mark.parametrize(
    "url",
    [
        "https://gpu.example.org",
        "https://gpu.example.org:8443/model",
        "http://127.0.0.1:8765",
        "http://[::1]:1/",
        "http://localhost",
    ],
)
def test_servers_that_may_be_asked(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://gpu.example.org",
        "http://192.0.2.7:8765",
        "ftp://127.0.0.1",
        "https://",
        "gpu:8765",
        "https://a@b.example",
        "https://a:99999",
        "http://127.0.0.1.example.org",
        "https://a.example/?x=1",
        "https://a\nb",
    ],
)
def test_servers_to_which_a_token_would_go_in_the_clear(url: str) -> None:
    assert not is_safe(url)
