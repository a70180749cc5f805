"""Who is banned as of when: by an actor's own behaviour, by its company, and who is spared."""

from fail2ban_ai.findings import Campaign, Member, ProposedNetwork
from fail2ban_ai.judge import COMPANY, LASTING, MEMBER, MOST_HITS, QUIET, QUIET_EACH, Judge, Limits

LIMITS = Limits(once=0.9, lasting=0.7, single=0.96)


def _campaign(*scores: float, surest: float = 0.95) -> Campaign:
    made = Campaign("c-1", "scan", 0.0, 100.0, 60.0, confidence=0.95, surest=surest)
    for i, score in enumerate(scores):
        made.members[f"192.0.2.{i}"] = Member(f"192.0.2.{i}", 1, 0.0, 100.0, score, reason="linked", offended=True)
    return made


def _seen(campaign: Campaign, time: float) -> None:
    """Its first member is seen again, and noted as campaigns.assemble notes it."""
    campaign.members["192.0.2.0"].last_seen = time
    campaign.fresh["192.0.2.0"] = None


def _judge(spared: str | None = None) -> Judge:
    return Judge(lambda target, *_: "known user" if target == spared else None, lambda _: 1, 0.96)


def test_one_event_is_not_enough_unless_it_is_unmistakable() -> None:
    judge = _judge()
    assert not judge.look("192.0.2.0", 1.0, 0.99, limits=LIMITS, unmistakable=False, events=1)
    assert not judge.look("192.0.2.0", 1.0, LIMITS.single, limits=LIMITS, unmistakable=False, events=1)
    assert judge.look("192.0.2.1", 1.0, LIMITS.single, limits=LIMITS, unmistakable=True, events=1)


def test_the_second_event_is_enough_from_the_threshold_on() -> None:
    judge = _judge()
    assert not judge.look("192.0.2.0", 1.0, 0.89, limits=LIMITS, unmistakable=False, events=2)
    assert judge.look("192.0.2.0", 2.0, 0.9, limits=LIMITS, unmistakable=False, events=3)
    verdicts = judge.decide(_campaign(0.9, surest=0.5), 120.0)
    assert [(v.target, v.action, v.at) for v in verdicts] == [("192.0.2.0", "ban", 120.0)]


def test_a_verdict_is_spoken_once() -> None:
    judge, campaign = _judge(), _campaign(0.9)
    judge.look("192.0.2.0", 1.0, 0.95, limits=LIMITS, unmistakable=False, events=2)
    assert judge.decide(campaign, 60.0)
    assert judge.decide(campaign, 120.0) == []


def test_members_of_a_certain_company_are_banned_and_of_an_uncertain_one_not() -> None:
    assert len(_judge().decide(_campaign(MEMBER, MEMBER, MEMBER, surest=COMPANY), 60.0)) == 3
    assert _judge().decide(_campaign(MEMBER, MEMBER, MEMBER, surest=COMPANY - 0.01), 60.0) == []
    assert _judge().decide(_campaign(MEMBER, MEMBER, surest=COMPANY), 60.0) == []
    weak = _judge().decide(_campaign(MEMBER, MEMBER, MEMBER - 0.01, surest=COMPANY), 60.0)
    assert [v.target for v in weak] == ["192.0.2.0", "192.0.2.1"]


def test_who_is_protected_is_refused_with_the_reason() -> None:
    judge, campaign = _judge(spared="192.0.2.1"), _campaign(0.8, 0.8, 0.8)
    verdicts = judge.decide(campaign, 60.0)
    assert [v.action for v in verdicts] == ["ban", "refused", "ban"]
    assert campaign.members["192.0.2.1"].decision == "refused"
    assert "known user" in campaign.members["192.0.2.1"].reason
    assert campaign.members["192.0.2.1"].events_before_decision is None


def test_company_convicts_nobody_who_only_fetched_what_is_there() -> None:
    campaign = _campaign(0.9, 0.9, 0.9, 0.9)
    campaign.members["192.0.2.3"].offended = False
    assert "192.0.2.3" not in {v.target for v in _judge().decide(campaign, 60.0)}


def test_no_network_is_banned_for_an_uncertain_campaign() -> None:
    campaign = _campaign(0.8, 0.8, 0.8, surest=COMPANY - 0.01)
    campaign.networks = [ProposedNetwork("192.0.2.0/24", 9, 0)]
    assert _judge().decide(campaign, 60.0) == []


def test_a_network_goes_through_the_same_gate() -> None:
    campaign = _campaign(0.8, 0.8, 0.8)
    campaign.networks = [ProposedNetwork("192.0.2.0/24", 9, 0), ProposedNetwork("198.51.100.0/24", 9, 0)]
    verdicts = _judge(spared="198.51.100.0/24").decide(campaign, 60.0)
    assert [(v.target, v.action) for v in verdicts if "/" in v.target] == [
        ("192.0.2.0/24", "ban"),
        ("198.51.100.0/24", "refused"),
    ]


def test_a_break_in_is_answered_with_a_ban_only_when_it_is_certain() -> None:
    campaign = _campaign(0.97, 0.95, surest=0.5)
    campaign.kind = "compromise"
    assert [v.target for v in _judge().decide(campaign, 60.0)] == ["192.0.2.0"]


