"""`campaigns` and `explain` as a person reads them."""

import ipaddress
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from fail2ban_ai import paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.state import State
from tests.reports.made import HOSTILE, campaign, report


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.decisions().parent.mkdir(parents=True)
    told = [campaign(1, 46), *(campaign(i, 2, text) for i, text in enumerate(HOSTILE, start=2))]
    State().save(report(*told), "2026-03-15T12:00:00+00:00")


def _run(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    assert all(c == "\n" or c.isprintable() for c in result.output)
    return result.output


def test_campaigns_are_listed_a_line_each_with_their_whole_id() -> None:
    rows = [line for line in _run("campaigns").splitlines() if re.match("[0-9]{8}-", line)]
    assert len(rows) == 1 + len(HOSTILE)
    row = next(row for row in rows if row.startswith("20260315-00000001 "))
    assert re.search(r"high +credential stuffing +2026-03-\d\d \d\d:\d\d +46 of 46 +/admin", row)


def test_explain_begins_with_the_address_asked_for() -> None:
    last = campaign(1, 46).actors[-1]
    told = _run("explain", last.address)
    assert f"{last.address}: would ban at 2026-03-" in told
    assert told.index(last.address) < told.index("The requests hold")
    assert "40 more addresses" in told
    assert "15 more lines" in told


def test_explain_tells_what_became_of_the_decisions_on_an_address() -> None:
    actor = campaign(1, 46).actors[-1].address
    network = str(ipaddress.ip_network(f"{actor}/24", strict=False))
    refused = Outcome("a", 1773576000.0, actor, "refused", "allowed: it is on the allow list: \x1b[1moffice")
    for one in (
        refused,
        Outcome("b", 1773579600.0, network, "banned", ""),
        Outcome("c", 1.0, "198.18.0.1", "banned", ""),
    ):
        decisions_log.append(paths.outcomes(), outcomes.to_line(one))
    told = _run("explain", actor)
    assert f"2026-03-15 12:00 UTC  {actor} refused: allowed: it is on the allow list: " in told
    assert f"2026-03-15 13:00 UTC  {network} banned\n" in told
    assert "198.18.0.1 banned" not in told
    assert "198.18.0.1 banned" in _run("explain", "198.18.0.1"), "though nothing was found about it"


def test_nothing_found_says_where_to_look() -> None:
    result = CliRunner().invoke(cli, ["explain", "203.0.113.254"])
    assert result.exit_code == 1
    assert "fail2ban-ai campaigns" in result.output
