"""Changes to fail2ban's configuration, all or nothing, without touching any jail that is not named.

A full reload with one bad jail removes every jail, and `fail2ban-client -t` does not notice (measured on 1.0.2). So
only the jails named are reloaded, the list of jails is compared before and after, and whatever goes wrong is undone.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.errors import Fail2banAbsent, Fail2banDown, Fail2banError
from fail2ban_ai.fail2ban.client import Client

Contents = Mapping[str, str | None]  # path below fail2ban's folder -> text; None: there is no such file


@dataclass(frozen=True, slots=True)
class Change:
    """Files to write (or to delete, where the text is None), and the jails that are to follow.

    `load` starts a jail or lets a running one go on with new values; `restart` is for a running one whose action is
    another: fail2ban 1.0.2 to 1.1 drop an action that is new in a reload, and the jail then bans nobody
    (https://github.com/fail2ban/fail2ban/issues/3860). `stop` comes before anything else.
    """

    files: Contents
    load: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()

    @property
    def jails(self) -> set[str]:
        """Every jail that is touched."""
        return {*self.load, *self.restart, *self.stop}


@dataclass(frozen=True, slots=True)
class Transaction:
    """`config` is fail2ban's configuration folder, `client` asks the server that reads it."""

    config: Path
    client: Client

    def running(self) -> set[str] | None:
        """The jails that run; None when the server is down or not there."""
        try:
            return set(self.client.jails())
        except (Fail2banAbsent, Fail2banDown):
            return None

    def contents(self, names: Iterable[str]) -> dict[str, str | None]:
        """What the files hold now."""
        found = {name: self.config / name for name in names}
        return {name: path.read_text() if path.is_file() else None for name, path in found.items()}

    def carry_out(self, change: Change, check: Callable[[], None] = lambda: None) -> bool:
        """Carry the change out; returns whether the server runs (else its next start reads the files).

        Args:
            change: what to do.
            check: called with the jails loaded; a Fail2banError of it undoes everything.

        Raises:
            Fail2banError: everything was undone; the message is the reason alone.
        """
        before = self.running()
        old = self.contents(change.files)
        try:
            for jail in (before or set()).intersection(change.stop):
                self.client.run("stop", jail)
            self._put(change.files)
            if before is not None:
                for jail in change.load:
                    self.client.run("reload", "--if-exists", jail)
                for jail in change.restart:
                    self.client.restart_jail(jail)
                started = {*change.load, *change.restart}
                self._compare((before - set(change.stop)) | started, gone=set(change.stop))
                check()
        except BaseException as error:  # also when interrupted
            lost = self.restore(change, old, before)
            if lost:
                raise Fail2banError(f"{error} These jails could not be started again: {', '.join(lost)}.") from error
            if isinstance(error, OSError):
                raise Fail2banError(str(error)) from error
            raise
        return before is not None

    def restore(self, change: Change, old: Contents, before: set[str] | None) -> list[str]:
        """Take a change back: files as they were, and of its jails those run that ran `before` (None: server down).

        Returns the jails that do not start any more, for a reason that lies outside of our files.
        """
        self._put(dict(reversed(list(old.items()))))
        lost = []
        for jail in sorted(change.jails):
            try:
                if jail not in (before or ()):
                    self.client.run("stop", jail)
                elif jail in change.restart:
                    self.client.restart_jail(jail)
                else:
                    self.client.run("reload", "--if-exists", jail)
            except Fail2banError:  # what never started cannot be stopped; a server that is down has no jails
                if jail in (before or ()):
                    lost.append(jail)
        return lost

    def _put(self, files: Contents) -> None:
        for name, text in files.items():
            if text is None:
                (self.config / name).unlink(missing_ok=True)
            else:
                paths.replace(self.config / name, text)

    def _compare(self, expected: set[str], gone: set[str]) -> None:
        now = set(self.client.jails())
        if expected - now:
            raise Fail2banError(f"these jails do not run any more: {', '.join(sorted(expected - now))}.")
        if gone & now:
            raise Fail2banError(f"these jails still run: {', '.join(sorted(gone & now))}.")


@contextlib.contextmanager
def copy_with(config: Path, files: Contents) -> Iterator[Path]:
    """A temporary copy of the configuration with `files` in it, for fail2ban's own code to read."""
    with tempfile.TemporaryDirectory(prefix="f2b-") as folder:
        copy = Path(folder) / "fail2ban"
        shutil.copytree(config, copy, ignore_dangling_symlinks=True)
        for name, text in files.items():
            if text is None:
                (copy / name).unlink(missing_ok=True)
            else:
                (copy / name).write_text(text)
        yield copy