def test_a_score_that_stays_high_is_enough_and_one_that_falls_starts_again() -> None:
    judge = _judge()
    seen = [judge.look("192.0.2.0", 1.0, 0.8, limits=LIMITS, unmistakable=False, events=i + 2) for i in range(LASTING)]
    assert seen == [False] * (LASTING - 1) + [True]
    falling = [0.8] * (LASTING - 1) + [0.6] + [0.8] * (LASTING - 1)
    assert not any(judge.look("192.0.2.1", 1.0, s, limits=LIMITS, unmistakable=False, events=9) for s in falling)


def test_whom_fail2ban_keeps_out_is_judged_when_that_is_over() -> None:
    judge = Judge(
        lambda *_: None,
        lambda _: 1,
        0.96,
        held=lambda actor, now: "sshd" if actor == "192.0.2.0" and now < 600 else None,
    )
    campaign = _campaign(0.9, 0.9, surest=0.5)
    for actor in campaign.members:
        judge.look(actor, 1.0, 0.95, limits=LIMITS, unmistakable=False, events=2)
    assert [v.target for v in judge.decide(campaign, 60.0)] == ["192.0.2.1"]
    assert campaign.members["192.0.2.0"].decision == "watch"
    assert campaign.members["192.0.2.0"].reason == "fail2ban has it (jail sshd)"
    assert [(v.target, v.at) for v in judge.decide(campaign, 660.0)] == [("192.0.2.0", 660.0)]


def test_a_network_whose_shorter_ban_has_ended_is_judged_anew_before_its_members_are() -> None:
    campaign = _campaign(0.9, 0.9, 0.9, surest=0.97)
    campaign.networks = [ProposedNetwork("192.0.2.0/28", 3, 0)]
    judge = Judge(lambda *_: None, lambda _: 1, 0.96, standing=lambda target: 500.0 if "/" in target else 1000.0)
    for actor in campaign.members:
        judge.look(actor, 1.0, 0.95, limits=LIMITS, unmistakable=False, events=2)
    assert {v.target for v in judge.decide(campaign, 60.0)} == {*campaign.members, "192.0.2.0/28"}
    campaign.members["192.0.2.1"].last_seen = 550.0
    assert judge.decide(campaign, 550.0) == []
    campaign.members["192.0.2.1"].last_seen = 600.0
    assert [v.target for v in judge.decide(campaign, 600.0)] == ["192.0.2.0/28"]


def test_who_goes_on_after_a_ban_has_ended_is_judged_anew() -> None:
    campaign = _campaign(0.9, surest=0.5)
    judge = Judge(lambda *_: None, lambda _: 1, 0.96, standing=lambda _: 1000.0)
    judge.look("192.0.2.0", 1.0, 0.95, limits=LIMITS, unmistakable=False, events=2)
    assert judge.decide(campaign, 60.0)
    _seen(campaign, 900.0)
    assert judge.lapse(900.0) == []
    assert judge.decide(campaign, 900.0) == []
    _seen(campaign, 1100.0)
    assert judge.lapse(1100.0) == ["192.0.2.0"]
    assert judge.decide(campaign, 1100.0) == []  # it was seen again, and did nothing yet
    judge.look("192.0.2.0", 1100.0, 0.95, limits=LIMITS, unmistakable=False, events=9)
    _seen(campaign, 1100.0)
    assert [v.at for v in judge.decide(campaign, 1140.0)] == [1140.0]


def test_who_behaved_well_is_not_convicted_by_one_odd_request() -> None:
    for quiet, hits in ((0, 1), (3, 1), (4, 2), (8, 3), (12, 4), (400, 4)):
        judge = _judge()
        for n in range(quiet):
            assert not judge.look("192.0.2.0", n, 0.01, limits=LIMITS, unmistakable=False, events=n + 1)
        crossed = [judge.look("192.0.2.0", 500, 0.95, limits=LIMITS, unmistakable=True, events=500) for _ in range(5)]
        assert crossed.index(True) + 1 == hits


def _in_company(*scores: float, in_wave: bool = False) -> bool:
    """Whether an actor with this course is banned as a member of a campaign that is certain."""
    judge, campaign = _judge(), _campaign(0.95, 0.95, 0.95, MEMBER)
    member = campaign.members["192.0.2.3"]
    member.in_wave = in_wave
    for n, score in enumerate(scores):
        assert not judge.look(member.actor, n, score, limits=LIMITS, unmistakable=False, events=n + 1)
    verdicts = judge.decide(campaign, 60.0)
    assert {f"192.0.2.{i}" for i in range(3)} <= {v.target for v in verdicts}
    return member.actor in {v.target for v in verdicts}


def test_who_behaved_well_but_for_a_moment_is_not_banned_for_its_company() -> None:
    """A visitor of an odd page loads its pictures then; an attacker who does little else is no such visitor."""
    quiet = [QUIET - 0.01] * QUIET_EACH
    assert not _in_company(MEMBER, *quiet)
    assert not _in_company(*quiet, 0.95), "not even for a moment at the threshold"
    assert not _in_company(*quiet * 2, MEMBER, MEMBER)
    assert _in_company(MEMBER, *quiet[1:])
    assert _in_company(MEMBER, MEMBER, *quiet)
    assert _in_company(*[QUIET] * 20), "no event speaks for it"
    assert _in_company(*quiet * 20, *[MEMBER] * MOST_HITS), "decoys buy no freedom"
    assert _in_company(), "whom the model was not asked about"


def test_a_log_in_wave_is_no_company_to_be_excused_from() -> None:
    """It was told from what is usual on its target: a password tried between honest visits to the site counts."""
    assert _in_company(MEMBER, *[0.0] * 40, in_wave=True)
    assert not _in_company(MEMBER, *[0.0] * 40)
