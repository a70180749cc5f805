"""Writes a report's three files into a folder."""

from collections.abc import Sequence
from pathlib import Path

from fail2ban_ai.errors import ConfigError
from fail2ban_ai.findings import Campaign
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports import html, markdown
from fail2ban_ai.reports.schema import Report, to_json
from fail2ban_ai.rules.suggestion import Suggestion


def save(
    report: Report, folder: Path, suggestions: Sequence[Suggestion] = (), campaigns: Sequence[Campaign] = ()
) -> Path:
    """Write report.html, report.md and report.json; the path of the page. `campaigns`: see html.render.

    Raises:
        ConfigError: the folder cannot be written.
    """
    files = {
        "report.json": to_json(report) + "\n",
        "report.md": markdown.render(report, suggestions),
        "report.html": html.render(report, suggestions, campaigns),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with owner_of(folder):  # in the watcher's folder root follows nothing that was planted there
            for name, text in files.items():
                part = folder / f"{name}.part"  # a reader finds the old file or the new one, whole
                part.unlink(missing_ok=True)
                with part.open("x", encoding="utf-8") as file:
                    file.write(text)
                part.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder / "report.html"
