"""What becomes a token, and what says nothing about how an address behaves."""

from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fail2ban_ai.actors import Tokens
from fail2ban_ai.actors.against import against
from fail2ban_ai.actors.columns import ordinary
from fail2ban_ai.actors.timelines import Timelines
from fail2ban_ai.sources import LogReader

ACCESS = [
    f'198.51.100.7 - - [24/Nov/2026:10:00:0{n} +0000] "GET /{page} HTTP/1.1" 200 900 "-" "Mozilla/5.0"'
    for n, page in enumerate(("", "common.js", "missing.png", "about"))
]
ERRORS = [
    "[Tue Nov 24 10:00:00.120000 2026] [php:notice] [pid 7] [client 198.51.100.7:4711] PHP Notice:  Undefined index: page",
    "[Tue Nov 24 10:00:02.120000 2026] [core:info] [pid 7] [client 198.51.100.7:4711] AH00128: File does not exist: /srv",
]


def _tokens(*files: Path) -> Tokens:
    walked = Timelines()
    parts = [walked.update(frame) for frame in LogReader(files, zones={"*": ZoneInfo("UTC")})]
    assert len(parts) == 1
    return parts[0]


def _same(one: Tokens, other: Tokens, *, but: str = "") -> bool:
    names = [column.name for column in fields(Tokens) if column.name != but]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_an_error_log_beside_the_access_log_changes_nothing(tmp_path: Path) -> None:
    access, errors = tmp_path / "access.log", tmp_path / "error.log"
    access.write_text("\n".join(ACCESS) + "\n")
    errors.write_text("\n".join(ERRORS) + "\n")
    alone = _tokens(access)
    assert len(alone) == len(ACCESS)
    assert _same(alone, _tokens(access, errors), but="row")


@pytest.mark.parametrize("nothing", ["", "-"])
def test_a_connection_that_asked_for_nothing_is_no_event(tmp_path: Path, nothing: str) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        f'198.51.100.7 - - [24/Nov/2026:10:00:00 +0000] "{nothing}" 400 0 "-" "-"\n' + "\n".join(ACCESS) + "\n"
    )
    tokens = _tokens(log)
    assert len(tokens) == len(ACCESS)
    assert tokens.count[-1] == len(ACCESS)


@pytest.mark.parametrize(
    ("target", "events"),
    [
        ("/.well-known/acme-challenge/q3_Zt-9", 0),
        ("/.well-known/acme-challenge/../../etc/passwd", 1),
        ("/.well-known/acme-challenge/x.php", 1),
        ("/x/.well-known/acme-challenge/q3_Zt-9", 1),
    ],
)
def test_a_certificate_authority_at_work_is_no_behaviour(tmp_path: Path, target: str, events: int) -> None:
    log = tmp_path / "access.log"
    asked = f'203.0.113.80 - - [24/Nov/2026:10:00:00 +0000] "GET {target} HTTP/1.1" 404 150 "-" "validator"'
    log.write_text(asked + "\n" + ACCESS[0] + "\n")
    assert len(_tokens(log)) == 1 + events


@pytest.mark.parametrize(("asked", "events"), [(r"\x03\x00\x00/*\xE0", 1), (r"\x16\x03\x01\x02", 0)])
def test_a_malformed_request_is_one_but_for_a_browser_that_greets_a_plain_port_in_tls(
    tmp_path: Path, asked: str, events: int
) -> None:
    log = tmp_path / "access.log"
    log.write_text(f'198.51.100.7 - - [24/Nov/2026:10:00:00 +0000] "{asked}" 400 150 "-" "-"\n' + ACCESS[0] + "\n")
    assert len(_tokens(log)) == 1 + events


def _asked(folder: Path, target: str, networks: int) -> Tokens:
    """A page that twenty networks fetch, and one that `networks` others ask for before the last client does."""
    pages = ["/search?q=shoes"] * 20 + [target] * (networks + 1)
    lines = [
        f'198.18.{n}.7 - - [24/Nov/2026:10:{n:02d}:00 +0000] "GET {page} HTTP/1.1" 200 900 "-" "Mozilla/5.0"'
        for n, page in enumerate(pages)
    ]
    log = folder / "access.log"
    log.write_text("\n".join(lines) + "\n")
    return _tokens(log)


@pytest.mark.parametrize("target", ["/search?q=%27%20or%201=1--", "/search?q=<svg/onload=x>", "/search?q=..%2f..%2fx"])
def test_a_page_that_many_fetch_makes_no_injection_familiar(tmp_path: Path, target: str) -> None:
    tokens = _asked(tmp_path, target, 8)
    assert not ordinary(tokens.numeric)[-1]
    assert ordinary(tokens.numeric)[19], "the page itself is ordinary"


def test_to_fetch_what_many_fetch_speaks_against_nobody_and_to_post_there_does(tmp_path: Path) -> None:
    tokens = _asked(tmp_path, "/wp-login.php", 5)
    log = tmp_path / "access.log"
    log.write_text(log.read_text() + log.read_text().splitlines()[-1].replace("GET", "POST") + "\n")
    posted = _tokens(log)
    assert (against(tokens)[-1], against(posted)[-1]) == (0, 2)
    assert against(tokens)[20] == 1, "the first to ask for it"


def test_parameters_that_hold_code_are_familiar_once_enough_networks_send_such(tmp_path: Path) -> None:
    assert ordinary(_asked(tmp_path, "/search?q=%7B%22a%22%3A1%7D", 9).numeric)[-1]
    assert ordinary(_asked(tmp_path, "/search?q=hats", 0).numeric)[-1]
