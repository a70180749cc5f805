"""ban, unban and allow as an admin sees them, with a fail2ban-client that only remembers."""

import json
import os
import subprocess
import sys
import time

import pytest

from fail2ban_ai import decisions, paths
from fail2ban_ai.decisions import log as decisions_log
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.facts import allow as facts_allow

# Keeps each jail's bans in a file and answers as fail2ban-client does.
CLIENT = """#!{python}
import json, pathlib, sys
store = pathlib.Path({store!r}); bans = json.loads(store.read_text()); words = sys.argv[1:]
if words == ["status"]:
    print("Status\\n|- Number of jail:\\t2\\n`- Jail list:\\tfail2ban-ai, fail2ban-ai-net")
elif words[0] == "get" and words[2] == "banip":
    print(" ".join(bans[words[1]]))
elif words[0] == "get" and words[2] == "ignoreip":
    print("These IP addresses/networks are ignored:\\n`- 198.51.100.0/24")
elif words[0] == "get":
    print()
elif words[0] == "set" and words[2] == "unbanip":
    left = [one for one in bans[words[1]] if one not in words[3:]]
    print(len(bans[words[1]]) - len(left)); bans[words[1]] = left; store.write_text(json.dumps(bans))
else:
    sys.exit(255)
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    store = tmp_path / "bans.json"
    store.write_text(
        json.dumps({"fail2ban-ai": ["203.0.113.9"], "fail2ban-ai-net": ["203.0.113.0/24", "2001:db8::/64"]})
    )
    client = tmp_path / "bin" / "fail2ban-client"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, store=str(store)))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    return store


def run(*words, code=0):
    script = "import sys; from fail2ban_ai.cli import main; sys.argv[0] = 'fail2ban-ai'; main()"
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def asked():
    return decisions_log.read_all(paths.decisions(), decisions.from_line)


def test_ban_only_asks(host):
    shown = json.loads(run("ban", "::ffff:203.0.113.77", "--reason", "seen by hand", "--json"))
    (decision,) = asked()
    assert (decision.target, decision.requested_by, decision.reason) == ("203.0.113.77", "admin", "seen by hand")
    assert (shown["asked"], shown["id"]) == (True, decision.id)
    assert "203.0.113.77" not in host.read_text()


def test_ban_says_who_judges(host):
    assert "`fail2ban-ai enforce` judges it" in run("ban", "203.0.113.77")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("10.0.0.1", "special-private"),
        ("198.51.100.7", "ignoreip"),
        ("127.0.0.1", "special-loopback"),
        ("who", "not-an-address"),
        ("203.0.0.0/16", "prefix"),
        ("fe80::1%eth0", "not-an-address"),
        ("\x1b[31m", "not-an-address"),
    ],
)
def test_ban_refuses_with_the_gates_reason(host, target, code):
    shown = json.loads(run("ban", "--json", "--", target, code=1))
    assert (shown["asked"], shown["refusal"]["code"]) == (False, code)
    said = run("ban", "--", target, code=1)
    assert code in said
    assert "\x1b" not in said
    assert asked() == []


def test_usage_errors_are_2(host):
    run("ban", code=2)
    run("allow", "add", "203.0.113.9", "--for", "soon", code=2)


def test_unban_lifts_the_network_around_the_address_too(host):
    shown = json.loads(run("unban", "203.0.113.9", "--json"))
    assert shown["lifted"] == ["203.0.113.9", "203.0.113.0/24"]
    assert json.loads(host.read_text()) == {"fail2ban-ai": [], "fail2ban-ai-net": ["2001:db8::/64"]}
    results = decisions_log.read_all(paths.outcomes(), decisions_outcomes.from_line)
    assert [(one.target, one.result) for one in results] == [
        ("203.0.113.9", "unbanned"),
        ("203.0.113.0/24", "unbanned"),
    ]


def test_unban_of_what_is_not_banned(host):
    assert "No ban" in run("unban", "192.0.2.1", code=1)
    run("unban", "nobody", code=1)


def test_unban_and_allow_keeps_it_unbanned(host):
    run("unban", "2001:db8::5", "--and-allow", "--note", "our own monitor")
    assert json.loads(host.read_text())["fail2ban-ai-net"] == ["203.0.113.0/24"]
    shown = json.loads(run("ban", "2001:db8::/64", "--json", code=1))
    assert shown["refusal"]["code"] == "allowed"
    assert "our own monitor" in shown["refusal"]["reason"]


def test_allowing_a_banned_address_lifts_its_ban_at_once(host):
    shown = json.loads(run("allow", "add", "203.0.113.9", "--for", "30d", "--note", "x", "--json"))
    assert shown["lifted"] == ["203.0.113.9", "203.0.113.0/24"]
    assert shown["expires"] - shown["added"] == 30 * 86400
    assert "203.0.113" not in host.read_text()


def test_allow_holds_when_fail2ban_is_down(host, tmp_path):
    (tmp_path / "bin" / "fail2ban-client").write_text("#!/bin/sh\necho 'Is it running?' >&2; exit 255\n")
    shown = json.loads(run("allow", "add", "203.0.113.9", "--json"))
    assert "does not answer" in shown["not_lifted"]
    assert len(facts_allow.load()) == 1


def test_ban_is_kept_when_fail2ban_is_down(host, tmp_path):
    (tmp_path / "bin" / "fail2ban-client").write_text("#!/bin/sh\necho 'Is it running?' >&2; exit 255\n")
    shown = json.loads(run("ban", "203.0.113.77", "--json"))
    assert (shown["asked"], shown["refusal"]["code"], shown["refusal"]["later"]) == (True, "facts-missing", True)
    assert len(asked()) == 1


def test_allow_list_and_remove(host):
    assert "empty" in run("allow", "list")
    facts_allow.add("203.0.113.9", time.time() - 20, time.time() - 10, "gone \x1b[2J")
    run("allow", "add", "192.0.2.0/24")
    said = run("allow", "list")
    assert "(expired)" in said
    assert "192.0.2.0/24  for ever" in said
    assert "\x1b" not in said
    assert [one["target"] for one in json.loads(run("allow", "list", "--json"))] == ["203.0.113.9", "192.0.2.0/24"]
    run("allow", "remove", "192.0.2.0/24")
    run("allow", "remove", "192.0.2.0/24", code=1)
