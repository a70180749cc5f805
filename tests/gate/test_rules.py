"""Every rule of the gate, and its twin: nearly the same, but let through."""

import dataclasses
from ipaddress import ip_network

import pytest

from fail2ban_ai import decisions
from fail2ban_ai.decisions import Traffic
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.facts import AllowEntry, Banned, Facts, Protected
from fail2ban_ai.gate import Gate, GateSettings, settings_from

NOW = 1_700_000_000.0
DAY = 86400.0


def ask(target="203.0.113.9", facts=None, settings=None, now=NOW, **values) -> str | None:
    """The code of the refusal, or None when the decision passes; DNS knows no names unless facts say otherwise."""
    decision = decisions.make(target, **{"at": NOW, "reason": "test", **values})
    refusal = Gate(settings or GateSettings(), facts or Facts(resolver=Dns())).check(decision, now)
    if refusal is not None:
        assert refusal.sentence.endswith(".")
        assert refusal.code in str(refusal)
    return None if refusal is None else refusal.code


def raw(target: str, **values) -> str | None:
    """Like ask, with a target that nothing has normalised."""
    decision = dataclasses.replace(decisions.make("203.0.113.9", at=NOW, reason="test"), target=target, **values)
    refusal = Gate(GateSettings(), Facts(resolver=Dns())).check(decision, NOW)
    return None if refusal is None else refusal.code


class Dns:
    """A resolver of fixed answers; `silent` gives none."""

    def __init__(self, reverse=None, forward=None, silent=False):
        self.names, self.addresses, self.silent = reverse or {}, forward or {}, silent

    def reverse(self, address):
        return None if self.silent else self.names.get(address, [])

    def forward(self, name):
        return self.addresses.get(name, [])


def protected(text: str) -> tuple[Protected, ...]:
    return (Protected(ip_network(text), "here"),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not-an-address"),
        ("not-an-ip", "not-an-address"),
        ("localhost", "not-an-address"),
        ("--help", "not-an-address"),
        ("203.0.113.0/33", "not-an-address"),
        ("203.0.113.9/24", "not-an-address"),  # host bits
        ("203.0.113.9 }; flush ruleset", "not-an-address"),
        ("0313.0.113.9", "not-an-address"),
        ("3405803785", "not-an-address"),
        ("2001:db8::1%eth0", "scope-id"),
        ("2001:DB8::1", "not-normal"),
        ("203.0.113.9/32", "not-normal"),
        ("::ffff:203.0.113.9", "not-normal"),  # make() would have written 203.0.113.9
    ],
)
def test_only_normal_addresses(text, code):
    assert raw(text) == code


@pytest.mark.parametrize("text", ["203.0.113.9", "203.0.113.0/24", "2001:db8::1", "2001:db8::/64"])
def test_normal_addresses_pass(text):
    assert raw(text) is None


def test_only_what_asks_for_something_is_judged():
    assert raw("203.0.113.9", action="withdraw") == "not-a-ban"


@pytest.mark.parametrize(
    ("target", "twin", "code"),
    [
        ("10.0.0.1", "11.0.0.1", "special-private"),
        ("172.31.255.255", "172.32.0.0", "special-private"),
        ("192.168.0.0/24", "192.169.0.0/24", "special-private"),
        ("127.0.0.53", "128.0.0.1", "special-loopback"),
        ("100.64.0.1", "100.128.0.1", "special-cgnat"),
        ("100.127.255.255", "100.63.255.255", "special-cgnat"),
        ("169.254.169.254", "169.255.0.1", "special-link-local"),
        ("0.0.0.0", "1.0.0.1", "special-unspecified"),
        ("224.0.0.1", "223.255.255.1", "special-multicast"),
        ("255.255.255.255", "198.18.0.1", "special-reserved"),
        ("::1", "2001:db8::1", "special-loopback"),
        ("fe80::1", "2001:db8::1", "special-link-local"),
        ("fd00::/64", "2001:db8::/64", "special-ula"),
        ("ff02::1", "2001:db8::1", "special-multicast"),
        ("2001::1", "2001:200::1", "special-reserved"),  # Teredo
        ("4000::1", "3fff::1", "special-reserved"),
        ("64:ff9b::a00:1", "64:ff9b::cb00:7109", "special-private"),  # NAT64 of 10.0.0.1, of 203.0.113.9
        ("2002:7f00:1::1", "2002:cb00:7109::1", "special-loopback"),  # 6to4 of 127.0.0.1, of 203.0.113.9
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "special-private"),  # mapped IPv6 is IPv4
    ],
)
def test_special_ranges(target, twin, code):
    assert ask(target) == code
    assert ask(twin) is None


