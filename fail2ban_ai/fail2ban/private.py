"""A private fail2ban server for the demo and the tests: own configuration, socket, pid file, database and logs.

It runs as our child in the foreground and is told to end when we do (PR_SET_PDEATHSIG), and everything it writes lies
in one temporary folder. In a namespace its bans are real nftables rules; without one an action writes them to a file.
"""

import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from fail2ban_ai.errors import Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft
from fail2ban_ai.fail2ban.namespace import Namespace

STOCK_JAILS = ("sshd", "nginx-http-auth", "nginx-botsearch", "dovecot", "postfix", "postfix-sasl")
STOCK_CONFIG = Path("/etc/fail2ban")
START_SECONDS = 60.0  # a busy machine takes its time; one that failed ends at once

# The distribution's variable for a log -> our file.
_LOGS = {
    "sshd_log": "auth.log",
    "dovecot_log": "mail.log",
    "postfix_log": "mail.log",
    "nginx_error_log": "error.log",
    "nginx_access_log": "access.log",
}
_BACKENDS = ("sshd_backend", "dovecot_backend", "postfix_backend")
# Stands in for nftables where the kernel gives us no namespace: it writes down what would be blocked.
_RECORD = """[Definition]
actionban = echo "ban <name> <ip>" >> {file}
actionunban = echo "unban <name> <ip>" >> {file}
[Init]
name = default
"""


class PrivateServer:
    """A context manager; `client` and `nft` reach the server and its firewall while it runs.

    Without a namespace `nft` is None and bans go to `recorded`. `ai_jails=False` leaves our jails and files out.
    `rules` are further jails by name, each with the content of its filter; they read an empty log.
    """

    def __init__(
        self,
        namespace: Namespace | None,
        *,
        stock: tuple[str, ...] = STOCK_JAILS,
        ai_jails: bool = True,
        rules: Mapping[str, str] | None = None,
    ) -> None:
        self.namespace = namespace
        self._rules = rules or {}
        self._jails = (*stock, *(jails.JAILS if ai_jails else ()), *self._rules)
        self._server: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="f2b-"))  # short: a socket's path has at most 107 characters
        self.config = self.folder / "fail2ban"
        self.logs = {name: self.folder / name for name in sorted(set(_LOGS.values()))}
        self.recorded = self.folder / "recorded.txt"
        self._options = ("-c", str(self.config), "-s", str(self.folder / "sock"), "-p", str(self.folder / "pid"))
        self.client = Client(("fail2ban-client", *self._options))
        self.nft = Nft(namespace.command) if namespace else None

    def __enter__(self) -> "PrivateServer":
        try:
            self._configure()
            self.start()
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean()

    def start(self) -> None:
        """Start the server and wait until it answers; raises Fail2banError with its own last words when it does not."""
        inside = self.namespace.command if self.namespace else ()
        with (self.folder / "stderr.txt").open("ab") as errors:
            self._server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *inside, "fail2ban-server", *self._options, "-xf", "start"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._server.poll() is not None:
                break
            if (self.folder / "sock").exists() and self.client.ping() and set(self._jails) <= set(self.client.jails()):
                return
            time.sleep(0.1)
        words = (self.folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
        raise Fail2banError(f"the private fail2ban server did not start: {words[-1] if words else 'no reason given'}")

    def stop(self) -> None:
        """Stop the server as an admin would; after 15 s it is killed."""
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
        self._server = None

    def kill(self) -> None:
        """End the server as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def _clean(self) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self) -> None:
        if shutil.which("fail2ban-server") is None or not (STOCK_CONFIG / "jail.conf").is_file():
            raise Fail2banAbsent("fail2ban is not installed: fail2ban-server is not on the PATH.")
        # Only the distribution's files: the admin's own (*.local, jail.d) belong to the host's server.
        shutil.copytree(STOCK_CONFIG, self.config, ignore=shutil.ignore_patterns("*.local", "jail.d", "fail2ban.d"))
        (self.config / "jail.d").mkdir()
        for name, source in jails.shipped().items() if jails.ADDRESSES in self._jails else ():
            shutil.copyfile(source, self.config / name)
        if self.namespace is None:
            for name in ("fail2ban-ai-nft", "fail2ban-ai-net", "fail2ban-ai-limit", "f2b-record"):
                (self.config / f"action.d/{name}.conf").write_text(_RECORD.format(file=self.recorded))
        for log in self.logs.values():
            log.touch()
        for name, text in self._rules.items():
            (self.config / "filter.d" / f"{name}.conf").write_text(text)
            (self.folder / f"{name}.log").touch()
        (self.config / "fail2ban.local").write_text(
            f"[Definition]\nlogtarget = {self.folder / 'fail2ban.log'}\ndbfile = {self.folder / 'db.sqlite3'}\n"
            f"socket = {self.folder / 'sock'}\npidfile = {self.folder / 'pid'}\n"
        )
        (self.config / "jail.d" / "private.local").write_text(self._jail_file())

    def _jail_file(self) -> str:
        banaction = "nftables" if self.namespace else "f2b-record"
        lines = ["[DEFAULT]", "backend = polling", f"banaction = {banaction}", f"banaction_allports = {banaction}"]
        lines += [f"{name} = {self.folder / file}" for name, file in _LOGS.items()]
        lines += [f"{name} = polling" for name in _BACKENDS]
        for jail in self._jails:
            lines += [f"[{jail}]", "enabled = true"]
            if jail in self._rules:
                lines += [f"filter = {jail}", f"logpath = {self.folder / jail}.log"]
        return "\n".join([*lines, ""])


@contextmanager
def ends_on_signal() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that the context managers inside clean up; SIGINT is an exception already."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
