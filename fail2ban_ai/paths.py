"""Where things lie on the host, and how root opens what only root may have written.

    /etc/fail2ban-ai/            root's: config.yaml, enforce.json, installed.json, setup.json, model.token,
                                 ranges.d/*.txt
    /var/lib/fail2ban-ai/        the watcher's: decisions.jsonl, heartbeat.json, state.sqlite, history/,
                                 rules/ (suggested), visitors.json, delivered/, reports/
    /var/lib/fail2ban-ai-root/   root's: outcomes.jsonl, allow.jsonl, position.json, notices.jsonl, trial.json,
                                 breaker.json, feed/bans.spool, rules.jsonl, rules/, shadow.log, spares.json

FAIL2BAN_AI_ROOT is put before all of them (tests and the demo). Standard library only: the root process imports this.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fail2ban_ai.errors import ConfigError, Fail2banAIError


def root() -> Path:
    """What all paths lie below: / but in tests and the demo."""
    return Path(os.environ.get("FAIL2BAN_AI_ROOT", "/"))


def _under(path: str) -> Path:
    return root() / path


def fail2ban() -> Path:
    """fail2ban's configuration folder."""
    return _under("etc/fail2ban")


def units() -> Path:
    """The folder for systemd units of this host's own."""
    return _under("etc/systemd/system")


def heartbeat() -> Path:
    """What the watcher says about itself every few seconds: hostile input to root, as all that it writes."""
    return _under("var/lib/fail2ban-ai/heartbeat.json")


def history() -> Path:
    """The watcher's folder of past events, Parquet files."""
    return _under("var/lib/fail2ban-ai/history")


def settings() -> Path:
    """The enforcer's settings, JSON, written by `setup`."""
    return _under("etc/fail2ban-ai/enforce.json")


def config() -> Path:
    """The watcher's settings, YAML; see fail2ban_ai.config."""
    return _under("etc/fail2ban-ai/config.yaml")


def model_token() -> Path:
    """The secret that watchers and the model's server hold."""
    return _under("etc/fail2ban-ai/model.token")


def ranges() -> Path:
    """The folder of published address ranges (CDN edges, crawlers), one network a line."""
    return _under("etc/fail2ban-ai/ranges.d")


def decisions() -> Path:
    """The decisions log, which the unprivileged watcher writes: hostile input to root."""
    return _under("var/lib/fail2ban-ai/decisions.jsonl")


def suggestions() -> Path:
    """The folder of suggested rules, which the unprivileged watcher writes: hostile input to root."""
    return _under("var/lib/fail2ban-ai/rules")


def visitors() -> Path:
    """Who logs in here and who is a proxy, for the bans of rules; the watcher writes it: hostile input to root."""
    return _under("var/lib/fail2ban-ai/visitors.json")


def outcomes() -> Path:
    """What the enforcer did with each decision."""
    return _under("var/lib/fail2ban-ai-root/outcomes.jsonl")


def allow() -> Path:
    """The allow list."""
    return _under("var/lib/fail2ban-ai-root/allow.jsonl")


def position() -> Path:
    """How far the enforcer has read the decisions log."""
    return _under("var/lib/fail2ban-ai-root/position.json")


def notices() -> Path:
    """What an admin should hear from the enforcer; everybody may read it."""
    return _under("var/lib/fail2ban-ai-root/notices.jsonl")


def trial() -> Path:
    """Whether enforcing was confirmed; see fail2ban_ai.enforce.trial."""
    return _under("var/lib/fail2ban-ai-root/trial.json")


def breaker() -> Path:
    """There while the circuit breaker is open; see fail2ban_ai.enforce.breaker."""
    return _under("var/lib/fail2ban-ai-root/breaker.json")


def feed() -> Path:
    """The spool of the drop-in action, written by fail2ban's shell; its folder is readable by the watcher's group."""
    return _under("var/lib/fail2ban-ai-root/feed/bans.spool")


def rules() -> Path:
    """The folder of rules that were judged: root's copies, open to nobody else since they hold lines of logs."""
    return _under("var/lib/fail2ban-ai-root/rules")


def spares() -> Path:
    """What `fail2ban-ai spares` remembers between two questions of fail2ban's."""
    return _under("var/lib/fail2ban-ai-root/spares.json")


def shadow() -> Path:
    """What rules in state shadow would have banned: lines that action.d/fail2ban-ai-record.conf writes."""
    return _under("var/lib/fail2ban-ai-root/shadow.log")


def make_folder(path: Path) -> None:
    """Make the folder `path` so that nobody else writes in it, with its parents."""
    path.mkdir(mode=0o755, parents=True, exist_ok=True)


def check_trusted(status: os.stat_result, path: Path) -> None:
    """Raise ConfigError unless only root (or, when not run as root, anybody's own account) could have written this."""
    if stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigError(f"{path} is writable by group or others; expected mode 0644 or 0755")
    if os.geteuid() == 0 and status.st_uid != 0:
        raise ConfigError(f"{path} belongs to user {status.st_uid}; expected root")


def read_trusted(path: Path, limit: int = 4 << 20) -> str | None:
    """The text of a file that root relies on; None when there is no such file.

    Links are not followed, the file and its folder must be root's and not writable by others, and it must be a regular
    file of at most `limit` bytes; else ConfigError. Bytes that are not UTF-8 become U+FFFD, which no parser here takes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; expected a regular file") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is not a regular file")
        check_trusted(status, path)
        check_trusted(path.parent.stat(), path.parent)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ConfigError(f"{path} is larger than {limit} bytes")
    return content.decode("utf-8", "replace")


def replace(path: Path, text: str, *, lasting: bool = True) -> None:
    """Write `text` to `path` so that a crash leaves the old content or the new, never a mixture.

    `lasting`: wait for the disk, so that a power cut does not take it away either.
    """
    make_folder(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if lasting:
            os.fsync(file.fileno())
    part.replace(path)
    if lasting:
        sync_folder(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, so that two of us do not change the same thing at once; waits for the other."""
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def held(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock that one process at a time may hold; Fail2banAIError(otherwise) while another does."""
    make_folder(lock.parent)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Fail2banAIError(otherwise) from error
        yield
    finally:
        os.close(handle)
