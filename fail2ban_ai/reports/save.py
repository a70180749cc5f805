"""Writes a report's three files into a folder."""

from collections.abc import Sequence
from pathlib import Path

from fail2ban_ai.errors import ConfigError
from fail2ban_ai.reports import html, markdown
from fail2ban_ai.reports.schema import Report, to_json
from fail2ban_ai.rules.suggestion import Suggestion


def save(report: Report, folder: Path, suggestions: Sequence[Suggestion] = ()) -> Path:
    """Write report.html, report.md and report.json; the path of the page.

    Raises:
        ConfigError: the folder cannot be written.
    """
    files = {
        "report.json": to_json(report) + "\n",
        "report.md": markdown.render(report, suggestions),
        "report.html": html.render(report, suggestions),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            part = folder / f"{name}.part"  # a reader finds the old file or the new one, whole
            part.write_text(text, encoding="utf-8")
            part.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder / "report.html"
