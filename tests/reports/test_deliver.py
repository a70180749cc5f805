"""What is sent, to real receivers: once for each campaign and change, nothing secret said when it fails."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai import paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.config import Settings, load
from fail2ban_ai.enforce import notices
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.reports import cef, ecs, notify, schema
from fail2ban_ai.reports import courier as courier_module
from fail2ban_ai.reports.alerts import alerts
from fail2ban_ai.reports.courier import Courier
from fail2ban_ai.reports.deliver import Delivery
from fail2ban_ai.reports.news import KEPT, Memory
from fail2ban_ai.training.simulator import attack
from tests.reports.made import HOSTILE, actor, campaign, report
from tests.reports.receivers import WebHook, datagrams, read_cef, read_syslog, syslog_by_tcp

# Apprise loads all of its plugins, one of which reads pictures with a module that Python 3.13 takes away.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SECRET = "s3cr3tT0ken"


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.config().parent.mkdir(parents=True)
    paths.decisions().parent.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def hook() -> Iterator[WebHook]:
    made = WebHook()
    yield made
    made.close()


def url(hook: WebHook) -> str:
    return f"json://user:{SECRET}@127.0.0.1:{hook.port}/{SECRET}"


def told(hook: WebHook, **more: object) -> Settings:
    return Settings.model_validate({"notify": {"urls": [url(hook)], "severity": "medium", **more}})


def test_a_campaign_is_told_once_and_again_when_it_is_worse(hook: WebHook) -> None:
    one = campaign(2, 12)
    assert Delivery(told(hook)).deliver(report(one)) == []
    assert len(hook.posted) == 1
    message = hook.posted[0]
    assert "medium credential stuffing" in message["title"]
    assert one.summary in message["message"]
    assert one.recommendation in message["message"]
    assert "Would ban: 198." in message["message"]
    assert "and 7 more targets" in message["message"]
    assert one.id in message["message"]
    for again in (one, one.model_copy(update={"actors": [*one.actors, actor(2900)]})):
        assert Delivery(told(hook)).deliver(report(again)) == []
    assert len(hook.posted) == 1, "one more address is no news"
    worse = one.model_copy(update={"kind": "compromise", "severity": "critical"})
    assert Delivery(told(hook)).deliver(report(worse)) == []
    assert "(changed)" in hook.posted[1]["title"]
    assert "it is now compromise, it was credential stuffing" in hook.posted[1]["message"]
    grown = worse.model_copy(update={"actors": [actor(2000 + i) for i in range(30)]})
    for _ in range(2):
        assert Delivery(told(hook)).deliver(report(grown)) == []
    assert "it grew from 12 to 30 addresses" in hook.posted[2]["message"]
    assert len(hook.posted) == 3


def test_little_by_little_is_growth_too(hook: WebHook) -> None:
    for number in range(10, 31, 2):
        one = campaign(2, 2).model_copy(update={"actors": [actor(2000 + i) for i in range(number)]})
        Delivery(told(hook)).deliver(report(one))
    assert len(hook.posted) == 2
    assert "it grew from 10 to 20 addresses" in hook.posted[1]["message"]


def test_the_same_campaign_under_another_id_is_known_by_its_addresses(hook: WebHook) -> None:
    one = campaign(2, 12)
    Delivery(told(hook)).deliver(report(one))
    other = one.model_copy(update={"id": "20260316-ffffffff", "actors": one.actors[3:]})
    Delivery(told(hook)).deliver(report(other))
    assert len(hook.posted) == 1
    later = timedelta(days=30)
    times = {"first_seen": one.first_seen + later, "last_seen": one.last_seen + later}
    Delivery(told(hook)).deliver(report(other.model_copy(update={"id": "20260415-ffffffff", **times})))
    assert len(hook.posted) == 2, "back after a month is news"


def test_what_is_too_weak_or_only_watched_is_not_told(hook: WebHook) -> None:
    watched = campaign(2).model_copy(update={"actors": [actor(i, decision="watch") for i in range(9)]})
    weak = campaign(3, 5)
    assert weak.severity == "low"
    assert Delivery(told(hook)).deliver(report(watched, weak)) == []
    assert hook.posted == []


def test_many_at_once_are_one_message(hook: WebHook) -> None:
    Delivery(told(hook, severity="low")).deliver(report(*(campaign(i) for i in range(1, 41))))
    (message,) = hook.posted
    assert "40 campaigns" in message["title"]
    assert "the worst critical" in message["title"]
    assert "and 20 more campaigns" in message["message"]
    Delivery(told(hook, severity="low")).deliver(report(*(campaign(i) for i in range(1, 41))))
    assert len(hook.posted) == 1


def test_a_failure_stops_nothing_names_no_secret_and_is_tried_again(
    hook: WebHook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    delivery = Delivery(told(hook))
    problems = delivery.deliver(report(campaign(2), campaign(4)))
    assert problems == ["notification service 1 of 1 (json) did not take a message"]
    assert len(hook.paths) == 1, "the second message does not wait for the same failure"
    hook.status = 200
    assert delivery.deliver(report(campaign(2), campaign(4))) == []
    assert len(hook.posted) == 2
    nonsense = Settings.model_validate({"notify": {"urls": [f"nonsense://{SECRET}@x", SECRET]}})
    problems = Delivery(nonsense).deliver(report(campaign(1)))
    assert len(problems) == 2
    out, err = capfd.readouterr()
    assert SECRET not in "".join([*problems, out, err, caplog.text, repr(nonsense), str(told(hook))])


def test_one_service_of_two_is_enough(hook: WebHook) -> None:
    both = Settings.model_validate({"notify": {"urls": ["json://127.0.0.1:9/", url(hook)], "severity": "low"}})
    assert len(Delivery(both).deliver(report(campaign(2)))) == 1
    assert Delivery(both).deliver(report(campaign(2))) == []
    assert len(hook.posted) == 1


def test_urls_may_stand_in_a_file(hook: WebHook, tmp_path: Path) -> None:
    file = tmp_path / "urls"
    settings = Settings.model_validate({"notify": {"urls_file": str(file), "severity": "low"}})
    assert "No such file" in Delivery(settings).deliver(report(campaign()))[0]
    file.write_text(f"# chat\n\n{url(hook)}\n")
    assert Delivery(settings).deliver(report(campaign())) == []
    assert len(hook.posted) == 1


def test_without_apprise_it_is_said(hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    assert "fail2ban-ai[notify]" in Delivery(told(hook)).deliver(report(campaign()))[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_log_text_in_a_message_calls_nobody_and_links_nowhere(text: str) -> None:
    for one in (text, f"@everyone {text} https://192.0.2.1/"):
        news = Memory(Path("/nonexistent")).news(report(campaign(1, 2, one)))
        settings = Settings.model_validate({"notify": {"severity": "low"}}).notify
        (message,) = notify.messages(news, settings, "observe", "host")
        assert all(c.isprintable() or c in "\n\u2060" for c in message.body)
        assert "://" not in message.body
        assert "@everyone" not in message.body


def test_a_full_disk_repeats_nothing_in_one_process(hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(paths, "replace", full)
    delivery = Delivery(told(hook))
    (problem,) = delivery.deliver(report(campaign(2)))
    assert "No space left" in problem
    assert delivery.deliver(report(campaign(2))) == []
    assert len(hook.posted) == 1


@pytest.mark.parametrize("held", ["", "[]", '{"a": 1}', '{"a": {"kind": 5}}', "\x00\xff"])
def test_a_damaged_memory_tells_again(hook: WebHook, held: str) -> None:
    file = paths.decisions().with_name("delivered") / "notify.json"
    file.parent.mkdir()
    file.write_text(held)
    assert Delivery(told(hook)).deliver(report(campaign(2))) == []
    assert len(hook.posted) == 1


def test_the_memory_is_bounded(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "m.json")
    small = campaign(1, 30)
    for number in range(KEPT + 50):
        moved = {"id": f"c-{number}", "last_seen": small.last_seen + timedelta(seconds=number)}
        for news in Memory(tmp_path / "none").news(report(small.model_copy(update=moved))):
            memory.note(news)
    memory.save()
    assert len(memory.told) == KEPT
    assert "c-0" not in memory.told
    assert memory.file.stat().st_size < 2_000_000


def test_the_enforcer_is_heard_once(hook: WebHook) -> None:
    notices.say("breaker", "201 bans in an hour: nothing is banned until you look.")
    hook.status = 500
    assert len(Delivery(told(hook)).notices()) == 1
    hook.status = 200
    for _ in range(2):
        assert Delivery(told(hook)).notices() == []
    (message,) = hook.posted
    assert "201 bans in an hour" in message["message"]
    notices.say("trial", "Enforcing went back to observe: nobody confirmed it.")
    assert Delivery(told(hook)).notices() == []
    assert "201 bans" not in hook.posted[1]["message"]
    assert "went back to observe" in hook.posted[1]["message"]


def siem(**more: object) -> Settings:
    return Settings.model_validate({"siem": more})


def test_ecs_documents_go_to_a_file_once(tmp_path: Path) -> None:
    file = tmp_path / "ecs.json"
    one = campaign(2, 3)
    for _ in range(2):
        assert Delivery(siem(ecs_file=str(file))).deliver(report(one, mode="enforce")) == []
    documents = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(documents) == 4
    assert file.stat().st_mode & 0o007 == 0
    first, *each = documents
    assert first["event"]["kind"] == "alert"
    assert first["event"]["category"] == ["intrusion_detection"]
    assert first["event"]["action"] == "found"
    assert first["threat"]["technique"]["id"] == ["T1110"]
    assert first["threat"]["technique"]["subtechnique"]["id"] == ["T1110.004"]
    assert first["threat"]["tactic"]["id"] == ["TA0006"]
    assert first["related"]["ip"] == [a.address for a in one.actors]
    assert [d["source"]["ip"] for d in each] == [a.address for a in one.actors]
    assert {d["event"]["action"] for d in each} == {"ban"}
    assert {d["event"]["type"][0] for d in each} == {"denied"}
    assert len({d["event"]["id"] for d in documents}) == 4
    assert all(d["@timestamp"].endswith("Z") and d["ecs"]["version"] for d in documents)
    more = one.model_copy(update={"actors": [*one.actors, actor(2900)]})
    Delivery(siem(ecs_file=str(file))).deliver(report(more))
    assert [json.loads(line)["event"]["action"] for line in file.read_text().splitlines()[4:]] == ["would-ban"]


def test_a_network_is_no_ip_of_ecs(tmp_path: Path) -> None:
    net = {"cidr": "2001:db8:1:2::/64", "decision": "ban", "hostile_seen": 9, "benign_seen": 0, "reason": "crowded"}
    net["decided_at"] = campaign().detected_at.isoformat()  # type: ignore[assignment]
    one = campaign(2, 1, networks=[net])
    news = Memory(tmp_path / "none").news(report(one))
    documents = [ecs.document(alert, "host") for alert in alerts(news[0], "observe")]
    network = next(d for d in documents if d.get("source", {}).get("address") == "2001:db8:1:2::/64")
    assert "ip" not in network["source"]
    lines = [read_cef(cef.line(alert, "host"))[1] for alert in alerts(news[0], "observe")]
    assert any(fields.get("cs3") == "2001:db8:1:2::/64" and "src" not in fields for fields in lines)


def test_a_file_grown_large_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecs, "FILE_LIMIT", 1000)
    file = tmp_path / "ecs.json"
    for number in (1, 2):
        Delivery(siem(ecs_file=str(file))).deliver(report(campaign(number)))
    assert len(file.read_text().splitlines()) == len((tmp_path / "ecs.json.1").read_text().splitlines()) == 4


@pytest.mark.parametrize("local", [False, True])
def test_cef_arrives_by_datagram(tmp_path: Path, local: bool) -> None:
    with datagrams(tmp_path / "log" if local else None) as (setting, listening):
        assert Delivery(siem(syslog=setting)).deliver(report(campaign(1, 2))) == []
        got = [listening.recv(65536).decode() for _ in range(3)]
    priority, host, tag, rest = read_syslog(got[0])
    assert priority == 10 * 8 + 3
    assert bool(host) is not local
    assert tag == ("fail2ban-ai" if local else "")
    header, fields = read_cef(rest)
    assert header[:3] == ["CEF:0", "fail2ban-ai", "fail2ban-ai"]
    assert header[4:] == ["credential_stuffing", "Credential stuffing", "8"]
    assert fields["externalId"] == campaign(1).id
    assert fields["msg"] == campaign(1, 2).summary
    sources = [read_cef(read_syslog(message)[3])[1]["src"] for message in got[1:]]
    assert sources == [a.address for a in campaign(1, 2).actors]


def test_cef_arrives_by_tcp_line_by_line() -> None:
    with syslog_by_tcp() as (setting, got, done):
        assert (
            Delivery(siem(syslog=setting)).deliver(report(*(campaign(i, 2, t) for i, t in enumerate(HOSTILE, 1)))) == []
        )
        assert done.wait(10)
    assert len(got) == 3 * len(HOSTILE)
    for message in got:
        read_cef(read_syslog(message)[3])


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text("|\\=\n\r a=b", max_size=200)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_any_text_comes_through_cef_as_it_is_shown(text: str) -> None:
    one = campaign(1, 1, targets=[text or "x"], summary=text)
    (news,) = Memory(Path("/nonexistent")).news(report(one))
    alert = next(iter(alerts(news, "observe")))
    line = cef.line(alert, "host|a=b\\c")
    assert line.isprintable()
    header, fields = read_cef(line)
    assert len(header) == 7
    assert fields["dvchost"] == "host|a=b\\c"
    if text.isprintable() and text:
        assert fields["msg"] == text
        assert fields["cs2"] == text
    assert json.loads(json.dumps(ecs.document(alert, "h")))["message"] == text


def test_a_siem_that_is_down_is_told_and_sent_everything_later(tmp_path: Path) -> None:
    file = tmp_path / "ecs.json"
    with syslog_by_tcp() as (setting, _, _):
        pass
    both = siem(syslog=setting, ecs_file=str(file))
    (problem,) = Delivery(both).deliver(report(campaign()))
    assert "refused" in problem
    assert len(file.read_text().splitlines()) == 4, "the file does not wait for the server"
    with datagrams() as (other, listening):
        assert Delivery(siem(syslog=other, ecs_file=str(file))).deliver(report(campaign())) == []
        assert len([listening.recv(65536) for _ in range(4)]) == 4
    assert len(file.read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"notify": {"severity": "awful"}}, "notify.severity"),
        ({"notify": {"url": SECRET}}, "known are urls, urls_file, severity"),
        ({"notify": {"urls": [{"a": SECRET}]}}, "notify.urls"),
        ({"notify": SECRET}, "notify"),
        ({"siem": {"syslog": "http://siem.example.com"}}, "udp://HOST:PORT"),
        ({"siem": {"syslog": "udp://siem.example.com:99999"}}, "siem.syslog"),
    ],
)
def test_a_wrong_setting_is_named_without_what_it_holds(section: dict[str, object], named: str) -> None:
    paths.config().write_text(json.dumps(section))
    with pytest.raises(ConfigError) as caught:
        load()
    assert named in str(caught.value)
    assert SECRET not in str(caught.value)


def test_analyze_on_configured_sources_delivers_and_on_named_files_does_not(hook: WebHook, host: Path) -> None:
    logs = [str(path) for path in attack("stuffing_net", 11).write(host / "logs")]
    values = {"sources": logs, "zones": {"*": "UTC"}, "siem": {"ecs_file": str(host / "ecs.json")}}
    paths.config().write_text(json.dumps(values | {"notify": {"urls": [url(hook)], "severity": "low"}}))
    assert CliRunner().invoke(cli, ["analyze", *logs], catch_exceptions=False).exit_code == 0
    assert hook.posted == []
    result = CliRunner().invoke(cli, ["analyze", "--json"], catch_exceptions=False)
    found = schema.Report.model_validate_json(result.stdout)
    assert len(hook.posted) >= 1
    lines = [json.loads(line) for line in (host / "ecs.json").read_text().splitlines()]
    banned = {a.address for c in found.campaigns for a in c.actors if a.decision == "ban"}
    assert banned
    assert banned <= {d["source"].get("ip") or d["source"]["address"] for d in lines if d.get("source")}
    hook.status = 500
    again = CliRunner().invoke(cli, ["analyze"], catch_exceptions=False)
    assert again.exit_code == 0
    assert len((host / "ecs.json").read_text().splitlines()) == len(lines)


def recent(number: int = 2, actors: int = 3) -> schema.Campaign:
    now = datetime.now(UTC)
    return campaign(number, actors, first_seen=now - timedelta(hours=1), last_seen=now, detected_at=now)


def until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_the_courier_delivers_beside_the_run_and_tries_again(hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str | None] = []
    courier = Courier(told(hook), said.append)

    def next_outcome() -> bool:
        before = len(said)

        def handed() -> bool:
            courier.hand(None)
            return len(said) > before

        return until(handed)

    hook.status = 500
    courier.hand(report(recent(), campaign(4)))  # the second one ended long ago
    assert next_outcome()
    assert said == ["notification service 1 of 1 (json) did not take a message"]
    courier.hand(report(recent(6)))
    assert len(hook.paths) == 1, "not at once again"
    hook.status = 200
    monkeypatch.setattr(courier_module, "AGAIN", 0.0)
    assert next_outcome()
    assert said[-1] is None
    assert len(hook.posted) == 2
    notices.say("repaired", "3 bans are blocked again.")
    assert until(lambda: courier.hand(None) or len(hook.posted) == 3)


def test_a_service_that_does_not_answer_holds_up_nothing(host: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        slow = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=3&cto=3"
        settings = Settings.model_validate({"notify": {"urls": [slow], "severity": "low"}})
        courier = Courier(settings, lambda _: None)
        start = time.monotonic()
        for number in range(1, 50):
            courier.hand(report(recent(number)))
        assert time.monotonic() - start < 2


def test_without_receivers_the_courier_starts_nothing() -> None:
    before = threading.active_count()
    Courier(Settings(), lambda _: None).hand(report(recent()))
    assert threading.active_count() == before
