"""Write the manual pages and completions below the folder named."""

import sys
from pathlib import Path

from fail2ban_ai.manual import completion, pages


def main(share: Path) -> None:
    """Write every file."""
    found = {f"man/man8/{name}": text for name, text in pages.all_pages().items()} | completion.all_scripts()
    for name, text in found.items():
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
