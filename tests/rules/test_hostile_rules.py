"""What the watcher's side may put there to get at root: refused with a sentence, and nothing of it is ever installed."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fail2ban_ai import paths
from fail2ban_ai.errors import RuleError
from fail2ban_ai.fail2ban.logs import JailSource
from fail2ban_ai.rules import decide, filter_file, jailfile, listing, store, suggestion
from fail2ban_ai.rules.services import SERVICES
from fail2ban_ai.rules.site import Site

from . import a_rule


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A suggestion that is as it should be."""
    log = tmp_path / "access.log"
    log.touch()
    return a_rule.write(log)


def refused(said: str, name: str = a_rule.NAME) -> None:
    """Neither shown nor approved; the list goes on and says why."""
    with pytest.raises(RuleError, match=said):
        decide.look(name)
    with pytest.raises(RuleError):
        decide.approve(Site(Path("/nonexistent")), name, "0" * 64, a_rule.proved)
    assert not (paths.rules() / name).exists()


@pytest.mark.parametrize("name", suggestion.FILES)
def test_a_link_instead_of_a_file_is_not_followed(folder: Path, name: str) -> None:
    secret = folder.parent / "secret"
    (folder / name).rename(secret)
    (folder / name).symlink_to(secret)
    refused("expected a regular file")


def test_a_second_name_of_a_file_is_not_taken(folder: Path) -> None:
    os.link(folder / "samples", folder.parent / "another name")
    refused("not a regular file of one name")


def test_a_folder_that_is_a_link_is_not_followed(folder: Path) -> None:
    real = folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(real)
    refused("expected a folder")


def test_a_pipe_does_not_make_root_wait(folder: Path) -> None:
    (folder / "samples").unlink()
    os.mkfifo(folder / "samples")
    refused("not a regular file")


@pytest.mark.parametrize(
    ("name", "size"), [("filter.conf", 1 << 17), (suggestion.RULE, 5 << 20), ("samples", 17 << 20)]
)
def test_a_huge_file_is_not_taken(folder: Path, name: str, size: int) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(size)
    refused("is larger than")


def test_further_files_are_not_taken(folder: Path) -> None:
    (folder / "action.conf").write_text("")
    refused("expected exactly the files")


@pytest.mark.parametrize(
    "name", ["../ai-x", "ai-", "sshd", "ai-x\n[sshd]", "ai-x/../../y", "ai-" + "x" * 41, "ai-X", ""]
)
def test_a_name_that_is_none_of_ours_is_refused(folder: Path, name: str) -> None:
    refused("expected the name of a rule", name)


def test_folders_with_other_names_are_passed_over(folder: Path) -> None:
    for name in ("sshd", "ai-a\n[sshd]", "ai-UP"):
        (folder.parent / name).mkdir()
    (folder.parent / "ai-file").touch()
    assert [one.name for one in listing.rules()] == [a_rule.NAME]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "ai-other"),
        ("name", "ai-x\nenabled = true"),
        ("jail__filter", "sshd"),
        ("jail__port", "http\naction = x"),
        ("jail__logpaths", ["/var/log/a.log\n[sshd]"]),
        ("jail__logpaths", ["/var/log/%(x)s"]),
        ("jail__backend", "systemd[journalfiles=/x]"),
        ("jail__bantime", -1),
        ("jail__maxretry", "1 ; x"),
        ("summary", "\x1b]0;x\x07"),
        ("summary", "\u202ekcatta"),
        ("jail__action", "iptables"),
    ],
)
def test_values_of_the_rule_that_mean_more_are_refused(folder: Path, key: str, value: object) -> None:
    a_rule.edit(folder, **{key: value})
    refused("rule.json")


