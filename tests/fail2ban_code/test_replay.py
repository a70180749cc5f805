"""What fail2ban would have banned: thresholds of the jails hold in event time, whatever the lines contain."""

import gzip
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fail2ban_ai.errors import ConfigError, Fail2banAbsent
from fail2ban_ai.fail2ban import code
from fail2ban_ai.fail2ban.private import PrivateServer
from fail2ban_ai.fail2ban.replay import Ban, Replay, replay

from .lines import failed, seconds

Make = Callable[..., str]
START = datetime(2025, 3, 10, 12, 0, 0)
# sshd in jail.conf: 5 failures (maxretry) within 600 s (findtime) are a ban of 600 s (bantime).


def run(path: Path, config: str, *, zone: str = "UTC", year: int | None = 2025, jail: str = "sshd") -> Replay:
    found = replay({jail: [str(path)]}, config=config, zone=zone, year=year)
    assert found.jails[jail].error == ""
    return found


def spaced(address: str, count: int, gap: int, start: datetime = START) -> list[str]:
    return [failed(start + timedelta(seconds=gap * n), address) for n in range(count)]


def write(tmp_path: Path, lines: list[str], name: str = "auth.log") -> Path:
    path = tmp_path / name
    path.write_text("".join(lines))
    return path


@pytest.mark.bench
def test_the_fifth_failure_bans_and_the_sixth_does_not_ban_again(config: Make, tmp_path: Path) -> None:
    found = run(write(tmp_path, spaced("192.0.2.1", 9, 10)), config())
    assert found.banned == [Ban(seconds(START + timedelta(seconds=40)), "sshd", "192.0.2.1")]


@pytest.mark.bench
def test_a_ban_ends_after_bantime_so_a_second_burst_is_a_second_ban(config: Make, tmp_path: Path) -> None:
    later = START + timedelta(hours=1)
    found = run(write(tmp_path, spaced("192.0.2.1", 5, 1) + spaced("192.0.2.1", 5, 1, later)), config())
    assert [ban.at for ban in found.banned] == [seconds(START + timedelta(seconds=4)), seconds(later) + 4]


@pytest.mark.bench
def test_a_slow_address_is_not_banned_and_its_worst_window_is_told(config: Make, tmp_path: Path) -> None:
    found = run(write(tmp_path, spaced("192.0.2.7", 12, 250)), config())
    assert found.banned == []
    (entry,) = found.failures["192.0.2.7"]
    # 250 s apart, three fit into 600 s: at 0, 250 and 500.
    assert (entry.failures, entry.worst, entry.findtime, entry.maxretry) == (12, 3, 600, 5)


@pytest.mark.bench
def test_failures_older_than_findtime_are_forgotten_between_two_bursts(config: Make, tmp_path: Path) -> None:
    later = START + timedelta(seconds=670)  # without forgetting, fail2ban's rate estimate would ban at the fifth
    found = run(write(tmp_path, spaced("192.0.2.1", 4, 3) + spaced("192.0.2.1", 1, 1, later)), config())
    assert found.banned == []


@pytest.mark.bench
def test_ignored_and_loopback_addresses_are_not_banned(config: Make, tmp_path: Path) -> None:
    lines = spaced("198.51.100.9", 9, 1) + spaced("127.0.0.1", 9, 1) + spaced("192.0.2.1", 9, 1)
    lines = sorted(lines)
    found = run(write(tmp_path, lines), config("[DEFAULT]\nignoreip = 198.51.100.0/24 not.resolved.example\n"))
    assert {ban.address for ban in found.banned} == {"192.0.2.1"}
    assert set(found.failures) == {"192.0.2.1"}
    assert any("not.resolved.example" in note for note in found.jails["sshd"].notes)


@pytest.mark.bench
def test_the_admins_own_thresholds_count(config: Make, tmp_path: Path) -> None:
    found = run(write(tmp_path, spaced("192.0.2.7", 3, 250)), config("[sshd]\nmaxretry = 3\nfindtime = 1h\n"))
    assert [ban.address for ban in found.banned] == ["192.0.2.7"]


@pytest.mark.bench
def test_the_year_turns_at_new_year_and_is_taken_from_when_the_file_was_written(config: Make, tmp_path: Path) -> None:
    eve = datetime(2023, 12, 31, 23, 59, 58)
    path = write(tmp_path, spaced("192.0.2.1", 5, 1, eve))
    written = seconds(datetime(2024, 1, 1, 0, 0, 5))
    os.utime(path, (written, written))
    assert [ban.at for ban in run(path, config(), year=None).banned] == [seconds(datetime(2024, 1, 1, 0, 0, 2))]


