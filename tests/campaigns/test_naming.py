"""Kinds and severities follow from what the members did, seen through the linker."""

import pytest
from campaign_stream import HOUR, MONDAY, Event, failed, run, web

from fail2ban_ai.findings import Campaign

ACTOR = "192.0.2.1"


def only(events: list[Event]) -> Campaign:
    (campaign,) = run(events)
    return campaign


@pytest.mark.parametrize(("gap", "kind"), [(1200.0, "slow_scan"), (90.0 * 60, "slow_scan"), (2.0, "scan")])
def test_the_pace_makes_a_scan_slow(gap: float, kind: str) -> None:
    assert only([web(MONDAY + gap * i, ACTOR, f"/p{i}") for i in range(20)]).kind == kind


def test_a_burst_within_hours_is_no_slow_scan() -> None:
    burst: list[Event] = [web(MONDAY + 2 * i, ACTOR, f"/p{i}") for i in range(20)]
    assert only([*burst, web(MONDAY + 5 * HOUR, ACTOR, "/last")]).kind == "scan"


def test_injection_that_breaks_an_endpoint_is_high_and_names_it() -> None:
    fine: list[Event] = [
        web(MONDAY + i, ACTOR, "/item?id", intent="injection", status=200, attack="sqli") for i in range(3)
    ]
    broke: list[Event] = [web(MONDAY + 9, ACTOR, "/item?id", intent="injection", status=500, attack="sqli")]
    campaign = only(fine + broke)
    assert (campaign.kind, campaign.severity, campaign.broke) == ("injection", "high", ["/item?id"])
    assert only(fine).broke == []
    assert only(broke).broke == []  # it never worked: the attack changed nothing
    harmless: list[Event] = [web(MONDAY + i, ACTOR, "/item?id", status=(200, 500)[i]) for i in range(2)]
    assert only(harmless).broke == []  # no attack in it


def test_one_address_that_guesses_is_brute_force() -> None:
    campaign = only([failed(MONDAY + 3 * i, ACTOR, f"u{i % 4}", service="sshd", score=0.9) for i in range(40)])
    assert (campaign.kind, campaign.severity) == ("brute_force", "medium")


def test_few_injections_outweigh_many_plain_requests_but_secrets_do_not() -> None:
    plain: list[Event] = [web(MONDAY + i, ACTOR, f"/p{i}") for i in range(10)]
    sqli: list[Event] = [web(MONDAY + 20 + i, ACTOR, "/q?s", intent="injection", attack="sqli") for i in range(4)]
    secret: list[Event] = [web(MONDAY + 20 + i, ACTOR, "/.env", attack="secret") for i in range(4)]
    assert only(plain + sqli).kind == "injection"
    assert only(plain + secret).kind == "scan"
