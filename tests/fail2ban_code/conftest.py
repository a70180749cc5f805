"""A private copy of fail2ban's stock configuration; skips, with the reason, where fail2ban is not installed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2ban_ai.errors import Fail2banAbsent
from fail2ban_ai.fail2ban import code

STOCK = Path(code.CONFIG)


@pytest.fixture(scope="session")
def stock() -> Path:
    try:
        code.interpreter()
    except Fail2banAbsent as error:
        pytest.skip(str(error))
    if not (STOCK / "jail.conf").is_file():
        pytest.skip(f"no stock configuration in {STOCK}")
    return STOCK


@pytest.fixture
def config(stock: Path, tmp_path: Path) -> Callable[..., str]:
    """make(jail_local, **filters): a configuration folder with these on top of the distribution's files."""

    def make(jail_local: str = "", **filters: str) -> str:
        folder = tmp_path / "fail2ban"
        shutil.copytree(stock, folder, ignore=shutil.ignore_patterns("*.local", "jail.d", "fail2ban.d"))
        (folder / "jail.d").mkdir()
        (folder / "jail.local").write_text(jail_local)
        for name, text in filters.items():
            (folder / "filter.d" / f"{name}.conf").write_text(text)
        return str(folder)

    return make