GOOD = a_rule.FILTER.format(regex=a_rule.REGEX)


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "actionban = touch /tmp/x\n",
        GOOD + "[Init]\nactionban = x\n",
        GOOD.replace("[Definition]", "[DEFAULT]"),
        GOOD.replace("[Definition]", "[INCLUDES]\nbefore = sshd.conf\n[Definition]"),
        GOOD.replace("[Definition]", "[INCLUDES]\nafter = x.local\n[Definition]"),
        GOOD.replace("[Definition]", "[INCLUDES]\nbefore = common.conf\n         ../jail.local\n[Definition]"),
        GOOD.replace("shell|wso", "%(known/failregex)s"),
        GOOD.replace("shell|wso", "%(sshd/action)s"),
        GOOD.replace("shell|wso", "<action>").replace("[Definition]", "[Definition]\naction = x\n"),
        GOOD.replace("ignoreregex =", "ignoreregex = .*"),
        GOOD.replace("ignoreregex =", "ignorecommand = touch /tmp/x\nignoreregex ="),
        GOOD.replace("ignoreregex =", "maxlines = 100\nignoreregex ="),
        GOOD.replace("404", "404 ;"),
        GOOD.replace("failregex = ", "failregex: "),
        GOOD.replace("failregex = ", "Failregex = "),
        GOOD.replace("failregex", "failregex = x\nfailregex"),
        GOOD.replace("\n\nignore", "\r\n\nignore"),
        GOOD.replace("\n\nignore", "\u2028actionban = x\n\nignore"),
        GOOD.replace("({DATE})", "({DATE})|x"),
        "",
    ],
)
def test_a_filter_that_says_more_than_a_filter_is_refused(folder: Path, text: str) -> None:
    (folder / "filter.conf").write_text(text, newline="")
    refused("filter.conf")


@given(st.text(alphabet=st.sampled_from(" \n=:;#%()[]<>abDefinit\t\r\x0b\x85"), max_size=200))
@example("[Definition]\nfailregex = x\n  # y\n")
def test_no_text_breaks_the_reader_of_filters(text: str) -> None:
    try:
        found = filter_file.parse(text)
    except RuleError as error:
        assert str(error)
    else:
        assert found.failregex


def jail(**how: object) -> suggestion.Jail:
    return a_rule.rule(Path("/var/log/x.log"), **how).jail  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"bantime": 59},
        {"bantime": 29 * 86_400},
        {"findtime": 8 * 86_400},
        {"maxretry": 101},
        {"backend": "systemd", "journalmatch": "_SYSTEMD_UNIT=other.service"},
        {"backend": "systemd", "journalmatch": "_COMM=sshd"},
        {"backend": "systemd", "journalmatch": "_SYSTEMD_UNIT=ssh.service + _COMM=x"},
    ],
)
def test_a_jail_beyond_the_hosts_bounds_is_refused(tmp_path: Path, values: dict[str, object]) -> None:
    host = jailfile.known([JailSource("sshd", journalmatch=("_SYSTEMD_UNIT=ssh.service + _COMM=sshd",))], [])
    with pytest.raises(RuleError, match="jail"):
        jailfile.check(jail(**values), host)


def test_a_journal_that_a_jail_reads_may_be_read() -> None:
    host = jailfile.known([JailSource("sshd", journalmatch=("_SYSTEMD_UNIT=ssh.service + _COMM=sshd",))], [])
    jailfile.check(jail(backend="systemd", logpaths=(), journalmatch="_SYSTEMD_UNIT=ssh.service"), host)
    jailfile.check(
        jail(backend="systemd", logpaths=(), journalmatch="_SYSTEMD_UNIT=nginx.service"),
        jailfile.known([], ["journal:nginx.service"]),
    )


@pytest.mark.parametrize("service", [name for name, known in SERVICES.items() if known.journalmatch])
def test_what_a_suggested_rule_reads_of_the_journal_may_be_read(service: str) -> None:
    match = SERVICES[service].journalmatch
    stock = match.replace("ssh.service", "sshd.service + _COMM=sshd")  # fail2ban 1.0's, on Debian an alias
    host = jailfile.known([JailSource(service, journalmatch=(stock, match))], [])
    jailfile.check(jail(backend="systemd", logpaths=(), journalmatch=match), host)


def test_an_alias_of_a_unit_may_be_read_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sshd.service").symlink_to("/lib/systemd/system/ssh.service")
    monkeypatch.setattr("fail2ban_ai.sources.journal.FOLDERS", (str(tmp_path),))
    host = jailfile.known([JailSource("sshd", journalmatch=("_SYSTEMD_UNIT=sshd.service + _COMM=sshd",))], [])
    jailfile.check(jail(backend="systemd", logpaths=(), journalmatch=SERVICES["sshd"].journalmatch), host)


def test_what_is_only_read_by_root_is_closed_to_others(folder: Path) -> None:
    decide.look(a_rule.NAME)
    with store.locked():
        decide.reject(a_rule.NAME, "ours")
    assert paths.rules().stat().st_mode & 0o777 == 0o700
    negatives = json.loads((paths.rules() / ".negatives" / "ai-shells.rejected.jsonl").read_text().splitlines()[0])
    assert negatives["why"] == "ours"