@pytest.mark.parametrize("target", ["192.0.2.1", "198.51.100.0/24", "203.0.113.255", "198.19.0.1", "2001:db8::/48"])
def test_documentation_ranges_are_not_special(target):
    assert ask(target) is None


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("private", "10.1.2.3"),
        ("loopback", "127.0.0.1"),
        ("loopback", "::1"),
        ("cgnat", "100.64.0.1"),
        ("ula", "fd00::1"),
        ("link-local", "fe80::1"),
    ],
)
def test_opting_in_to_one_special_range_opens_only_that_one(name, target):
    settings = GateSettings(ban_special=frozenset({name}))
    assert ask(target, settings=settings) is None
    other = "192.168.7.7" if name != "private" else "127.0.0.1"
    assert ask(other, settings=settings) is not None
    assert ask("255.255.255.255", settings=settings) == "special-reserved"
    assert ask("::", settings=settings) == "special-unspecified"


@pytest.mark.parametrize(
    ("target", "twin"),
    [
        ("203.0.112.0/23", "203.0.113.0/24"),
        ("203.0.113.0/29", "203.0.113.0/28"),
        ("2001:db8::/47", "2001:db8::/48"),
        ("2001:db8::/52", "2001:db8::/56"),
        ("2001:db8::/65", "2001:db8::/64"),
        ("203.0.113.8/31", "203.0.113.8/32"),
    ],
)
def test_prefix_lengths(target, twin):
    assert ask(target) == "prefix"
    assert ask(twin) is None


def test_everything_is_never_banned():
    assert ask("0.0.0.0/0") is not None
    assert ask("::/0") is not None


def test_a_translated_network_is_nobodys():
    assert ask("2002:cb00:7109::/48") == "translated"
    assert ask("2002:cb00:7109::9") is None


def test_evidence_older_than_the_bantime():
    settings = GateSettings(bantime=600)
    assert ask(evidence_at=NOW - 601, settings=settings) == "expired"
    assert ask(evidence_at=NOW - 599, settings=settings) is None
    assert ask(evidence_at=0, settings=GateSettings(bantime=-1)) is None  # banned for ever: never served


def test_evidence_from_the_future():
    assert ask(evidence_at=NOW + 301) == "future"
    assert ask(evidence_at=NOW + 299) is None
    assert ask(now=float("nan")) == "future"


FIELDS = [("own", "own"), ("peers", "ssh-peer"), ("ignoreip", "ignoreip"), ("ranges", "published-range")]


@pytest.mark.parametrize(("field", "code"), FIELDS)
@pytest.mark.parametrize(
    ("listed", "target", "twin"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.10"),
        ("203.0.113.9", "203.0.113.0/24", "198.51.100.0/24"),  # a covering network
        ("203.0.113.0/25", "203.0.113.127", "203.0.113.128"),  # covered
        ("2001:db8:0:1::7", "2001:db8:0:1::/64", "2001:db8:0:2::/64"),
        ("203.0.113.9", "64:ff9b::cb00:7109", "64:ff9b::cb00:710a"),  # the same host behind NAT64
        ("64:ff9b::cb00:7109", "203.0.113.9", "203.0.113.10"),
    ],
)
def test_protected_addresses(field, code, listed, target, twin):
    facts = Facts(**{field: protected(listed)}, resolver=Dns())
    assert ask(target, facts) == code
    assert ask(twin, facts) is None


