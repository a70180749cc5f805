"""`fail2ban-ai review` as an admin runs it: from scripts, and at a terminal, on a real fail2ban server."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from click.testing import CliRunner, Result

from fail2ban_ai import paths
from fail2ban_ai.cli import review
from fail2ban_ai.cli.group import cli
from fail2ban_ai.rules import decide, negatives, states

from . import a_rule, at_terminal
from .conftest import OTHERS, PROGRAM, Bench

pytestmark = pytest.mark.bench


@pytest.fixture
def host(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The command works on the bench, with a proof that holds where a test does not want the real one."""
    monkeypatch.setattr(review, "the_site", lambda: bench.site)
    monkeypatch.setattr(review, "prover", lambda site: a_rule.proved)
    return bench


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["review", *words])
    assert done.exit_code == code, done.output
    return done


def facts(*words: str) -> dict[str, object]:
    found = json.loads(run(*words, "--json").stdout)
    assert isinstance(found, dict)
    return found


def listed(name: str = a_rule.NAME) -> dict[str, object]:
    rules = facts("list")["rules"]
    assert isinstance(rules, list)
    return next(dict(one) for one in rules if one["name"] == name)


def test_from_a_script_with_the_real_proof(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "the_site", lambda: bench.site)
    run("list", code=1)
    folder = a_rule.write(bench.log)
    assert listed()["state"] == "pending"
    shown = facts("show", a_rule.NAME)
    matched = [line["match"] for line in shown["lines"]]  # type: ignore[attr-defined]
    assert all(match["groups"]["ip4"] == [0, 9] for match in matched)
    digest = str(shown["digest"])
    said = facts("approve", a_rule.NAME, "--digest", digest[:12], "--why", "looks right")
    assert (said["state"], said["why"], said["digest"]) == ("live", "looks right", digest)
    assert set(bench.client.jails()) == {*OTHERS, a_rule.NAME}
    # The watcher's later form is another rule until an admin says yes to it, and one that fails is not offered.
    a_rule.write(bench.log, regex=a_rule.REGEX.replace("shell", "nothing"))
    one = listed()
    assert (one["state"], one["newer"]) == ("live", True)
    newer = str(facts("show", a_rule.NAME)["digest"])
    assert "not what was reviewed" in run("approve", a_rule.NAME, "--digest", digest, code=1).output
    assert "fails the step recall" in run("approve", a_rule.NAME, "--digest", newer, code=1).output
    assert listed()["state"] == "live"
    bench.attack("203.0.113.80")
    assert bench.blocked(a_rule.NAME, "203.0.113.80", 8.0)
    assert facts("rollback")["state"] == "pending"
    assert set(bench.client.jails()) == OTHERS
    assert folder.exists()


def test_usage(host: Bench) -> None:
    a_rule.write(host.log)
    assert "--digest" in run("approve", a_rule.NAME, code=2).output
    assert "--why" in run("reject", a_rule.NAME, code=2).output
    assert "without a terminal" in run(code=2).output
    assert "no rule ai-none" in run("show", "ai-none", code=1).output
    assert "not installed" in run("retire", a_rule.NAME, code=1).output
    assert "nothing was decided" in run("rollback", code=1).output
    assert "not what was reviewed" in run("approve", a_rule.NAME, "--digest", "", code=1).output


def test_what_changed_since_it_was_shown_is_refused(host: Bench) -> None:
    folder = a_rule.write(host.log)
    digest = str(facts("show", a_rule.NAME)["digest"])
    (folder / "evidence.md").write_text("Everything is well.\n")
    assert "not what was reviewed" in run("approve", a_rule.NAME, "--digest", digest, code=1).output
    assert states.history() == []
    assert set(host.client.jails()) == OTHERS


def test_a_rejected_rules_lines_fail_later_rules_until_it_is_taken_back(host: Bench) -> None:
    a_rule.write(host.log)
    run("reject", a_rule.NAME, "--why", "our own monitoring")
    assert listed()["state"] == "rejected"
    a_rule.write(host.log, name="ai-other")
    other = str(facts("show", "ai-other")["digest"])
    refused = run("approve", "ai-other", "--digest", other, code=1)
    assert "our own monitoring" in refused.output
    run("rollback", a_rule.NAME)
    assert listed()["state"] == "pending"
    run("approve", "ai-other", "--digest", other, "--shadow")
    run("retire", "ai-other")
    run("reject", a_rule.NAME, "--why", "too wide", "--lines-are-hostile")
    run("approve", "ai-other", "--digest", other, "--shadow")
    assert listed("ai-other")["state"] == "shadow"


def test_a_rejected_rule_that_comes_again_as_it_was_stays_rejected(host: Bench) -> None:
    folder = a_rule.write(host.log)
    run("reject", a_rule.NAME, "--why", "no", "--lines-are-hostile")
    a_rule.edit(folder, created=a_rule.AT + 5)
    assert listed()["state"] == "rejected"
    a_rule.write(host.log, regex=a_rule.REGEX.replace("c99", "r57"))
    assert listed()["state"] == "pending"


