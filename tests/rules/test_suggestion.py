"""A suggestion's folder: what is written is read back, and nothing hostile is."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules.suggestion import (
    FILES,
    Jail,
    Line,
    Step,
    Suggestion,
    WouldBan,
    digest,
    dump_lines,
    read,
    read_lines,
    write,
)

RULE = Suggestion(
    name="ai-web-wp-login",
    kind="paths",
    created=1_767_225_600.0,
    campaigns=("c-1", "c-2"),
    sources=12,
    windows=3,
    summary="Twelve addresses ask for wp-login.php once an hour.",
    failregex=('^<ADDR> \\S+ \\S+ \\[\\] "GET /wp-login\\.php HTTP/1\\.[01]" 404 \\d{1,9}$',),
    jail=Jail("ai-web-wp-login", "web", "polling", ("/var/log/nginx/access.log",), "", "http,https", 2, 86400, 86400),
    proof=(Step("compiles", True, "fail2ban compiles 1 regex", {"regexes": 1.0}),),
    would_ban=(WouldBan("192.0.2.7", 1_767_225_601.5, '192.0.2.7 - - "GET /"'),),
    overlap={"nginx-botsearch": 0.61},
)
LINES = [Line("cluster", 1.0, "192.0.2.7", "a\x00b % <ADDR>"), Line("later", 2.0, "2001:db8::1", "x" * 65_536)]


def others() -> dict[str, str]:
    files = dict.fromkeys(FILES, "text\n")
    del files["rule.json"]
    return files | {"lines.jsonl": dump_lines(LINES)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / RULE.name, RULE, others())
    return tmp_path / RULE.name


def test_what_is_written_is_read_back(folder: Path) -> None:
    assert read(folder) == RULE
    assert read_lines(folder) == LINES
    assert stat.S_IMODE((folder / "lines.jsonl").stat().st_mode) == 0o600
    assert [path.name for path in folder.parent.iterdir()] == [RULE.name]


def test_a_second_write_takes_the_place_of_the_first(folder: Path) -> None:
    before = digest(folder)
    write(folder, replace(RULE, windows=4), others())
    assert read(folder).windows == 4
    assert digest(folder) != before
    assert [path.name for path in folder.parent.iterdir()] == [RULE.name]


def test_every_file_counts_for_the_digest(folder: Path) -> None:
    seen = {digest(folder)}
    for name in FILES:
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        seen.add(digest(folder))
        path.write_bytes(content)
    assert len(seen) == len(FILES) + 1


def test_a_rule_without_a_proof_is_not_proved() -> None:
    assert RULE.proved
    assert not replace(RULE, proof=()).proved
    assert not replace(RULE, proof=(*RULE.proof, Step("recall", False, "80 %", {}))).proved


def broken(folder: Path, **changes: object) -> Path:
    path = folder / "rule.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "ai-other"}, "jail.filter"),
        ({"name": "../../etc"}, "name"),
        ({"kind": "drop"}, "kind"),
        ({"sources": -1}, "sources"),
        ({"sources": True}, "sources"),
        ({"summary": "a\x1b[2J"}, "summary"),
        ({"failregex": []}, "failregex"),
        ({"failregex": ["a\nfailregex = b"]}, "failregex"),
        ({"overlap": {"sshd": 1.5}}, "overlap"),
        ({"would_ban": [{"address": "192.0.2.1 ", "at": 1, "line": ""}]}, "address"),
        ({"proof": [{"name": "a", "ok": 1, "detail": "b", "figures": {}}]}, "proof.ok"),
        ({"extra": 1}, "keys"),
    ],
)
def test_hostile_values_are_refused(folder: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(RuleError, match=named):
        read(broken(folder, **changes))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logpaths", ["/var/log/x\n[sshd]"]),
        ("logpaths", ["/var/log/%(x)s"]),
        ("logpaths", ["relative.log"]),
        ("logpaths", []),
        ("journalmatch", "a\nb"),
        ("port", "ssh; rm"),
        ("port", ""),
        ("backend", "pyinotify"),
        ("maxretry", 0),
        ("bantime", -1),
        ("filter", "sshd"),
        ("service", "x]"),
        ("action", "x"),
    ],
)
def test_a_jail_takes_only_harmless_values(folder: Path, key: str, value: object) -> None:
    jail = json.loads((folder / "rule.json").read_text())["jail"] | {key: value}
    with pytest.raises(RuleError):
        read(broken(folder, jail=jail))


def test_links_further_files_and_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more").write_text("")
    with pytest.raises(RuleError, match="exactly the files"):
        read(folder)
    (folder / "more").unlink()
    (folder / "samples").unlink()
    (folder / "samples").symlink_to("/etc/hostname")
    with pytest.raises(RuleError, match="samples"):
        digest(folder)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("rules") / RULE.name
    write(folder, RULE, others())
    (folder / "rule.json").write_bytes(content)
    with pytest.raises(RuleError):
        read(folder)
    (folder / "lines.jsonl").write_bytes(content + b"x")
    with pytest.raises(RuleError):
        read_lines(folder)
