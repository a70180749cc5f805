"""`fail2ban-ai setup` from the outside: what it writes on a host, and that removal leaves the host as it was."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from fail2ban_ai import config, paths
from fail2ban_ai.cli import setup
from fail2ban_ai.cli.group import cli
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.enforce import trial
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.logs import JailSource
from fail2ban_ai.fail2ban.namespace import Namespace
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.installer import Installer
from fail2ban_ai.setup import account, units
from fail2ban_ai.state import State
from tests.setup import private_host

UNITS = {each.name for each in units.folder().iterdir()}


class NoJails:
    """In place of the installer of jails, which tests/enforce/test_setup.py tries: most tests here need no server."""

    client = Client(("/nonexistent/fail2ban-client",))

    def __init__(self, config: Path) -> None:
        self.config = config

    def install(self) -> bool:
        return False

    def remove(self) -> list[str]:
        return []


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("setup needs root")
    with private_host.open_folder() as place:
        private_host.make(place / "root", place)
        monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(place / "root"))
        monkeypatch.setattr(setup, "Installer", NoJails)
        yield place / "root"


@pytest.fixture(scope="module")
def stock(bench_host: None) -> Iterator[PrivateServer]:
    with Namespace() as inside, PrivateServer(inside, stock=("sshd", "dovecot"), ai_jails=False) as running:
        yield running


@pytest.fixture
def host(stock: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root with a fail2ban server that runs."""
    with private_host.open_folder() as place:
        private_host.make(place / "root", stock.config)
        monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(place / "root"))
        monkeypatch.setenv("PATH", private_host.client_on_path(place / "bin", stock))
        yield place / "root"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["setup", *words], catch_exceptions=False)


def set_up(*words: str) -> dict[str, Any]:
    result = run("--no-history", "--json", *words)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.mark.bench
def test_it_writes_everything_in_observe_and_removal_leaves_the_host_as_it_was(
    host: Path, stock: PrivateServer
) -> None:
    before, fail2ban = private_host.tree(host), private_host.tree(stock.config)
    told = set_up()
    assert told["mode"] == "observe"
    assert told["done"]["trouble"] == []
    assert set(stock.client.jails()) == {"sshd", "dovecot", *jails.JAILS}
    assert {log["path"]: log["jails"] for log in told["look"]["logs"]} == {
        str(stock.logs["auth.log"]): ["sshd"],
        str(stock.logs["mail.log"]): ["dovecot"],
    }
    assert enforcer_settings.load().mode == "observe"
    assert {path.name for path in paths.units().iterdir()} >= UNITS
    assert (host / "etc/logrotate.d/fail2ban-ai").is_file()
    ids = account.ids()
    assert ids is not None
    state = (host / "var/lib/fail2ban-ai").stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (ids.user, ids.readers, 0o2750)
    assert (host / "var/lib/fail2ban-ai-root").stat().st_uid == 0
    groups = (host / "etc/group").read_text()
    assert f"adm:x:4:{account.NAME}\n" in groups
    assert f"systemd-journal:x:999:{account.NAME}\n" in groups
    assert run("--remove").exit_code == 0
    assert private_host.tree(stock.config) == fail2ban
    assert set(stock.client.jails()) == {"sshd", "dovecot"}
    after = private_host.tree(host)
    backups = {f"etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")}  # useradd's own
    assert after.keys() - backups == before.keys()
    assert {name for name in before if before[name][3] != after[name][3]} == set()


def test_watch_or_timer_is_switched_on(root: Path) -> None:
    wants = paths.units() / "multi-user.target.wants"
    timers = paths.units() / "timers.target.wants"
    set_up()
    assert {path.name for path in wants.iterdir()} == {"fail2ban-ai-watch.service", "fail2ban-ai-enforce.service"}
    assert not timers.exists() or not any(timers.iterdir())
    set_up("--run", "timer")
    assert {path.name for path in wants.iterdir()} == {"fail2ban-ai-enforce.service"}
    assert {path.name for path in timers.iterdir()} == {"fail2ban-ai-analyze.timer"}


def test_figures_for_prometheus_where_node_exporter_is(root: Path) -> None:
    (root / units.METRICS).mkdir(parents=True)
    set_up()
    assert (paths.units() / "timers.target.wants/fail2ban-ai-metrics.timer").is_symlink()
    (root / units.METRICS / "fail2ban-ai.prom").touch()
    run("--remove")
    assert list((root / units.METRICS).iterdir()) == []


def test_an_admins_values_and_files_stay(root: Path) -> None:
    set_up()
    paths.settings().write_text('{"mode": "observe", "gate": {"per_hour": 7}}')
    paths.config().write_text("sensitivity: strict\n")
    unit = paths.units() / "fail2ban-ai-watch.service"
    unit.write_text(unit.read_text() + "# mine\n")
    told = set_up()
    assert told["done"]["kept"] == [str(unit)]
    assert enforcer_settings.load().gate.per_hour == 7
    assert config.load().sensitivity == "strict"
    result = run("--remove", "--json")
    kept = json.loads(result.stdout)["kept"]
    assert kept == [f"{path}: changed by hand" for path in (paths.config(), unit)]
    assert unit.exists()
    assert paths.config().exists()


