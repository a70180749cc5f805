"""A file's format is told by its lines; its name only breaks ties."""

import json

import pytest

from fail2ban_ai import formats
from tests.formats.reading import syslog
from tests.formats.test_hostile import AROUND


def guessed(lines: list[str], path: str = "x.log") -> str | None:
    found = formats.guess(lines, path)
    return found.name if found else None


VHOST = 'example.com:80 192.0.2.1 - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'
JSON = json.dumps(
    {"time_iso8601": "2026-11-24T13:00:00Z", "remote_addr": "192.0.2.1", "request": "GET / HTTP/1.1", "status": 200}
)


@pytest.mark.parametrize("place", AROUND)
@pytest.mark.parametrize("path", ["x.log", "access.log", "error.log"])
def test_lines_tell_their_format(place: str, path: str) -> None:
    name, template = AROUND[place]
    wanted = "syslog" if name == "proftpd" else name  # ProFTPD's log has syslog's frame
    assert guessed([template.replace("{}", "bob")], path) == wanted


def test_other_formats() -> None:
    assert guessed([VHOST], "access.log") == "vhost_combined"
    assert guessed([JSON], "access.log") == "web_json"
    assert (
        guessed(["2026-11-24 10:00:00,3 fail2ban.actions [7]: NOTICE [a] Ban 192.0.2.1"], "fail2ban.log") == "fail2ban"
    )


def test_the_larger_share_wins_over_the_name() -> None:
    ssh = syslog("sshd[7]", "Invalid user bob from 192.0.2.1")
    assert guessed([ssh] * 9 + [VHOST], "/var/log/nginx/access.log") == "syslog"


def test_nothing_is_guessed_at() -> None:
    assert guessed([]) is None
    assert guessed(["", " "]) is None
    assert guessed(["some words"] * 20, "/var/log/nginx/access.log") is None