def test_ignoreip_of_everything_refuses_everything():
    assert ask(facts=Facts(ignoreip=protected("0.0.0.0/0"), resolver=Dns())) == "ignoreip"


def test_allow_list_and_its_expiry():
    def listed(expires):
        return Facts(allow=(AllowEntry(ip_network("203.0.113.0/28"), 0.0, expires, "the office"),), resolver=Dns())

    assert ask(facts=listed(None)) == "allowed"
    assert ask(facts=listed(NOW + 1)) == "allowed"
    assert ask(facts=listed(NOW)) is None
    assert ask("203.0.113.16", listed(None)) is None


def test_the_refusal_shows_the_note():
    facts = Facts(allow=(AllowEntry(ip_network("203.0.113.9/32"), 0.0, None, "the office"),))
    refusal = Gate(GateSettings(), facts).check(decisions.make("203.0.113.9", at=NOW, reason=""), NOW)
    assert refusal is not None
    assert "the office" in refusal.sentence


def test_log_ins_on_two_days_before_the_attack():
    days = [NOW - 3 * DAY, NOW - 2 * DAY]
    assert ask(known_logins={"203.0.113.9": decisions.login_days(days, NOW)}) == "known-user"
    assert ask(known_logins={"203.0.113.9": decisions.login_days(days[:1] * 2, NOW)}) is None  # one day, twice
    assert ask("203.0.113.0/24", known_logins={"203.0.113.77": 2}) == "known-user"
    assert ask(known_logins={"203.0.113.10": 9}) is None  # the neighbour's


def test_log_ins_after_the_attack_began_protect_nobody():
    attack = NOW - 5 * DAY
    after = [attack, attack + DAY, attack + 2 * DAY]
    assert decisions.login_days(after, attack) == 0
    assert decisions.login_days([attack - DAY, *after], attack) == 1
    assert decisions.login_days(after, None) == 3


def test_a_shared_proxy():
    assert ask(traffic=Traffic(clients=300, share=0.8, agents=40)) == "shared-proxy"
    assert ask(traffic=Traffic(clients=300, share=0.8, agents=1)) is None  # one loud client
    assert ask(traffic=Traffic(clients=300, share=0.05, agents=40)) is None  # an office
    assert ask(traffic=Traffic(clients=300, share=0.01, agents=3, edges=0.8)) == "shared-proxy"  # one edge of many
    assert ask(traffic=Traffic(clients=300, share=0.01, agents=3, edges=0.3)) is None


def test_missing_facts_refuse_for_now():
    decision = decisions.make("203.0.113.9", at=NOW, reason="")
    refusal = Gate(GateSettings(), Facts(missing=("what fail2ban ignores",))).check(decision, NOW)
    assert refusal is not None
    assert (refusal.code, refusal.temporary) == ("facts-missing", True)
    assert ask("10.0.0.1", Facts(missing=("x",))) == "special-private"  # what is known for good comes first


@pytest.mark.parametrize(
    ("settings", "bans", "code"),
    [
        (GateSettings(per_hour=3), [NOW - 3599] * 3, "budget-hour"),
        (GateSettings(per_hour=3), [NOW - 3601] * 3, None),
        (GateSettings(per_hour=3), [NOW] * 2, None),
        (GateSettings(per_day=3), [NOW - DAY + 1] * 3, "budget-day"),
        (GateSettings(per_day=3), [NOW - DAY - 1] * 3, None),
    ],
)
def test_budgets_of_time(settings, bans, code):
    facts = Facts(bans=[Banned(at, False) for at in bans], resolver=Dns())
    assert ask(facts=facts, settings=settings) == code


def test_budget_of_networks_spares_addresses_and_customers():
    facts = Facts(bans=[Banned(NOW, True)] * 2, resolver=Dns())
    settings = GateSettings(networks_per_day=2)
    assert ask("203.0.113.0/28", facts, settings) == "budget-networks"
    assert ask("2001:db8::/56", facts, settings) == "budget-networks"
    assert ask("2001:db8::/64", facts, settings) is None
    assert ask("203.0.113.9", facts, settings) is None