def test_its_configuration_is_commented_and_valid(root: Path) -> None:
    set_up()
    text = paths.config().read_text()
    assert config.load() == config.Settings()
    described = {f"# {field.description}" for field in config.Settings.model_fields.values()}
    keys = [line.removeprefix("# ") for line in text.splitlines()[3:] if line not in described]
    assert config.Settings.model_validate(yaml.safe_load("\n".join(keys))) == config.Settings()
    for name, field in config.Settings.model_fields.items():
        assert f"# {field.description}\n# {name}:" in text


def test_a_configuration_that_cannot_be_read_is_not_built_upon(root: Path) -> None:
    paths.config().parent.mkdir(parents=True)
    paths.config().write_text("sensitivity: certain\n")
    before = private_host.tree(root)
    result = run("--no-history")
    assert result.exit_code == 1
    assert "sensitivity" in result.output
    assert private_host.tree(root) == before


@pytest.mark.bench
def test_logs_that_nobody_reads_are_found_and_history_bans_nobody(host: Path, stock: PrivateServer) -> None:
    web = host / "var/log/nginx/shop.access.log"
    web.parent.mkdir()
    now = datetime.now(UTC)
    probes = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/admin.php", "/shell.php?cmd=id") * 5
    stamps = [now - timedelta(days=1, minutes=20 * number) for number in range(len(probes))]
    lines = [
        f'203.0.113.50 - - [{stamp:%d/%b/%Y:%H:%M:%S +0000}] "GET {probe} HTTP/1.1" 404 9 "-" "curl/8"\n'
        for stamp, probe in zip(reversed(stamps), probes, strict=True)
    ]
    web.write_text("".join(lines[15:]))
    web.with_name("shop.access.log.1").write_text("".join(lines[:15]))
    result = run()
    assert result.exit_code == 0, result.output
    told = "shop.access.log: web, 100% of its last lines understood; fail2ban does not read it, 1 rotated parts"
    assert told in result.output
    assert "fail2ban-ai campaigns" in result.output
    assert config.load().also == [str(web)]
    (found,) = [each for each in State().campaigns() if "203.0.113.50" in {one.address for one in each.actors}]
    assert found.first_seen < stamps[15], "the rotated part was read, too"
    assert not paths.decisions().exists()
    assert stock.client.banned(jails.ADDRESSES) == []
    assert run("--remove").exit_code == 0


def test_a_log_that_is_empty_yet_is_read_and_one_taken_out_is_not(root: Path) -> None:
    access, mail = root / "var/log/nginx/access.log", root / "var/log/mail.log"
    access.parent.mkdir()
    access.write_text("")
    mail.write_text("no line of any service of ours\n")
    shown = run("--no-history").output
    assert f"{access}: is empty so far; fail2ban does not read it" in shown
    assert config.load().also == [str(access)], "and not a log that nothing of ours can read"
    paths.config().write_text("also: [/srv/other.log]\n")
    will, _, wont = run("--no-history").output.partition("Not read, since")
    assert f"/srv/other.log: named in {paths.config()}" in will
    assert str(access) not in will
    assert str(access) in wont
    assert "under `also` that you do not want" not in wont


def test_what_the_journal_has_too_is_not_read_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jails = [JailSource("sshd", "sshd", journalmatch=("_SYSTEMD_UNIT=ssh.service + _COMM=sshd",))]
    monkeypatch.setattr("fail2ban_ai.fail2ban.logs.discover", lambda *_, **__: jails)
    stamp = datetime.now(UTC).isoformat()
    auth, mail = root / "var/log/auth.log", root / "var/log/mail.log"
    auth.write_text(f"{stamp} host sshd[7]: Failed password for root from 192.0.2.7 port 40000 ssh2\n" * 3)
    mail.write_text(f"{stamp} host postfix/smtpd[7]: disconnect from unknown[192.0.2.7] ehlo=1 quit=1 commands=2\n" * 3)
    shown = run("--no-history").output
    assert "journal of ssh.service" in shown
    assert f"Not read: {auth}, whose lines the journal has, too." in shown
    assert config.load().also == [str(mail)], "whose units no jail reads"


@pytest.mark.parametrize("switch", ["--enforce", "--observe", "--confirm"])
def test_switching_needs_a_set_up_host(root: Path, switch: str) -> None:
    result = run(switch)
    assert result.exit_code == 1
    assert not paths.settings().exists()


