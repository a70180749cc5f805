"""Real attack tools against real daemons beside real visitors; then the project's whole way, to the packets."""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from live_host import PASSWORD, USER, LiveHost
from outside import Outside

from fail2ban_ai import analysis
from fail2ban_ai.config import Settings
from fail2ban_ai.demonstration import NoNames, _root
from fail2ban_ai.enforce.enforcer import BANTIME, Enforcer
from fail2ban_ai.facts.host import gather
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import STOCK_JAILS, PrivateServer
from fail2ban_ai.gate import GateSettings
from fail2ban_ai.request import ask

pytestmark = pytest.mark.live

VISITORS = [f"198.51.100.{n}" for n in range(20, 32)]
OWNER, CHECK, BOOKMARKS, SEARCHER = "198.51.100.50", "198.51.100.51", "198.51.100.52", "198.51.100.53"
FFUF, SQLMAP, HYDRA = "192.0.2.66", "192.0.2.77", {"ssh": "192.0.2.81", "imap": "192.0.2.82", "smtp": "192.0.2.83"}
BOTNET = [f"198.18.0.{n}" for n in range(10, 36)]
HONEST = [*VISITORS, OWNER, CHECK, BOOKMARKS, SEARCHER]
PATHS = [
    "admin administrator wp-admin wp-login.php phpmyadmin pma .env .git/config config.php backup.zip db.sql shell.php",
    "cgi-bin/test manager/html solr/ actuator/env vendor/phpunit/src/Util/PHP/eval-stdin.php server-status old test",
    "xmlrpc.php wp-content/debug.log adminer.php console .aws/credentials id_rsa dump.sql login.action boaform/admin",
]


@dataclass
class Day:
    """What happened, what was found and what it led to."""

    said: dict[str, list[str]] = field(default_factory=dict)
    report: dict[str, object] = field(default_factory=dict)
    banned: set[str] = field(default_factory=set)  # by fail2ban's own jails, before ours
    blocked: set[str] = field(default_factory=set)  # in the nft sets of the AI jails
    after: dict[str, str] = field(default_factory=dict)  # address: status of one more request
    understood: dict[str, tuple[int, int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def day(bench_host: None, tmp_path_factory: pytest.TempPathFactory) -> Day:
    missing = [tool for tool in ("nginx", "dovecot", "postfix", "hydra", "ffuf", "sqlmap") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("live")
    for parent in (folder, *folder.parents):
        if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)  # the daemons' own users pass through
    made = Day()
    with ExitStack() as stack:
        here, there = stack.enter_context(Namespace()), stack.enter_context(Namespace())
        server = stack.enter_context(PrivateServer(here, stock=STOCK_JAILS))
        server.folder.chmod(0o755)
        stack.enter_context(LiveHost(here, folder, server.logs))
        outside = Outside(here, there, folder)
        _happen(outside, folder, made)
        time.sleep(2)
        made.banned = {address for jail in STOCK_JAILS for address in server.client.banned(jail)}
        _judge(server, folder / "root", made)
        made.after = {
            a: outside.get(a, "/about.html")[0] for a in (FFUF, SQLMAP, *HYDRA.values(), *BOTNET[:2], *HONEST)
        }
    return made


def _happen(outside: Outside, folder: Path, made: Day) -> None:
    words, passwords = folder / "words", folder / "passwords"
    words.write_text("\n".join(" ".join(PATHS).split()) + "\n")
    passwords.write_text("\n".join(f"{word}{n}" for word in ("password", "letmein", "qwerty") for n in range(4)) + "\n")
    made.said["owner"] = outside.owner(OWNER)
    for visitor in VISITORS:
        outside.get(visitor, "/", "/style.css", "/about.html", "/item?id=7", "/news.html")
    outside.get(BOOKMARKS, "/", "/old-news.html", "/style.css", "/2019/party.html", "/about.html")
    outside.get(
        SEARCHER, "/", "/search?q=o%27reilly", "/search?q=union+select+explained", "/search?q=%D0%BF%D1%80%D0%B8"
    )
    for _ in range(12):
        outside.get(CHECK, "/health", agent="check_http/v2.3.3 (monitoring-plugins 2.3.3)")
    outside.using(FFUF)
    outside.tool("ffuf", "-s", "-w", str(words), "-u", "http://203.0.113.1/FUZZ", "-p", "0.1", "-t", "2")
    outside.using(SQLMAP)
    options = (
        "--batch",
        "--flush-session",
        "--disable-coloring",
        "--timeout",
        "3",
        "--output-dir",
        str(folder / "sqlmap"),
    )
    outside.tool("sqlmap", "-u", "http://203.0.113.1/item?id=1", *options, seconds=40)
    for address in BOTNET:
        made.said.setdefault("botnet", []).extend(outside.imap(address, (USER, "summer2024")))
    for service, address in HYDRA.items():
        outside.hydra(address, service, passwords)
    made.said["owner again"] = outside.imap(OWNER, (USER, PASSWORD))


def _judge(server: PrivateServer, root: Path, made: Day) -> None:
    logs = [str(path) for path in server.logs.values() if path.stat().st_size]
    with _root(root):
        # A failed log-in counts once ten minutes have brought no success (campaigns.waves): look back from there.
        later = datetime.now(UTC) + timedelta(minutes=20)
        found = analysis.run(analysis.Logs(logs, until=later), Settings(), compare=False)
        ask(found.result.verdicts, found.passed)
        assert server.nft is not None
        enforcer = Enforcer(
            server.client,
            server.nft,
            GateSettings(bantime=BANTIME),
            lambda: gather(server.client, NoNames(), later.timestamp()),
            True,
            later.timestamp,
        )
        enforcer.step()
    made.report = json.loads(found.report.model_dump_json())
    made.understood = {Path(s.source).name: (s.understood, s.read) for s in found.stats}
    made.blocked = {a for jail in jails.JAILS for a in server.nft.blocked(jail) or ()}


def test_the_world_is_real(day: Day) -> None:
    assert day.said["owner"] == ["refused", "in"]
    assert day.said["owner again"] == ["in"]
    assert day.said["botnet"] == ["refused"] * len(BOTNET)


def test_nearly_every_line_of_the_daemons_is_understood(day: Day) -> None:
    print(day.understood)
    assert set(day.understood) >= {"access.log", "auth.log", "mail.log"}
    for name, (understood, read) in day.understood.items():
        assert understood >= 0.95 * read, name


@pytest.mark.parametrize("attacker", [FFUF, SQLMAP])
def test_the_tools_are_banned_and_nothing_of_them_gets_through(day: Day, attacker: str) -> None:
    assert attacker in day.blocked
    assert day.after[attacker] == "000"


def test_passwords_guessed_at_speed_are_fail2bans_or_ours(day: Day) -> None:
    assert set(HYDRA.values()) <= day.banned | day.blocked


def test_the_botnet_on_one_mailbox_is_found(day: Day) -> None:
    covered = {a for a in BOTNET if a in day.blocked} if "198.18.0.0/24" not in day.blocked else set(BOTNET)
    assert len(covered) >= 0.9 * len(BOTNET)


def test_nobody_honest_is_banned(day: Day) -> None:
    assert not set(HONEST) & day.blocked
    assert {day.after[address] for address in HONEST} == {"200"}


def test_nothing_is_left_running(day: Day) -> None:
    assert day.report
    told = subprocess.run(
        ["pgrep", "-a", "-x", "hydra|ffuf|dovecot|imap-login|master|smtpd"], capture_output=True, text=True, check=False
    )
    assert "live" not in told.stdout
