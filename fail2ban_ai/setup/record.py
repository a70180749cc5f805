"""What setup wrote on this host: kept in a file of root's, so that removal finds all of it and nothing else.

A file is only ever written where there is none, or where it is as setup left it; changed by hand it is the admin's.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import ConfigError


def _path() -> Path:
    return paths.settings().with_name("setup.json")


@dataclass(slots=True)
class Record:
    """Files by path (with the SHA-256 of what was written), folders, and whether the user is of our making."""

    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    user: bool = False

    def write(self, path: Path, text: str) -> bool:
        """Write a file, unless an admin wrote or changed it; returns whether it holds `text` now."""
        if path.is_symlink() or (path.exists() and _hash(path) not in (self.files.get(str(path)), _sha256(text))):
            return False
        self.folder(path.parent)
        paths.replace(path, text)
        self.files[str(path)] = _sha256(text)
        return True

    def folder(self, path: Path) -> None:
        """Make a folder with its parents, those made here to be removed again."""
        missing = [each for each in (path, *path.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o755)
            self.folders.append(str(each))

    def forget(self, path: Path) -> None:
        """Delete a file as setup left it; one changed by hand stays, and stays in the record."""
        if str(path) in self.files and (not path.exists() or _hash(path) == self.files[str(path)]):
            path.unlink(missing_ok=True)
            del self.files[str(path)]

    def save(self) -> None:
        """Keep the record."""
        paths.replace(_path(), json.dumps(asdict(self), indent=2) + "\n")

    def remove(self, *, purge: bool) -> list[str]:
        """Delete the files and the folders that are empty then; returns the files kept since they were changed."""
        for name in sorted(self.files):
            path = Path(name)
            if purge:
                path.unlink(missing_ok=True)
                del self.files[name]
            else:
                self.forget(path)
        _path().unlink(missing_ok=True)
        for name in reversed(self.folders):
            folder = Path(name)
            if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
                folder.rmdir()
        return sorted(self.files)


def load() -> Record:
    """The record of this host; an empty one before the first setup. ConfigError when it cannot be trusted or read."""
    text = paths.read_trusted(_path())
    if text is None:
        return Record()
    try:
        found = Record(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{_path()} is not as setup wrote it: {error}") from error
    return found


def exists() -> bool:
    """Whether setup has run here."""
    return _path().exists()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
