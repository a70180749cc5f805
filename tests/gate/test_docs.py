"""docs/gate.md names every refusal and every setting there is."""

import dataclasses
import re
from pathlib import Path

from fail2ban_ai import gate
from fail2ban_ai.gate import rules as gate_rules
from fail2ban_ai.gate.lists import SPECIAL

ROOT = Path(__file__).parents[2]


def test_every_code_and_setting_is_explained():
    source = "".join(Path(module.__file__ or "").read_text() for module in (gate, gate_rules))
    codes = set(re.findall(r"Refusal\(\s*\"([a-z-]+)\"", source))
    assert len(codes) > 20
    page = (ROOT / "docs" / "gate.md").read_text()
    for code in codes | {f"special-{name}" for name in SPECIAL}:
        stem, _, last = code.rpartition("-")
        assert (
            f"`{code}`" in page
            or (f"`{stem}-" in page and f"`-{last}`" in page)
            or f"`-{code.partition('-')[2]}`" in page
        )
    settings = {field.name for field in dataclasses.fields(gate.GateSettings)}
    assert {name for name in settings if f"`{name}`" not in page} == set()