@pytest.mark.bench
def test_the_year_goes_on_at_new_year_and_a_belated_line_stays_in_the_old_one(config: Make, tmp_path: Path) -> None:
    eve = datetime(2023, 12, 31, 23, 59, 58)
    lines = spaced("192.0.2.1", 5, 1, eve)
    lines[2], lines[1] = lines[1], lines[2]
    found = run(write(tmp_path, lines), config(), year=2023)
    assert [ban.at for ban in found.banned] == [seconds(datetime(2024, 1, 1, 0, 0, 2))]


@pytest.mark.bench
def test_lines_are_read_in_the_zone_given_on_both_sides_of_daylight_saving(config: Make, tmp_path: Path) -> None:
    winter, summer = datetime(2025, 3, 30, 1, 0), datetime(2025, 3, 30, 4, 0)  # clocks went from 2 to 3 that night
    lines = spaced("192.0.2.1", 5, 1, winter) + spaced("192.0.2.2", 5, 1, summer)
    found = run(write(tmp_path, lines), config(), zone="Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    at = [moment.replace(tzinfo=berlin).astimezone(UTC).timestamp() + 4 for moment in (winter, summer)]
    assert [ban.at for ban in found.banned] == at
    assert at[1] - at[0] == 2 * 3600


@pytest.mark.bench
def test_files_of_a_jail_are_merged_in_order_of_time_and_gz_is_read(config: Make, tmp_path: Path) -> None:
    lines = spaced("192.0.2.1", 5, 20)
    new, old = tmp_path / "auth.log", tmp_path / "auth.log.2.gz"
    new.write_text(lines[1] + lines[3])
    with gzip.open(old, "wt") as file:
        file.writelines([lines[0], lines[2], lines[4]])
    found = replay({"sshd": [str(new), str(old)]}, config=config(), zone="UTC", year=2025)
    assert found.banned == [Ban(seconds(START) + 80, "sshd", "192.0.2.1")]


@pytest.mark.bench
def test_hostile_lines_ban_nobody_who_is_only_mentioned(config: Make, tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    said = "203.0.113.66"
    users = [f"x from {said} port 22 ssh2", f"::ffff:{said}", "$(id)", "root\x00" + said, "a" * 70_000, "\x1b[2J"]
    with path.open("wb") as file:
        for n in range(10):
            for user in users:
                line = failed(START + timedelta(seconds=n), "192.0.2.1", user).encode()
                file.write(line.replace(b"host", b"host\xff\xfe") if n % 2 else line)
        file.write(b"\x00" * 100 + b"\n" + b"\xff" * 3_000_000 + b"\nFeb 30 99:99:99 host sshd[1]: x\n\n")
        file.write(failed(START + timedelta(seconds=20), "192.0.2.2").encode())
    found = run(path, config())
    assert {ban.address for ban in found.banned} == {"192.0.2.1"}
    assert set(found.failures) == {"192.0.2.1", "192.0.2.2"}


@pytest.mark.bench
def test_one_line_with_a_date_far_ahead_does_not_move_the_clock(config: Make, tmp_path: Path) -> None:
    lines = spaced("192.0.2.1", 6, 10)
    lines.insert(2, "2026-01-01T00:00:00 host sshd[1]: hello\n")
    found = run(write(tmp_path, lines), config())
    assert [ban.at for ban in found.banned] == [seconds(START) + 40]


@pytest.mark.bench
def test_broken_and_missing_files_are_noted_and_the_rest_is_read(config: Make, tmp_path: Path) -> None:
    whole = write(tmp_path, spaced("192.0.2.1", 5, 1))
    broken = tmp_path / "auth.log.2.gz"
    broken.write_bytes(gzip.compress(b"".join(failed(START, f"192.0.2.{n}").encode() for n in range(200)))[:-60])
    paths = [str(whole), str(broken), str(tmp_path / "none.log")]
    found = replay({"sshd": paths}, config=config(), zone="UTC", year=2025)
    assert "192.0.2.1" in {ban.address for ban in found.banned}
    assert {Path(note.split(":")[0]).name for note in found.jails["sshd"].notes} == {broken.name, "none.log"}


FILTER = "[Definition]\nfailregex = ^ evil (?:a+)+b from <ADDR>$\n            ^ plain from <ADDR>$\n"
JAIL = "[slow]\nenabled = true\nbackend = polling\nlogpath = /dev/null\nfilter = slow\n"


@pytest.mark.bench
def test_a_line_on_which_a_regex_never_ends_is_given_up_and_counted(config: Make, tmp_path: Path) -> None:
    plain = "2025-03-10 12:00:00 plain from 192.0.2.1\n"
    path = write(tmp_path, [plain, "2025-03-10 12:00:01 evil " + "a" * 60 + " from 192.0.2.2\n", *[plain] * 4])
    began = time.monotonic()
    found = run(path, config(JAIL, slow=FILTER), jail="slow")
    assert time.monotonic() - began < 30
    assert found.jails["slow"].stuck == 1
    assert [ban.address for ban in found.banned] == ["192.0.2.1"]


@pytest.mark.bench
def test_a_jail_that_is_missing_or_broken_says_so_and_the_others_are_replayed(config: Make, tmp_path: Path) -> None:
    path = str(write(tmp_path, spaced("192.0.2.1", 5, 1)))
    folder = config(JAIL, slow="[Definition]\nfailregex = ^(<ADDR>$\n")
    found = replay({"sshd": [path], "nothing": [path], "slow": [path]}, config=folder, zone="UTC", year=2025)
    assert "nothing" in found.jails["nothing"].error
    assert "compile" in found.jails["slow"].error
    assert len(found.banned) == 1


@pytest.mark.bench
def test_no_name_in_a_line_is_looked_up(config: Make, tmp_path: Path) -> None:
    # /etc/hosts knows localhost; ignoreself would hide that it had been found.
    lines = [failed(START + timedelta(seconds=n), "localhost") for n in range(6)]
    found = run(write(tmp_path, lines), config("[DEFAULT]\nusedns = yes\nignoreself = false\n"))
    assert found.banned == []
    assert found.failures == {}


def test_a_zone_that_does_not_exist_is_named(stock: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Middle/Nowhere"):
        replay({"sshd": [str(write(tmp_path, ["x\n"]))]}, zone="Middle/Nowhere")


def test_without_fail2ban_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setenv(code.PYTHON_VARIABLE, str(python))
    with pytest.raises(Fail2banAbsent, match="fail2ban is not installed"):
        replay({"sshd": ["/dev/null"]})


@pytest.mark.bench
def test_a_running_server_bans_the_same_addresses(stock: Path, tmp_path: Path) -> None:
    """The real server watches a log that is written with the time of now; the replay reads it afterwards."""
    if os.geteuid() != 0:
        pytest.skip("fail2ban-server needs root")
    jail = "[quick]\nenabled = true\nfilter = sshd\nlogpath = %(sshd_log)s\nmaxretry = 4\nfindtime = 3\nbantime = 2\n"
    plan = {  # seconds after the start at which each address fails
        "192.0.2.1": [0, 0, 1, 1],  # four within three seconds: banned
        "192.0.2.2": [0, 1, 1],  # three: not
        "192.0.2.3": [0, 0, 0, 0, 5, 5, 5, 5],  # banned, the ban ends, banned again
        "192.0.2.4": [0, 5, 6],  # spread
        "2001:db8::5": [1, 1, 1, 1],
    }
    with PrivateServer(None) as server:
        (server.config / "jail.d" / "quick.conf").write_text(jail)
        server.client.run("reload", "--if-exists", "quick")
        log = server.logs["auth.log"]
        time.sleep(1.5)  # the poller has seen the empty file: what comes now is news
        began = time.time()
        for second in range(7):
            threading.Event().wait(max(0.0, began + second - time.time()))
            now = datetime.now()
            with log.open("a") as file:
                for address, seconds_ in plan.items():
                    file.writelines(failed(now, address) for moment in seconds_ if moment == second)
        time.sleep(3)
        told = [line.split() for line in (server.folder / "fail2ban.log").read_text().splitlines()]
        really = sorted((line[-1], line[-3]) for line in told if line[-2:-1] == ["Ban"] and "[quick]" in line)
        found = replay({"quick": [str(log)]}, config=str(server.config))
    assert sorted((ban.address, f"[{ban.jail}]") for ban in found.banned) == really
    assert [address for address, _ in really] == ["192.0.2.1", "192.0.2.3", "192.0.2.3", "2001:db8::5"]
