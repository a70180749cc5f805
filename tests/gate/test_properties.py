"""What holds for every text: nothing but a normal address passes, overlap is symmetrical, the gate never raises."""

import dataclasses
import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai import decisions
from fail2ban_ai.facts import Facts, Protected
from fail2ban_ai.gate import Gate, GateSettings
from fail2ban_ai.gate.rules import overlap

NOW = 1_700_000_000.0
BASE = decisions.make("203.0.113.9", at=NOW, reason="test")

near_addresses = st.from_regex(r"\A[0-9a-fA-F:./%\s]{0,45}\Z")
addresses = st.ip_addresses().map(str)
mapped = st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}")


@st.composite
def networks(draw):
    address = draw(st.ip_addresses())
    length = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network((address, length), strict=False)


@given(st.one_of(st.text(), near_addresses, addresses, mapped, networks().map(str)))
def test_nothing_passes_but_normal_addresses(text):
    refusal = Gate(GateSettings(), Facts()).check(dataclasses.replace(BASE, target=text), NOW)
    if refusal is not None:
        assert refusal.code != "rule-failed"
        return
    parsed = ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text)
    assert str(parsed) == text
    assert "%" not in text
    assert getattr(parsed, "ipv4_mapped", None) is None


@given(networks(), networks())
def test_overlap_is_symmetrical(one, other):
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_its_ipv4_address(address):
    facts = Facts(own=(Protected(ipaddress.ip_network(address), "here"),))
    decision = decisions.make(f"::ffff:{address}", at=NOW, reason="test")
    assert decision.target == str(address)
    assert Gate(GateSettings(), facts).check(decision, NOW) is not None


@given(st.ip_addresses(v=4), st.integers(24, 28))
def test_no_network_around_a_protected_address_passes(address, length):
    facts = Facts(ignoreip=(Protected(ipaddress.ip_network(address), "here"),))
    around = ipaddress.ip_network((address, length), strict=False)
    assert Gate(GateSettings(), facts).check(decisions.make(str(around), at=NOW, reason=""), NOW) is not None


def anything():
    return st.one_of(
        st.none(), st.booleans(), st.floats(), st.text(), st.lists(st.integers()), st.dictionaries(st.text(), st.text())
    )


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: anything()
            for name in ("target", "action", "matches", "evidence_at", "members", "known_logins", "traffic")
        },
    ),
    st.floats(),
)
def test_the_gate_never_raises(values, now):
    Gate(GateSettings(), Facts()).check(dataclasses.replace(BASE, **values), now)


def test_a_broken_question_refuses_instead_of_banning():
    def broken(address: str) -> None:
        raise OSError("no such command")

    refusal = Gate(GateSettings(), Facts(ignorecommand=broken)).check(BASE, NOW)
    assert refusal is not None
    assert (refusal.code, refusal.temporary) == ("rule-failed", True)
