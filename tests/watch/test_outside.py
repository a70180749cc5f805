"""The watcher hears what fail2ban and the enforcer did meanwhile."""

import time
from pathlib import Path

import polars as pl
import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.enforce.no_effect import MARK, SETTLED
from fail2ban_ai.fail2ban import labels
from fail2ban_ai.watch import outside
from fail2ban_ai.watch.outside import Outside

NOW = time.time()


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outside:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    monkeypatch.setattr(outside, "EVERY", 0.0)
    for path in (paths.feed(), paths.decisions(), paths.outcomes()):
        path.parent.mkdir(parents=True, exist_ok=True)
    return Outside()


def spool(*lines: str) -> None:
    with paths.feed().open("a") as file:
        file.writelines(line + "\n" for line in lines)


def events(address: str, lines: int, since: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "time": [int((since + at) * 1e6) for at in range(lines)],
            "address": [address] * lines,
            "kind": ["request"] * lines,
            "text": [f"line {at}" for at in range(lines)],
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))


def test_whom_fail2ban_bans_is_held_and_a_label(heard: Outside) -> None:
    spool(f"ban {NOW:.0f} sshd 192.0.2.7 5 600 1 -")
    assert [fed.address for fed in heard.learn()] == ["192.0.2.7"]
    assert heard.held("192.0.2.7", NOW + 10) == "sshd"
    assert heard.held("192.0.2.8", NOW + 10) is None
    assert [label.address for label in labels.load()] == ["192.0.2.7"]
    assert heard.learn() == []
    assert Outside().held("192.0.2.7", NOW + 10) is None
    again = Outside()
    again.recall()
    assert again.held("192.0.2.7", NOW + 10) == "sshd"


def test_lines_of_a_banned_address_have_root_look(heard: Outside) -> None:
    outcome = Outcome("x" * 16, NOW - 600, "192.0.2.7", "banned", "")
    decisions_log.append(paths.outcomes(), decisions_outcomes.to_line(outcome))
    heard.learn()
    heard.see(events("192.0.2.7", 2, NOW - 600))  # on their way when the ban came
    heard.see(events("192.0.2.8", 9, NOW - 600 + 2 * SETTLED))  # an honest visitor
    heard.ask()
    assert not paths.decisions().exists()
    heard.see(events("192.0.2.7", 3, NOW - 600 + 2 * SETTLED))
    heard.ask()
    heard.ask()
    (asked,) = decisions_log.read_all(paths.decisions(), decisions.from_line)
    assert (asked.target, asked.action, asked.campaign) == ("192.0.2.7", "alert", MARK)
