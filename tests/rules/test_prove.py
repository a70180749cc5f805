"""The proof with fail2ban's own code: a good rule passes every step, and each kind of bad one fails at its step."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fail2ban_ai.errors import Fail2banAbsent
from fail2ban_ai.fail2ban import code
from fail2ban_ai.rules import benign, hostile_lines, samples
from fail2ban_ai.rules.bench import Bench, Matches
from fail2ban_ai.rules.clusters import clusters
from fail2ban_ai.rules.forms import VICTIM, Form, Sample
from fail2ban_ai.rules.history import History
from fail2ban_ai.rules.jail import jail_of
from fail2ban_ai.rules.judged import Judged
from fail2ban_ai.rules.prove import prove, would_ban
from fail2ban_ai.rules.render import filter_conf, jail_conf
from fail2ban_ai.rules.suggest import whole
from fail2ban_ai.rules.suggestion import Step, Suggestion, dump_lines, read_lines, write
from fail2ban_ai.rules.synthesis import Draft, drafts

from .lines import honest, hostile, made_of, sshd, web

Folders = Callable[[str], Path]
STEPS = {"safe", "compiles", "recall", "later", "benign-shipped", "injection", "linear", "samples", "loads"}
WEB = [
    web(hour / 2 + n / 10, hostile(n), f"GET /{path}")
    for hour in range(3)
    for n in range(1, 11)
    for path in ("old/.env", "x;y/%2e%2e/<b>.php")
]
SSH = [
    sshd(n + i / 9, f"Invalid user {name} from {hostile(n)} port {50000 + i}")
    for i, name in enumerate(("oracle", "ubnt", "a b", "x%y"))
    for n in range(1, 9)
]

MAIL = [
    sshd(n + i / 9, "").replace(
        "sshd[4711]: ",
        f"dovecot: imap-login: Disconnected (auth failed, 1 attempts in {2 + n % 3} secs): user=<{name}@example.org>, "
        f"method=PLAIN, rip={hostile(n)}, lip=192.0.2.164, TLS, session=<{'aZ+/09'[n % 6] * 5}{n}{i}>",
    )
    for i, name in enumerate(("info", "sales"))
    for n in range(1, 9)
]


def guessed(stamp: str, text: str) -> list[str]:
    """Eight addresses that try three accounts each, in a log with such stamps."""
    lines = []
    for i, name in enumerate(("oracle", "ubnt", "guest")):
        for n in range(1, 9):
            when = datetime.fromtimestamp(1_773_014_400 + n * 3600 + i * 400, UTC)
            lines.append(when.strftime(stamp) + text.format(name=name, ip=hostile(n), n=n))
    return lines


SYSLOG, CTIME, ISO = "%Y-%m-%dT%H:%M:%S.000000+00:00 host ", "%a %b %d %H:%M:%S %Y ", "%Y-%m-%d %H:%M:%S "
PAM = "authentication failure; logname= uid=0 euid=0 tty=ftp ruser={name} rhost={ip}"
GUESSED = {
    "proftpd": guessed(
        SYSLOG,
        "proftpd[71{n}]: host.example.org ({ip}[{ip}]) - USER {name}: no such user found from {ip} [{ip}] to 192.0.2.164:21",
    ),
    "proftpd-names": guessed(
        SYSLOG, "proftpd[71{n}]: host (c{n}.example.net[{ip}]) - USER {name} (Login failed): No such user found"
    ),
    "vsftpd": guessed(CTIME, '[pid 43{n}] [{name}] FAIL LOGIN: Client "::ffff:{ip}"'),
    "vsftpd-pam": guessed(SYSLOG, f"vsftpd: pam_unix(vsftpd:auth): {PAM}"),
    "exim": guessed(
        ISO, "login authenticator failed for (c{n}) [{ip}]: 535 Incorrect authentication data (set_id={name})"
    ),
    "exim-pid": guessed(
        ISO,
        "[43{n}] login authenticator failed for c{n}.example.net (c{n}) [{ip}]:50{n}1: 535 Incorrect authentication data (set_id={name})",
    ),
}


def written(out: Path, lines: list[str], path: str) -> Path:
    """A suggestion made of a log, not proved yet."""
    made = clusters(made_of(lines, path), sources=3, windows=2)[0]
    draft: Draft = drafts(made[0])[0][0]
    name = f"ai-{draft.cluster.service}-test"
    regexes = tuple(form.regex for form in draft.forms)
    service = draft.cluster.service
    jail = jail_of(name, draft)
    assert jail is not None
    rule = Suggestion(name, draft.cluster.kind, 1.0, ("c-1",), 10, 2, "A test.", regexes, jail, (), (), {})
    files = {
        "filter.conf": filter_conf(service, regexes, title="test", purpose="A test.", notes=[]),
        "jail.conf": jail_conf(jail),
        "samples": samples.compose(draft.forms, benign.examples(service, lines[0], 3)),
        "lines.jsonl": dump_lines(whole(draft)),
        "evidence.md": "x",
    }
    write(out / name, rule, files)
    return out / name


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    try:
        code.interpreter()
    except Fail2banAbsent as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("rules")
    return {
        "web": written(out, WEB, "/var/log/nginx/access.log"),
        "sshd": written(out, SSH, "/var/log/auth.log"),
        "dovecot": written(out, MAIL, "/var/log/mail.log"),
        **{name: written(out / name, lines, f"/var/log/{name}.log") for name, lines in GUESSED.items()},
    }


@pytest.fixture
def folders(originals: dict[str, Path], tmp_path: Path) -> Iterator[Folders]:
    """A copy of a suggestion to spoil."""

    def copy(service: str) -> Path:
        shutil.copytree(originals[service], tmp_path / originals[service].name)
        return tmp_path / originals[service].name

    yield copy


def outcome(steps: tuple[Step, ...]) -> dict[str, bool]:
    return {step.name: step.ok for step in steps}


def failed(steps: tuple[Step, ...]) -> dict[str, str]:
    return {step.name: step.detail for step in steps if not step.ok}


def edit(folder: Path, old: str, new: str, name: str = "filter.conf") -> Path:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize("service", ["web", "sshd", "dovecot", *GUESSED])
def test_a_rule_of_each_template_passes_every_step(originals: dict[str, Path], service: str) -> None:
    steps = prove(originals[service])
    assert failed(steps) == {}
    assert outcome(steps).keys() == STEPS
    by_name = {step.name: step for step in steps}
    assert by_name["recall"].figures["share"] == 1.0
    assert by_name["injection"].figures["lines"] > 100
    assert by_name["benign-shipped"].figures["lines"] > (500 if service in ("web", "sshd", "dovecot") else 4)


def test_a_filter_that_our_templates_do_not_write_never_reaches_fail2ban(folders: Folders) -> None:
    folder = folders("web")
    good = (folder / "filter.conf").read_text()
    for bad, told in (
        (good.replace("[Definition]", "[INCLUDES]\nbefore = /etc/passwd\n[Definition]"), "before"),
        (good + "\nprefregex = ^(a+)+$\n", "prefregex"),
        (good.replace("ignoreregex =", "ignoreregex = x"), "ignoreregex"),
        (good.replace("{DATE}", "(a+)+{DATE}"), "datepattern"),
        (good.replace("%%2e", "%(failregex)s"), "%"),
        (good.replace("/old/", "/old ;/"), "' ;'"),
        (good.replace("/old/", "/öld/"), "ASCII"),
        (good.replace("GET", "(?:G+)+ET"), "repeat"),
        (good.replace("$\n", ".*$\n", 1), "unbounded"),
        (good.replace("^<ADDR>", "^.{1,90}: <ADDR>"), "may hold"),
        (good.replace("<ADDR>", "<HOST>"), "tag"),
        ("", "failregex"),
    ):
        (folder / "filter.conf").write_text(bad)
        steps = prove(folder)
        assert [step.name for step in steps] == ["safe"]
        assert told in failed(steps)["safe"], (told, failed(steps))


def test_a_filter_that_misses_the_lines_fails_at_recall(folders: Folders) -> None:
    steps = prove(edit(folders("web"), r"/old/\.env", r"/new/\.env"))
    assert {"recall", "later", "samples"} <= failed(steps).keys()


def test_a_rule_that_hits_an_honest_client_elsewhere_fails(folders: Folders) -> None:
    steps = prove(edit(folders("web"), r"/old/\.env", r"[^\s\"]{1,99}"))
    assert "benign-shipped" in failed(steps)


def test_an_open_tail_in_a_message_is_refused_and_would_be_taken(folders: Folders) -> None:
    folder = edit(folders("sshd"), r" port \d{1,5}$", " .{0,90}$")
    assert "may hold blanks" in failed(prove(folder))["safe"]
    tried = list(hostile_lines.injected(read_lines(folder), "sshd"))
    with Bench(folder.name, (folder / "filter.conf").read_text()) as bench, Matches(bench.job("match")) as matches:
        taken = [tried[i][1] for i, _, address in matches.of(line for _, line in tried) if address == VICTIM]
    assert any(f"Invalid user oracle from {VICTIM} port 22 from 198.51.100." in line for line in taken)


def test_a_name_that_imitates_the_line_is_not_taken(originals: dict[str, Path]) -> None:
    folder = originals["sshd"]
    lines = [
        sshd(1, f"Invalid user oracle from {VICTIM} port 22 from {hostile(1)} port 50000"),
        sshd(1, f"Invalid user {VICTIM} from {hostile(1)} port 50000"),
        sshd(1, f"Invalid user oracle from {hostile(1)} port 50000 from {VICTIM} port 22"),
    ]
    with Bench(folder.name, (folder / "filter.conf").read_text()) as bench, Matches(bench.job("match")) as matches:
        assert list(matches.of(lines)) == []


@pytest.mark.parametrize(
    "bad",
    [
        '# failJSON: {"match": true, "constraint": "__import__(\'os\').mkdir(\'/tmp/f2b-evaluated\')"}\nx',
        "# filterOptions: [{\"test.condition\": \"__import__('os').mkdir('/tmp/f2b-evaluated')\"}]",
        '# addFILE: "../../../etc/passwd"',
        '##failJSON: {"match": true, "constraint": "1"}',
        '# failJSON: {"match": true}',
        "x",
    ],
)
def test_no_python_of_a_sample_file_is_run(folders: Folders, bad: str) -> None:
    folder = folders("web")
    text = (folder / "samples").read_text()
    (folder / "samples").write_text(text + bad + "\n")
    assert "samples" in failed(prove(folder))
    assert not Path("/tmp/f2b-evaluated").exists()


def test_a_sample_that_says_otherwise_fails(folders: Folders) -> None:
    steps = prove(edit(folders("web"), '"match": false', '"match": true', "samples"))
    assert failed(steps).keys() == {"samples"}


def test_the_hosts_own_honest_clients_fail_a_rule(originals: dict[str, Path], tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    lines = [*WEB, web(2, honest(1), "GET /old/.env"), web(3, honest(2), "GET /")]
    log.write_text("".join(f"{line}\n" for line in lines))
    known = read_lines(originals["web"])
    judged = Judged(hostile={line.address: "c-1" for line in known})
    steps = {step.name: step for step in prove(originals["web"], history=History([str(log)], judged))}
    assert not steps["benign-history"].ok
    assert steps["benign-history"].figures["hits"] == 1.0
    assert honest(1) in steps["benign-history"].detail
    judged.doubtful.add(honest(1))
    again = {step.name: step for step in prove(originals["web"], history=History([str(log)], judged))}
    assert again["benign-history"].ok
    assert again["benign-history"].figures["doubtful"] == 1.0


def test_logs_alone_are_analysed_where_a_stranger_is_hit(originals: dict[str, Path], tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        "".join(f"{line}\n" for line in [*WEB, web(2, honest(1), "GET /old/.env"), web(2.1, honest(1), "GET /", 200)])
    )
    steps = {step.name: step for step in prove(originals["web"], logs=[str(log)])}
    assert steps["benign-history"].figures["lines"] == len(WEB) + 2


def test_whom_it_would_have_banned(originals: dict[str, Path], tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("".join(f"{line}\n" for line in WEB))
    bans = would_ban(originals["web"], [str(log)], maxretry=2)
    assert {ban.address for ban in bans} == {hostile(n) for n in range(1, 11)}
    assert [ban.at for ban in bans] == sorted(ban.at for ban in bans)
    first = min(ban.at for ban in bans if ban.address == hostile(1))
    assert all(ban.line.startswith(f"{ban.address} - - ") for ban in bans)
    hours = [datetime.fromtimestamp(ban.at, UTC).strftime("[%d/%b/%Y:%H:%M:%S") for ban in bans]
    assert all(hour in ban.line for hour, ban in zip(hours, bans, strict=True))
    assert first == 1_773_014_400.0 + 0.1 * 3600  # its second line, in the same second as the first
    assert would_ban(originals["web"], [str(log)], maxretry=100) == ()


def test_without_fail2ban_it_says_so(originals: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(Fail2banAbsent, match=r"common\.conf"):
        prove(originals["web"], config=str(tmp_path))


def test_samples_hold_no_line_of_the_log(originals: dict[str, Path]) -> None:
    for folder in originals.values():
        text = (folder / "samples").read_text()
        assert "198.51.100.1" not in text
        assert not any(line.text in text for line in read_lines(folder))
        samples.check(text)


def test_a_sample_is_a_line_of_its_form() -> None:
    sample = Sample("192.0.2.1 x", True)
    text = samples.compose([Form("^<ADDR> x$", (sample,), (replace(sample, match=False, note="n"),))], ["y"])
    samples.check(text)
    assert text.count('"match": true') == 1
