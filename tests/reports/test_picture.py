"""The picture of a campaign: every event of few, a sample of many, and how often each target was touched."""

from datetime import timedelta

from fail2ban_ai import findings
from fail2ban_ai.campaigns.components import TIMES_EACH
from fail2ban_ai.campaigns.components import Actor as Suspect
from fail2ban_ai.findings import Evidence, Sighting
from fail2ban_ai.reports import html, picture
from tests.reports.made import START, campaign, report

BEGAN = START.timestamp() + 37_000  # when the first actor of made.campaign() was first seen


def found(made, times):
    """The campaign behind the report's one, each actor with events at these seconds."""
    members = {a.address: findings.Member(a.address, 1, BEGAN, BEGAN, 0.9) for a in made.actors}
    for member in members.values():
        member.times = [BEGAN + second for second in times]
    values = (made.id, made.kind, BEGAN, BEGAN, BEGAN)
    return findings.Campaign(*values, members=members, targets=["/admin"], touches=[7])


def test_few_actors_show_their_events_and_targets_their_counts() -> None:
    made = campaign(actors=2)
    drawn = picture.build(made, {}, found(made, [0, 300, 300, 500]))
    assert [len(row.events) for row in drawn.rows] == [3, 3]
    assert [(t.count, t.width) for t in drawn.targets] == [(7, "100.0%")]
    page = html.render(report(made), (), [found(made, [0, 300])])
    assert page.count('class="event"') == 5  # one explains them
    assert html.render(report(made)).count('class="event"') == 0


def test_of_a_crowd_the_first_ones_show_theirs() -> None:
    made = campaign(actors=300)
    drawn = picture.build(made, {}, found(made, [0, 60]))
    assert len(drawn.lanes) == picture.LANES
    assert drawn.height == picture.build(made, {}).height + 4 * picture.LANES


def test_what_an_actor_did_is_sampled_over_all_of_its_time() -> None:
    suspect = Suspect("192.0.2.1", "192.0.2.0/24", BEGAN, BEGAN)
    for number in range(1000):
        at = BEGAN + 60 * number
        line = Evidence("a.log", number, "a line", at)
        said = {"account": None, "path": f"/{number}", "agent": None, "method": "GET", "status": 404, "attack": None}
        suspect.add(Sighting(at, "192.0.2.1", "192.0.2.1", "web", "request", 0.9, "scan", **said, evidence=line))
    assert TIMES_EACH / 2 <= len(suspect.times) < TIMES_EACH
    gaps = [b - a for a, b in zip(suspect.times, suspect.times[1:], strict=False)]
    assert max(gaps) < timedelta(hours=1.2).total_seconds()
    assert suspect.times[-1] > at - 3600 * 1.2
