"""Nothing that runs the model reports to anybody: ONNX Runtime's own telemetry is off before it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCORE = "from fail2ban_ai.model.scorer import Scorer; Scorer()"


@pytest.mark.parametrize("given", [{}, {"ORT_DISABLE_TELEMETRY": "0"}])
def test_loading_the_model_leaves_no_device_id(tmp_path: Path, given: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    environment |= {"HOME": str(tmp_path), **given}
    subprocess.run([sys.executable, "-c", SCORE], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
