"""A wrong configuration names file, key and what was expected; no configuration is a good one."""

from pathlib import Path

import pytest

from fail2ban_ai.config import load
from fail2ban_ai.errors import ConfigError


def test_without_a_file_the_mode_is_observe(tmp_path: Path) -> None:
    settings = load(tmp_path / "none.yaml")
    assert settings.mode == "observe"
    assert settings.sensitivity == "normal"


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert load(tmp_path / "c.yaml") == load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mode: ban-all", "mode"),
        ("modus: observe", "known are mode, sensitivity"),
        ("login_days: 0", "login_days"),
        ("zones: {'*.log': Europe/Nowhere}", "Europe/Nowhere"),
        ("- a list", "expected keys and values"),
        ("mode: [observe", ":1:"),
        ("sources: /var/log/auth.log", "sources"),
        ("model: {runtime: cuda}", "model.runtime"),
        ("model: {runtime: remote}", "needs model.server"),
        ("model: {runtime: remote, server: 'http://192.0.2.7:8765'}", "model.server"),
        ("model: {speed: high}", "known are runtime, weights, server, token_file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert told in str(caught.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"mode: \xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)
