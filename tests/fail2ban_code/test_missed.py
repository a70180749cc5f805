"""Why fail2ban missed it, in words with figures, and the table of the comparison."""

from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.fail2ban import missed
from fail2ban_ai.fail2ban.replay import Ban, JailFailures, Replay
from fail2ban_ai.findings import Campaign, Member, ProposedNetwork


def test_the_nearest_jail_is_told_with_its_figures() -> None:
    crowd = [f"192.0.2.{n}" for n in range(1, 24)]
    failures = {address: [JailFailures("sshd", 2, 1, 600, 5)] for address in crowd}
    failures["192.0.2.7"] = [JailFailures("sshd", 6, 3, 600, 5), JailFailures("dovecot", 1, 1, 600, 5)]
    failures["198.51.100.1"] = [JailFailures("sshd", 9, 4, 600, 5)]  # of another campaign
    assert missed.why_missed(crowd, Replay(failures=failures)) == (
        "sshd counts 3 failures in its worst 10 minutes from 192.0.2.7, below maxretry 5; 23 addresses shared the work."
    )


def test_lines_that_no_jail_matches() -> None:
    assert missed.why_missed(["192.0.2.1"], Replay()) == "No jail matches these lines."


def test_a_part_that_fail2ban_bans_is_told_apart() -> None:
    found = Replay(
        banned=[Ban(1.0, "sshd", "2001:db8::7")],
        failures={
            "2001:db8::7": [JailFailures("sshd", 9, 9, 600, 5)],
            "192.0.2.2": [JailFailures("sshd", 4, 1, 3600, 5)],
        },
    )
    assert missed.why_missed(["2001:db8::/64", "192.0.2.2"], found) == (
        "fail2ban bans only 1 of 2 addresses (jail sshd). "
        "sshd counts 1 failure in its worst hour from 192.0.2.2, below maxretry 5; 4 failures in all, spread over time."
    )
    assert missed.why_missed(["2001:db8::/64"], found) == "fail2ban bans it (jail sshd)."


def test_without_a_replay_it_is_worded_as_an_estimate() -> None:
    events = [(float(t), "dovecot", "login_failed", "192.0.2.1") for t in (0, 300, 599, 601, 5000)]
    events += [(7.0, "web", "request", "192.0.2.2"), (8.0, "sshd", "login_ok", "192.0.2.2")]
    estimate = missed.estimate(sorted(events))
    # Within any 600 s: 0, 300, 599 and 300, 599, 601 are three each.
    assert estimate == {"192.0.2.1": [JailFailures("dovecot", 5, 3, 600, 5)]}
    told = missed.why_missed(["192.0.2.1"], estimate)
    assert told.startswith("Estimate with stock settings: dovecot would count about 3 failures in its worst 10 minutes")
    assert missed.why_missed(["192.0.2.2"], estimate) == "Estimate: no stock jail is written for these lines."


@given(st.sets(st.integers(1, 250), max_size=50), st.integers(1, 10**9), st.integers(0, 10**9))
def test_it_is_bounded_and_never_empty_for_somebody(hosts: set[int], findtime: int, worst: int) -> None:
    actors = [f"192.0.2.{n}" for n in hosts]
    failures = {actor: [JailFailures("j" * 64, worst, worst, findtime, 5)] for actor in actors}
    told = missed.why_missed(actors, Replay(failures=failures))
    assert len(told) <= missed.LIMIT
    assert bool(told) == bool(actors)


def campaign(name: str, kind: str, bans: list[str], watched: str = "198.51.100.99") -> Campaign:
    members = {actor: Member(actor, 1, 0, 1, 0.9, decision="ban") for actor in bans}
    members[watched] = Member(watched, 1, 0, 1, 0.5)
    return Campaign(name, kind, 0, 1, 1, members=members)


def test_the_table_of_the_comparison() -> None:
    scan = campaign("a", "scan", ["192.0.2.1", "192.0.2.2"])
    stuffing = campaign("b", "credential_stuffing", ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"])
    stuffing.networks = [ProposedNetwork("203.0.113.0/24", 20, 0, decision="ban")]
    known = campaign("c", "brute_force", ["192.0.2.1"])
    banned = [Ban(1, "sshd", "192.0.2.1"), Ban(2, "sshd", "203.0.113.9"), Ban(3, "web", "198.51.100.99")]
    table = missed.compare_table([scan, stuffing, known], banned)
    assert table.fail2ban == ("192.0.2.1", "198.51.100.99", "203.0.113.9")
    # 192.0.2.1 is fail2ban's too, and 192.0.2.2 counts with the first campaign only.
    assert table.added == (missed.Added("credential_stuffing", 1, 3), missed.Added("scan", 1, 1))
    assert table.both == 1
    assert table.lacking == (("198.51.100.99", "web"),)  # only watched by us; 203.0.113.9 is in the banned network
