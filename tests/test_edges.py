"""A site behind a CDN is told by its log; a botnet that rotates its agents is not taken for one."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fail2ban_ai import edges as edges_module
from fail2ban_ai.edges import Edges
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.pipeline import Pipeline, Result
from fail2ban_ai.protection import Protection
from fail2ban_ai.sources import LogReader

PAGES = ["/", "/news", "/about", "/shop", "/contact", "/style.css", "/app.js", "/logo.png"]
PROBES = ["/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/shop?id=1%20UNION%20SELECT%201", "/backup.zip"]
AGENTS = [
    f"Mozilla/5.0 ({system}) {browser}"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "X11; Linux x86_64",
        "Macintosh; Intel Mac OS X",
        "Linux; Android; Pixel",
    )
    for browser in (
        "Chrome/120.0 Safari/537.36",
        "Gecko/20100101 Firefox/121.0",
        "Version/17.0 Safari/605.1",
        "Edg/120.0",
    )
]


def log(path: Path, rows: list[tuple[str, str, int]]) -> Path:
    """An access log of rows (address, path, status), each with an agent by chance, over two days."""
    chance = random.Random(7)  # noqa: S311 - for a log
    start, step = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=2) / len(rows)
    lines = [
        f'{address} - - [{start + at * step:%d/%b/%Y:%H:%M:%S +0000}] "GET {target} HTTP/1.1" {status} 512 "-"'
        f' "{chance.choice(AGENTS)}"'
        for at, (address, target, status) in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(path: Path) -> Result:
    pipeline = Pipeline(Scorer(), "normal", Protection(2))
    for frame in LogReader([path]):
        pipeline.feed(frame)
    return pipeline.finish()


def banned(result: Result) -> set[str]:
    return {verdict.target for verdict in result.verdicts if verdict.action == "ban"}


def rows(hostile_share: float) -> list[tuple[str, str, int]]:
    """Addresses in few networks, each carrying many agents; part of what they bring is an attack."""
    chance = random.Random(3)  # noqa: S311 - for a log
    edges = [f"198.18.{net}.{host}" for net in (4, 5, 6) for host in range(1, 26)]
    made = []
    for _ in range(3000):
        hostile = chance.random() < hostile_share
        made.append((chance.choice(edges), chance.choice(PROBES if hostile else PAGES), 404 if hostile else 200))
    return made


def test_no_edge_of_a_cdn_is_banned_for_what_its_visitors_do(tmp_path: Path) -> None:
    result = run(log(tmp_path / "access.log", rows(0.04)))
    assert banned(result) == set()
    assert any("a CDN" in verdict.reason for verdict in result.verdicts), "without the rule some would be banned"


def test_a_botnet_that_rotates_its_agents_is_still_banned(tmp_path: Path) -> None:
    assert len(banned(run(log(tmp_path / "access.log", rows(0.9))))) >= 60


def filled(addresses: list[str], *, agents: int = 5, hostile: int = 0) -> Edges:
    edges = Edges()
    for number, address in enumerate(addresses):
        for request in range(1, 13):
            edges.note(
                address, f"agent {number % 9}", requests=request, agents=min(agents, request), hostile=number < hostile
            )
    return edges


def test_visitors_from_a_crowded_network_who_keep_their_agent_are_no_edges() -> None:
    """A provider's town: many addresses of one network, one agent each."""
    town = [f"198.18.{n // 200}.{n % 200}" for n in range(150)]
    assert filled(town, agents=1).share("198.18.0.1") == 0.0
    assert filled(town).share("198.18.0.1") == 1.0


def test_only_addresses_of_the_crowded_networks_are_edges() -> None:
    edges = filled([f"198.18.0.{n}" for n in range(40)] + ["203.0.113.9"])
    assert edges.share("198.18.0.1") > 0.9
    assert edges.share("203.0.113.9") == 0.0  # came past the CDN
    assert edges.networks() == {"198.18.0.0/16": edges.share("198.18.0.1")}
    assert edges.share("192.0.2.1") == 0.0  # never seen


def test_networks_full_of_hostile_addresses_are_a_botnet() -> None:
    crowd = [f"2001:db8:{n:x}::/64" for n in range(40)]
    assert filled(crowd, hostile=20).share("2001:db8:1::/64") == 1.0
    assert filled(crowd, hostile=30).share("2001:db8:1::/64") == 0.0


def test_too_few_addresses_say_nothing() -> None:
    assert filled([f"198.18.0.{n}" for n in range(19)]).share("198.18.0.1") == 0.0


def test_an_edge_met_after_the_memory_is_full_is_one_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges_module, "KEPT", 60)
    edges = filled([f"198.18.7.{n}" for n in range(100)])
    assert edges.share("198.18.7.99") == 1.0
    assert edges.share("203.0.113.9") == 0.0
