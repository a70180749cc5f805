"""A decision survives its line, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai import decisions
from fail2ban_ai.decisions import EVIDENCE_LIMIT, Traffic, from_line, make, to_line
from fail2ban_ai.decisions import outcomes as decisions_outcomes
from fail2ban_ai.decisions.outcomes import Outcome
from fail2ban_ai.errors import DecisionError, TargetError

NOW = 1_700_000_000


def one(**values):
    full = {
        "at": NOW,
        "reason": "guesses slowly",
        "campaign": "c-1",
        "kind": "slow_scan",
        "matches": ["GET /admin 404"],
    }
    return make("203.0.113.9", **{**full, "traffic": Traffic(9, 0, 1), **values})


def rewritten(**values) -> str:
    """A line whose content was changed and whose id was made to fit, as an enemy who read our code would."""
    found = {**json.loads(to_line(one())), **values}
    found.pop("id")
    id_ = decisions.hashlib.sha256(decisions.strict.canonical(found).encode()).hexdigest()[:32]
    return json.dumps({**found, "id": found.get("id", id_)})


def test_a_decision_survives_its_line():
    made = one(members=["203.0.113.9"], known_logins={"203.0.113.9": 2})
    assert from_line(to_line(made)) == made
    assert from_line(rewritten()) == one()


def test_the_id_is_the_content():
    assert one().id == one().id
    assert one().id != one(reason="another").id


@given(st.text(), st.lists(st.text(max_size=2000), max_size=40), st.text())
def test_any_log_text_becomes_a_valid_line(reason, matches, campaign):
    made = one(reason=reason, matches=matches)
    line = to_line(made)
    assert from_line(line) == made
    assert "\n" not in line
    assert line.isascii()
    assert len(line) <= 32 * 1024
    assert sum(len(match.encode()) for match in made.matches) <= EVIDENCE_LIMIT
    assert all(char.isprintable() or char == " " for char in made.reason + "".join(made.matches) if not char.isspace())


def test_evidence_is_cut_not_dropped():
    made = one(matches=["x" * 500] * 20)
    assert [len(match) for match in made.matches] == [500] * 8 + [96]  # 4096 = 8 * 500 + 96


def test_hidden_characters_are_written_out():
    made = one(reason="a\x1b[2J\u202eb\x00\n", matches=["\ud800"])
    assert made.reason == "a\\x1b[2J\\u202eb\\x00\\x0a"
    assert made.matches == ("\\ud800",)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9/32", "203.0.113.9"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("64:ff9b::1/128", "64:ff9b::1"),
    ],
)
def test_targets_are_written_in_one_way(text, spelled):
    assert decisions.normal(text) == spelled


@pytest.mark.parametrize(
    "text", ["", "x", "203.0.113.9%1", "fe80::1%eth0", "203.0.113.9/24", "\x1b[31m", " 203.0.113.9"]
)
def test_what_is_no_target(text):
    with pytest.raises(TargetError) as caught:
        make(text, at=NOW, reason="")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"at": "now"}, "at"),
        ({"at": True}, "at"),
        ({"at": -1}, "at"),
        ({"at": 10**400}, "at"),
        ({"target": "203.0.113.9/24"}, "target"),
        ({"target": "::ffff:203.0.113.9"}, "target"),
        ({"target": ["203.0.113.9"]}, "target"),
        ({"target": "203.0.113.9\n"}, "target"),
        ({"action": "shutdown"}, "action"),
        ({"action": ["ban"]}, "action"),
        ({"campaign": "c" * 65}, "campaign"),
        ({"reason": "\x1b[2J"}, "reason"),
        ({"reason": "a\u2028b"}, "reason"),
        ({"score": 1.5}, "score"),
        ({"kind": "worst"}, "kind"),
        ({"severity": None}, "severity"),
        ({"matches": "text"}, "matches"),
        ({"matches": [1]}, "matches"),
        ({"matches": ["\x00"]}, "matches"),
        ({"matches": ["x"] * 21}, "matches"),
        ({"matches": ["x" * 501]}, "matches"),
        ({"matches": ["x" * 500] * 9}, "matches"),
        ({"requested_by": "root"}, "requested_by"),
        ({"members": ["203.0.113.9"] * 65}, "members"),
        ({"members": ["not-an-ip"]}, "members"),
        ({"known_logins": []}, "known_logins"),
        ({"known_logins": {"x": 1}}, "known_logins"),
        ({"known_logins": {"203.0.113.9": 1.5}}, "known_logins"),
        ({"traffic": {}}, "traffic"),
        ({"traffic": {"clients": 1, "share": 2, "agents": 1}}, "share"),
        ({"extra": 1}, "keys"),
        ({"id": "0" * 32}, "id"),
    ],
)
def test_hostile_values_are_refused_by_field_and_never_echoed(values, field):
    line = rewritten(**values)
    if "id" in values:
        line = json.dumps({**json.loads(line), **values})
    with pytest.raises(DecisionError, match=field) as caught:
        from_line(line)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        "{",
        "[" * 100_000,
        '{"at":' * 9_000,
        "9" * 5000,
        to_line(one())[:-1],
        to_line(one()) + "x",
        to_line(one()).replace('"score":1.0', '"score":NaN'),
        to_line(one()).replace('"score":1.0', '"score":1e999'),
        to_line(one()).replace('"score":1.0', '"score":1.0,"score":1.0'),
        " " * 40_000,
        "SECRET of a linked file",
    ],
)
def test_what_is_no_decision(line):
    with pytest.raises(DecisionError) as caught:
        from_line(line)
    assert "SECRET" not in str(caught.value)


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ).map(json.dumps),
    )
)
def test_reading_raises_nothing_but_decision_errors(line):
    with pytest.raises(DecisionError):
        from_line(line)


@given(
    st.dictionaries(
        st.sampled_from(sorted(json.loads(to_line(one())))),
        st.one_of(st.none(), st.text(), st.floats(), st.lists(st.text()), st.dictionaries(st.text(), st.floats())),
        min_size=1,
    )
)
def test_changed_fields_are_refused(values):
    with pytest.raises(DecisionError):
        from_line(json.dumps({**json.loads(to_line(one())), **values, "severity": "none"}))


@pytest.mark.parametrize("values", [{"score": float("nan")}, {"at": float("inf")}, {"score": 2.0}, {"kind": "x"}])
def test_make_refuses_what_could_not_be_read_back(values):
    with pytest.raises(DecisionError):
        one(**values)


def test_outcomes():
    outcome = Outcome("a" * 32, NOW, "203.0.113.9", "refused", "own: \x1b")
    read = decisions_outcomes.from_line(decisions_outcomes.to_line(outcome))
    assert read.reason == "own: \\x1b"
    with pytest.raises(DecisionError, match="result"):
        decisions_outcomes.from_line(decisions_outcomes.to_line(Outcome("a", NOW, "203.0.113.9", "gone", "")))
    with pytest.raises(DecisionError, match="target"):
        decisions_outcomes.from_line(decisions_outcomes.to_line(Outcome("a", NOW, "203.0.113.9/32", "banned", "")))


def test_a_failure_is_tried_again_and_a_later_success_is_final():
    def of(id_, result):
        return Outcome(id_, NOW, "203.0.113.9", result, "")

    results = [of("a", "failed"), of("b", "failed"), of("b", "banned"), of("c", "refused"), of("d", "would-ban")]
    assert decisions_outcomes.final_ids(results) == {"b", "c", "d"}