def test_figures_false_matches_and_retirement(host: Bench) -> None:
    a_rule.write(host.log)
    run("approve", a_rule.NAME, "--digest", str(facts("show", a_rule.NAME)["digest"]))
    host.attack("203.0.113.90")
    host.attack("203.0.113.91")
    assert host.banned(a_rule.NAME, "203.0.113.90")
    assert host.banned(a_rule.NAME, "203.0.113.91")
    seen = listed()["feedback"]
    assert isinstance(seen, dict)
    assert (seen["matches"], seen["bans"], seen["banned_now"], seen["retire"]) == (4, 2, 2, "")
    marked = facts("mark", a_rule.NAME, "203.0.113.90", "--why", "a colleague")
    assert (marked["lines"], marked["lifted"]) == (2, True)
    assert host.client.banned(a_rule.NAME) == ["203.0.113.91"]
    assert {one.text.split()[0] for one in negatives.known()} == {"203.0.113.90"}
    run("mark", a_rule.NAME, "203.0.113.91", "--why", "another")
    seen = listed()["feedback"]
    assert isinstance(seen, dict)
    assert "every address" in str(seen["retire"])
    assert "Retire ai-shells? every address" in run("list").output.replace("\n", " ")
    assert "is not an IP address" in run("mark", a_rule.NAME, "colleague", "--why", "x", code=1).output
    run("retire", a_rule.NAME)
    assert listed()["feedback"] is None


def test_log_text_does_not_reach_the_terminal(host: Bench) -> None:
    folder = a_rule.write(host.log)
    evil = a_rule.request("192.0.2.66", "/\\x1b]0;[bold]evil\x1b[2J\u202e")
    line = {"set": "cluster", "time": 1.0, "address": "192.0.2.66", "text": evil}
    (folder / "lines.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "evidence.md").write_text("\x1b[2J[link=http://192.0.2.1]x[/link]\u202e\n")
    shown = run("show", a_rule.NAME).output
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]evil" in shown.replace("\n", "")
    assert "[link=http://192.0.2.1]" in shown


class Terminal:
    """A context manager: the command as a process with a pseudo-terminal of its own."""

    def __init__(self, host: Bench, editor: str) -> None:
        self._handle, inner = pty.openpty()
        command = ["fail2ban-client", *host.client.options]
        told = json.dumps([str(host.config), command, str(host.log), str(PROGRAM)])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(at_terminal.__file__)), told],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={**os.environ, "EDITOR": editor, "VISUAL": "", "TERM": "xterm-256color", "COLUMNS": "120"},
        )
        os.close(inner)
        self._shown = ""
        self._keys = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(10)
        os.close(self._handle)

    def until(self, text: str, seconds: float = 60.0) -> str:
        """What is printed until `text` is, since this was last asked."""
        wanted = re.compile(r"(?:\x1b\[[0-9;]*m)*".join(map(re.escape, text)))
        end = time.monotonic() + seconds
        while (found := wanted.search(self._shown)) is None:
            assert time.monotonic() < end, self._shown
            self._read()
        shown, self._shown = self._shown[: found.end()], self._shown[found.end() :]
        return shown

    def _read(self) -> None:
        if select.select([self._handle], [], [], 0.2)[0]:
            read = os.read(self._handle, 65_536).decode()
            self._keys += read.count(at_terminal.READY)
            self._shown += read

    def press(self, key: str, seconds: float = 60.0) -> None:
        """Press a key once one is waited for."""
        end = time.monotonic() + seconds
        while not self._keys or termios.tcgetattr(self._handle)[3] & termios.ICANON:
            assert time.monotonic() < end, self._shown
            self._read()
        self._keys -= 1
        os.write(self._handle, key.encode())

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._handle, line.encode() + b"\r")

    def ended(self) -> int:
        """The exit status."""
        return self._process.wait(30)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[str]:
    """An editor whose name has a blank in it, and which a shell would take for two commands."""
    script = tmp_path / "my editor"
    script.write_text("#!/bin/sh\nsed -i 's/c99/c100/' \"$2\"\n")
    script.chmod(0o755)
    yield f"'{script}' ';reboot'"


def test_the_walk_at_a_terminal(host: Bench, editor: str) -> None:
    a_rule.write(host.log, name="ai-a")
    failing = a_rule.write(host.log, name="ai-b")
    a_rule.edit(failing, proof=[{"name": "linear", "ok": False, "detail": "took 9 s", "figures": {}}])
    a_rule.write(host.log, name="ai-c")
    with Terminal(host, editor) as at:
        shown = at.until("[q] quit")
        assert "\x1b[1;31m192.0.2.1" in shown, "the address that it takes is coloured"
        assert "[a] approve" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
        at.press("e")
        shown = at.until("[q] quit")
        assert "c100" in shown
        assert "of the filter as edited" in shown
        at.press("s")
        at.until("Why")
        at.type("watch it")
        at.until("ai-a is shadow")
        shown = at.until("[q] quit")
        assert "not offered" in shown
        assert "[a] approve" not in re.sub(r"\x1b\[[0-9;]*m", "", shown)
        at.press("a")  # is no key here
        at.press("r")
        at.until("Why not?")
        at.type("slow")
        at.until("[y/N]")
        at.type("y")
        at.until("ai-b is rejected")
        at.until("[q] quit")
        at.press("v")
        at.until("Asked for by 4 addresses.")
        at.until("[q] quit")
        at.press("q")
        assert at.ended() == 0
    decided = {name: (entry.state, entry.why) for name, entry in states.newest(states.history()).items()}
    assert decided == {"ai-a": ("shadow", "watch it"), "ai-b": ("rejected", "slow")}
    assert "c100" in (host.config / "filter.d" / "ai-a.conf").read_text()
    assert "c99" in (paths.suggestions() / "ai-a" / "filter.conf").read_text()
    assert decide.look("ai-c").rule.name == "ai-c"


def test_the_logs_that_setup_put_under_also_may_have_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.config().parent.mkdir(parents=True)
    paths.config().write_text("also: [/var/log/nginx/access.log]\n")
    assert review.the_site().sources == ("/var/log/nginx/access.log",)
    paths.config().write_text("sources: [/srv/a.log]\nalso: [/srv/b.log]\n")  # `sources` names all that is read
    assert review.the_site().sources == ("/srv/a.log",)