def test_modes_are_switched_and_gate_values_kept(root: Path) -> None:
    (root / "etc/fail2ban").unlink()
    (root / "etc/fail2ban/jail.d").mkdir(parents=True)
    set_up()
    paths.settings().write_text('{"mode": "observe", "gate": {"per_hour": 7}}')
    assert run("--confirm").exit_code == 1, "there is nothing to confirm"
    told = json.loads(run("--enforce", "--json").stdout)
    assert told["mode"] == "enforce"
    assert told["trial"]["confirmed"] is None
    drop_in = root / "etc/fail2ban" / trial.DROP_IN
    assert "bantime = 600" in drop_in.read_text()
    assert enforcer_settings.load().gate.per_hour == 7
    assert "on trial" in CliRunner().invoke(cli, ["status"]).output
    assert run("--confirm").exit_code == 0
    assert not drop_in.exists()
    assert set_up()["mode"] == "enforce", "bringing up to date keeps the mode"
    assert run("--observe").exit_code == 0
    assert enforcer_settings.load().mode == "observe"


def test_observing_ends_a_trial_and_the_next_begins_anew(root: Path) -> None:
    (root / "etc/fail2ban").unlink()
    (root / "etc/fail2ban/jail.d").mkdir(parents=True)
    set_up()
    run("--enforce")
    paths.trial().write_text(json.dumps({"began": 1.0}))
    assert run("--observe").exit_code == 0
    assert run("--confirm").exit_code == 1
    told = json.loads(run("--enforce", "--json").stdout)
    assert told["trial"]["began"] > 1.0, "else the next trial would be over before it began"


def test_what_was_found_stays_root_owned_without_purge_and_goes_with_it(root: Path) -> None:
    set_up()
    ids = account.ids()
    assert ids is not None
    decisions_log.append(paths.decisions(), "{}")
    assert paths.decisions().stat().st_uid == ids.user
    kept = json.loads(run("--remove", "--json").stdout)["kept"]
    assert [each.partition(":")[0] for each in kept] == [str(paths.decisions().parent)]
    assert "--purge" in kept[0]
    assert paths.decisions().stat().st_uid == 0
    set_up()
    assert paths.decisions().stat().st_uid == ids.user
    assert run("--remove", "--purge").exit_code == 0
    assert not paths.decisions().parent.exists()
    assert not paths.outcomes().parent.exists()


def test_a_program_that_others_may_write_is_not_run_as_root(root: Path) -> None:
    (root / "usr/bin/fail2ban-ai").unlink()
    before = private_host.tree(root)
    own = units.program()
    mode = own.parent.stat().st_mode
    own.parent.chmod(0o777)
    try:
        result = run("--no-history")
    finally:
        own.parent.chmod(mode)
    assert result.exit_code == 1
    assert "may be written by others" in result.output
    assert private_host.tree(root) == before


def test_gpu_and_logs_in_homes_get_drop_ins(root: Path) -> None:
    (root / "dev").mkdir()
    (root / "dev/nvidiactl").touch()
    set_up()
    drop_in = paths.units() / "fail2ban-ai-watch.service.d/gpu.conf"
    assert "char-nvidia" in drop_in.read_text()
    (root / "dev/nvidiactl").unlink()
    set_up()
    assert not drop_in.exists(), "without the card the allowances go"


def test_where_messages_are_set_the_readers_get_a_network_and_lose_it_again(root: Path) -> None:
    set_up()
    drop_ins = [paths.units() / f"fail2ban-ai-{unit}.service.d/network.conf" for unit in ("watch", "analyze")]
    assert not any(drop_in.exists() for drop_in in drop_ins)
    own = paths.config().read_text()
    paths.config().write_text(f"{own}\nnotify:\n  urls: ['json://192.0.2.1/']\n")
    set_up()
    assert all("PrivateNetwork=no" in drop_in.read_text() for drop_in in drop_ins)
    assert not (paths.units() / "fail2ban-ai-enforce.service.d").exists()
    paths.config().write_text(f"{own}\nsiem:\n  syslog: unix:/dev/log\n")
    set_up()
    assert not any(drop_in.exists() for drop_in in drop_ins), "the local syslog needs none"


def test_purge_alone_is_a_usage_error(root: Path) -> None:
    assert run("--purge").exit_code == 2


def test_it_goes_away_when_fail2ban_has_gone_before(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up()
    monkeypatch.setattr(setup, "Installer", partial(Installer, client=NoJails.client))
    (root / "etc/fail2ban").unlink()
    assert run("--remove").exit_code == 0
    assert not paths.settings().parent.exists()
    result = run()
    assert result.exit_code == 1
    assert "apt-get install fail2ban" in result.output


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_units_are_what_systemd_takes_and_hold_few_rights(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    shutil.copytree(units.folder(), folder)
    for unit in folder.iterdir():
        unit.write_text(unit.read_text().replace(units.PROGRAM, "/bin/true"))
    names = sorted(str(each) for each in folder.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "fail2ban-ai" in line]
    assert ours == []
    for name, most in {"watch": 10, "analyze": 10, "enforce": 35, "metrics": 25}.items():  # tenths
        unit = folder / f"fail2ban-ai-{name}.service"
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", f"--threshold={most}", "--no-pager", str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-300:]


def test_units_name_the_program_that_is_installed(root: Path) -> None:
    (root / "usr/bin/fail2ban-ai").unlink()
    set_up()
    own = units.program()
    assert f"ExecStart={own} watch\n" in (paths.units() / "fail2ban-ai-watch.service").read_text()
