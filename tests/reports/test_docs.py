"""What docs/reports.md shows is what happens."""

import json
import re
from pathlib import Path

import pytest

from fail2ban_ai.config import load
from fail2ban_ai.redact import MARK, redact
from fail2ban_ai.reports import ecs
from fail2ban_ai.reports.alerts import alerts
from fail2ban_ai.reports.news import Memory
from tests.reports.made import campaign, report

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("before", "after"), ROWS)
def test_the_table_of_secrets(before: str, after: str) -> None:
    assert redact(before) == after
    text = f'192.0.2.1 - - [15/Mar/2026:16:06:22 +0000] "GET {before} HTTP/1.1" 200 4395 "-" "M"'
    assert redact(text) == text.replace(before, after)


def test_the_table_holds_both_sorts() -> None:
    assert {MARK in after for _, after in ROWS} == {True, False}


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_settings(tmp_path: Path, block: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(block)
    settings = load(file)
    assert settings != load(tmp_path / "none")


def test_the_fields_named_are_in_the_documents() -> None:
    (news,) = Memory(Path("/nonexistent")).news(report(campaign()))
    text = json.dumps([ecs.document(alert, "host") for alert in alerts(news, "observe")])
    for word in ("found", "would-ban", "intrusion_detection", "risk_score", "subtechnique", "related"):
        assert f'"{word}"' in text
        assert word in PAGE


@pytest.mark.parametrize("unit", ["fail2ban-ai-watch.service", "fail2ban-ai-analyze.service"])
def test_the_drop_in_undoes_what_the_units_forbid(unit: str) -> None:
    (block,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    text = (Path(__file__).parents[2] / "systemd" / unit).read_text()
    keys = re.findall(r"^(\w+)=", block, re.MULTILINE)
    assert unit in block
    assert keys
    assert all(re.search(rf"^{key}=", text, re.MULTILINE) for key in keys)
