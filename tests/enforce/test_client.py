"""What the client refuses before fail2ban sees it, and what becomes of evidence."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.errors import Fail2banAbsent, Fail2banDown, Fail2banError, JailMissing, TargetError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import EVIDENCE_BYTES, Client, clip
from fail2ban_ai.fail2ban.private import PrivateServer

GARBAGE = [
    "",
    " ",
    "not-an-ip",
    "--help",
    "localhost",
    "203.0.113.0/33",
    "203.0.113.9/24",
    "203.0.0.0/16",
    "2001:db8::/32",
    "2001:db8::1%x",
    "0.0.0.0/0",
    "203.0.113.9 203.0.113.10",
    "203.0.113.9\n",
    "203.0.113.9; flush ruleset",
    "203.0.113.1 }; flush ruleset; #",
    "203.0.113.009",
    "٢٠٣.0.113.9",
]


@pytest.fixture
def recorder(tmp_path: Path) -> tuple[Client, Path]:
    """A client whose fail2ban-client writes its arguments down, one a line."""
    program, calls = tmp_path / "fail2ban-client", tmp_path / "calls"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {calls}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Client((str(program),)), calls


@pytest.mark.parametrize("target", GARBAGE)
def test_garbage_never_reaches_fail2ban(recorder: tuple[Client, Path], target: str) -> None:
    client, calls = recorder
    for ask in (client.attempt, client.banip, client.unban):
        with pytest.raises(TargetError):
            ask(jails.ADDRESSES, target if ask == client.attempt else ["203.0.113.9", target])  # type: ignore[arg-type]
    assert not calls.exists()


def test_targets_reach_fail2ban_as_it_lists_them(recorder: tuple[Client, Path]) -> None:
    client, calls = recorder
    client.attempt(jails.ADDRESSES, "::ffff:203.0.113.9")
    client.attempt(jails.NETWORKS, "2001:0db8:0:0::/64")
    assert calls.read_text().split() == [
        *("set", "fail2ban-ai", "attempt", "203.0.113.9"),
        *("set", "fail2ban-ai-net", "attempt", "2001:db8::/64"),
    ]


def test_large_batches_are_cut(recorder: tuple[Client, Path]) -> None:
    client, calls = recorder
    client.banip(jails.ADDRESSES, [f"198.18.{i}.{j}" for i in range(3) for j in range(40)])
    assert calls.read_text().splitlines().count("banip") == 3  # 120 addresses, 50 a call


@given(st.text(max_size=60))
def test_normalise_takes_only_what_a_jail_can_hold(text: str) -> None:
    try:
        network = jails.normalise(text)
    except TargetError:
        return
    assert set(jails.text_of(network)) <= set("0123456789abcdef.:/")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(0, 128))
def test_every_target_has_one_jail_and_its_set_leads_back_to_it(address: object, prefix: int) -> None:
    try:
        network = jails.normalise(f"{address}/{prefix}")
    except TargetError:
        return
    single = network.prefixlen == network.max_prefixlen
    assert jails.jail_of(network) == (jails.ADDRESSES if single else jails.NETWORKS)
    assert jails.target_in(jails.set_of(network), str(network.network_address)) == jails.text_of(network)


@given(st.lists(st.text(st.characters(), max_size=3000), max_size=8))
def test_evidence_is_short_and_plain(lines: list[str]) -> None:
    clipped = clip(lines)
    assert sum(len(line.encode()) for line in clipped) <= EVIDENCE_BYTES
    assert all(line.isprintable() or not set(line) & {chr(c) for c in range(32)} for line in clipped)


def test_evidence_keeps_its_first_lines_whole() -> None:
    assert clip(["one\x00two", "", "x" * 9000, "never"]) == ["one two", "x" * (EVIDENCE_BYTES - 7)]


def test_no_fail2ban_is_one_sentence() -> None:
    with pytest.raises(Fail2banAbsent, match=r"^fail2ban is not installed"):
        Client(("/nonexistent/fail2ban-client",)).status()


def test_an_error_is_one_printable_sentence(tmp_path: Path) -> None:
    program = tmp_path / "fail2ban-client"
    program.write_text("#!/bin/sh\nprintf 'bad \\033[31mnews' >&2\nexit 255\n")
    program.chmod(0o700)
    with pytest.raises(Fail2banError, match=r"failed: bad  \[31mnews$"):
        Client((str(program),)).status()


@pytest.mark.bench
def test_many_questions_are_one_process_and_have_the_answers_of_each(server: PrivateServer) -> None:
    client = server.client
    client.banip(jails.ADDRESSES, ["203.0.113.9", "203.0.113.10"])
    client.run("set", "sshd", "addignoreip", "198.51.100.0/24", "fail2ban> ")
    questions = [("get", jail, what) for jail in client.jails() for what in ("ignoreip", "banip", "bantime")]
    try:
        assert client.ask(questions) == [client.run(*words) for words in questions]
    finally:
        client.run("set", "sshd", "delignoreip", "198.51.100.0/24", "fail2ban> ")
    assert client.ask([]) == []
    with pytest.raises(JailMissing, match="'nope'"):
        client.ask([("get", "sshd", "banip"), ("get", "nope", "banip")])
    server.stop()
    with pytest.raises(Fail2banDown):
        client.ask(questions)


@pytest.mark.bench
def test_hostile_evidence_stays_evidence_in_a_conversation(server: PrivateServer) -> None:
    client = server.client
    hostile = [
        "'\nunban --all\n",
        '" unban --all',
        "\\'; $(id) `id` fail2ban> ",
        "\r\nset sshd banip 203.0.113.66",
        "\x85\u2028é",
    ]
    before = len(client.banned("sshd"))
    client.banip(jails.ADDRESSES, ["203.0.113.1"])
    with client.together():
        for number, text in enumerate(hostile, 10):
            client.attempt(jails.ADDRESSES, f"203.0.113.{number}", [text])
            assert client.await_banned(jails.ADDRESSES, [f"203.0.113.{number}"]) == set()
        with pytest.raises(JailMissing):
            client.banned("nope")
        assert "203.0.113.1" in client.banned(jails.ADDRESSES)
        server.stop()
        with pytest.raises(Fail2banDown):
            client.banned(jails.ADDRESSES)
        server.start()
        assert client.await_banned(jails.ADDRESSES, ["203.0.113.10"]) == set(), "it outlives a restart of the server"
    assert len(client.banned("sshd")) == before
