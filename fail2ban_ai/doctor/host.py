"""What the checks look at: fail2ban's configuration as fail2ban itself reads it, its files, and the running server."""

import ast
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fail2ban_ai import config
from fail2ban_ai.errors import ConfigError, Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft

_LOG_PREFIX = re.compile(r"^\S+ \S+ fail2ban\S*\s+\[\d+\]: (ERROR|WARNING)\s+")


@dataclass(slots=True)
class JailConfig:
    """A jail as `fail2ban-client -d` says it would be started."""

    name: str
    backend: str = "auto"
    prefregex: str | None = None
    failregex: list[str] = field(default_factory=list)
    ignoreregex: list[str] = field(default_factory=list)
    logpath: list[str] = field(default_factory=list)
    ignoreip: list[str] = field(default_factory=list)
    ignorecommand: str = ""
    bantime: str = ""
    actions: list[str] = field(default_factory=list)
    python_actions: list[str] = field(default_factory=list)  # paths


@dataclass(frozen=True, slots=True)
class Option:
    """One option of an ini file, before interpolation, with the number of its first line."""

    file: Path
    section: str
    name: str
    line: int
    value: str  # its lines, comments left out


@dataclass
class Host:
    """`config` is fail2ban's configuration folder."""

    config: Path = Path("/etc/fail2ban")
    client: Client = field(default_factory=Client)
    nft: Nft = field(default_factory=Nft)

    @cached_property
    def _dump(self) -> tuple[list[list[object]], list[str]]:
        try:
            done = subprocess.run(
                ["fail2ban-client", "-c", str(self.config), "-d"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return [], []
        found = []
        for line in done.stdout.splitlines():
            try:
                words = ast.literal_eval(line)
            except (ValueError, SyntaxError):
                continue
            if isinstance(words, list):
                found.append(words)
        complaints = [_LOG_PREFIX.sub("", line) for line in done.stderr.splitlines() if _LOG_PREFIX.match(line)]
        return found, [each for each in complaints if "Using default one" not in each]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of fail2ban while it read its configuration."""
        return self._dump[1]

    @cached_property
    def jails(self) -> dict[str, JailConfig]:
        """The enabled jails, as fail2ban would start them; empty when it cannot read its configuration."""
        found: dict[str, JailConfig] = {}
        for words in self._dump[0]:
            if len(words) >= 2 and words[0] == "add":
                name = str(words[1])
                found[name] = JailConfig(name, str(words[2]) if len(words) > 2 else "auto")
            elif len(words) >= 4 and words[0] in ("set", "multi-set") and words[1] in found:
                _apply(found[str(words[1])], str(words[2]), words[3:])
        return found

    @property
    def logs(self) -> list[str]:
        """The logs that the enabled jails read, and those that our own settings name; in order."""
        found = {path for jail in self.jails.values() for path in jail.logpath}
        try:
            settings = config.load()
        except ConfigError:  # which another check says
            return sorted(found)
        return sorted(found | {name for name in (*settings.sources, *settings.also) if name.startswith("/")})

    @cached_property
    def options(self) -> list[Option]:
        """Every option of the ini files below the folder, in fail2ban's reading order within each kind."""
        files = [*sorted(self.config.glob("jail*.*")), *sorted(self.config.glob("*.d/*.*"))]
        return [option for file in files if file.suffix in (".conf", ".local") for option in read_options(file)]

    @cached_property
    def running(self) -> list[str] | None:
        """The jails that run; None when the server cannot be asked (see `trouble`)."""
        try:
            return self.client.jails()
        except Fail2banError:
            return None

    @cached_property
    def trouble(self) -> Fail2banError | None:
        """Why the server cannot be asked."""
        try:
            self.client.jails()
        except Fail2banError as error:
            return error
        return None

    @property
    def absent(self) -> bool:
        """Whether fail2ban is not installed."""
        return isinstance(self.trouble, Fail2banAbsent)

    def banned(self, jail: str) -> list[str]:
        """What a jail lists as banned; empty when the server cannot be asked."""
        try:
            return self.client.banned(jail)
        except Fail2banError:
            return []

    @property
    def ai_jails(self) -> list[str]:
        """Our jails among those enabled."""
        return [name for name in jails.JAILS if name in self.jails]


def _apply(jail: JailConfig, key: str, words: list[object]) -> None:
    values = [str(value) for word in words for value in (word if isinstance(word, list) else [word])]
    if key in ("addfailregex", "addignoreregex"):
        (jail.failregex if key == "addfailregex" else jail.ignoreregex).extend(values)
    elif key == "prefregex":
        jail.prefregex = values[0]
    elif key == "addlogpath":
        jail.logpath.append(values[0])
    elif key == "addignoreip":
        jail.ignoreip.extend(values)
    elif key in ("ignorecommand", "bantime"):
        setattr(jail, key, values[0])
    elif key == "addaction":
        jail.actions.append(values[0])
        if len(values) > 1:
            jail.python_actions.append(values[1])


def read_options(file: Path) -> list[Option]:
    """The options of one ini file, uninterpolated; lines that belong to none are left out."""
    found: list[Option] = []
    section = ""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if line[0] == "[" and "]" in line:
            section = line[1 : line.index("]")]
        elif line[0].isspace() and found and found[-1].section == section:
            last = found[-1]
            found[-1] = Option(file, section, last.name, last.line, f"{last.value}\n{line.strip()}")
        elif not line[0].isspace():
            name, _, value = line.partition("=")
            found.append(Option(file, section, name.strip(), number, value.strip()))
    return found