def test_budget_as_a_share_of_clients():
    facts = Facts(bans=[Banned(NOW, False)] * 60, resolver=Dns())
    assert ask(facts=facts, traffic=Traffic(clients=100, share=0, agents=1)) == "budget-clients"
    assert ask(facts=facts, traffic=Traffic(clients=140, share=0, agents=1)) is None
    quiet = Facts(bans=[Banned(NOW, False)] * 49, resolver=Dns())
    assert ask(facts=quiet, traffic=Traffic(clients=1, share=0, agents=1)) is None  # the floor


def test_bans_let_through_count_at_once():
    gate = Gate(GateSettings(per_hour=1), Facts(resolver=Dns()))
    first, second = (decisions.make(f"203.0.113.{n}", at=NOW, reason="") for n in (1, 2))
    assert gate.check(first, NOW) is None
    gate.note_ban(first, NOW)
    assert gate.check(second, NOW) is not None


def test_ignorecommand():
    facts = Facts(ignorecommand=lambda address: "sshd" if address == "203.0.113.9" else None, resolver=Dns())
    assert ask(facts=facts) == "ignorecommand"
    assert ask("203.0.113.10", facts) is None
    assert ask("203.0.113.0/24", facts, members=["203.0.113.9"]) == "ignorecommand"
    assert ask("203.0.113.0/24", facts, members=["203.0.113.10", "198.51.100.9"]) is None


CRAWLER = Dns({"203.0.113.9": ["crawl-9.googlebot.com"]}, {"crawl-9.googlebot.com": ["203.0.113.9"]})


def test_a_verified_crawler():
    assert ask(facts=Facts(resolver=CRAWLER)) == "verified-crawler"
    assert ask("203.0.113.0/28", Facts(resolver=CRAWLER), members=["203.0.113.9"]) == "verified-crawler"


@pytest.mark.parametrize(
    "resolver",
    [
        Dns({"203.0.113.9": ["crawl-9.googlebot.com"]}, {"crawl-9.googlebot.com": ["198.51.100.1"]}),  # another's
        Dns({"203.0.113.9": ["crawl-9.googlebot.com"]}),  # no such name
        Dns({"203.0.113.9": ["crawl-9.notgooglebot.com"]}, {"crawl-9.notgooglebot.com": ["203.0.113.9"]}),
        Dns({"203.0.113.9": ["googlebot.com.example.org"]}, {"googlebot.com.example.org": ["203.0.113.9"]}),
    ],
)
def test_a_false_crawler_is_banned(resolver):
    assert ask(facts=Facts(resolver=resolver), matches=['"GET / HTTP/1.1" "Googlebot/2.1"']) is None


def test_a_claimed_crawler_waits_for_dns():
    silent = Facts(resolver=Dns(silent=True))
    assert ask(facts=silent, matches=['"GET / HTTP/1.1" "Googlebot/2.1"']) == "crawler-unverified"
    assert ask(facts=silent, matches=['"GET / HTTP/1.1" "curl/8.0"']) is None
    assert ask(facts=Facts(), matches=["bingbot"]) == "crawler-unverified"


def test_settings_of_the_file():
    found = settings_from({"per_hour": 5, "ban_special": ["cgnat"], "bantime": -1}, "enforce.json")
    assert (found.per_hour, found.ban_special, found.bantime) == (5, frozenset({"cgnat"}), -1)


@pytest.mark.parametrize(
    "values",
    [
        {"perhour": 5},
        {"per_hour": -1},
        {"per_hour": "5"},
        {"per_hour": True},
        {"per_hour": 2.5},
        {"ban_special": "cgnat"},
        {"ban_special": ["multicast"]},
        {"ban_special": [["cgnat"]]},
        {"client_share": float("nan")},
    ],
)
def test_wrong_settings_name_file_and_key(values):
    with pytest.raises(ConfigError, match=rf"enforce\.json: gate\.{next(iter(values))}"):
        settings_from(values, "enforce.json")
