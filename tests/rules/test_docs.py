"""docs/rules.md names every step, kind, setting and module there is."""

from pathlib import Path

from fail2ban_ai.config import Settings
from fail2ban_ai.rules import suggestion

ROOT = Path(__file__).parents[2]
STEPS = [
    "safe",
    "compiles",
    "recall",
    "later",
    "benign-shipped",
    "injection",
    "benign-history",
    "linear",
    "samples",
    "loads",
]


def test_everything_is_explained() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    review = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    code = (ROOT / "fail2ban_ai" / "rules" / "prove.py").read_text(encoding="utf-8")
    for step in STEPS:
        assert f'"{step}"' in code
        assert f"| `{step}` |" in page
    for kind in suggestion.KINDS:
        assert f"| `{kind}` |" in page
    for setting in (name for name in Settings.model_fields if name.startswith("rule_")):
        assert f"`{setting}`" in page + review
