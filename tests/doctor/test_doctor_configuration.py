"""doctor on broken configurations, each beside a twin that only looks like it. fail2ban's own code reads them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2ban_ai import doctor
from fail2ban_ai.doctor import ai_jails, child, configuration, filters
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import LEVELS, Result
from fail2ban_ai.fail2ban import jails

pytestmark = pytest.mark.bench

AI_JAILS = "[fail2ban-ai]\nenabled = true\n[fail2ban-ai-net]\nenabled = true\n[fail2ban-ai-limit]\nenabled = true\n"


class Folder:
    """A copy of the distribution's configuration with our files, a jail `x` with a filter `x`, and what a test adds."""

    def __init__(self, path: Path) -> None:
        self.path = path / "fail2ban"
        shutil.copytree("/etc/fail2ban", self.path, ignore=shutil.ignore_patterns("*.local", "jail.d"))
        (self.path / "jail.d").mkdir()
        for name, source in jails.shipped().items():
            shutil.copyfile(source, self.path / name)
        self.log = path / "x.log"
        self.log.touch()
        self.jail()

    def jail(self, text: str = "", *, name: str = "x", logpath: str | None = None) -> None:
        path = f"logpath = {self.log if logpath is None else logpath}\n"
        head = f"[{name}]\nenabled = true\nfilter = x\nbackend = polling\n{path}"
        (self.path / "jail.d" / "x.local").write_text(f"{head}{text}\n{AI_JAILS}")

    def filter(self, regex: str) -> None:
        (self.path / "filter.d" / "x.conf").write_text(f"[Definition]\nfailregex = {regex}\nignoreregex =\n")

    def host(self) -> Host:
        return Host(self.path)


@pytest.fixture
def folder(bench_host: None, tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.filter("^failed login from <ADDR>$")
    return made


def worst(found: list[Result]) -> str:
    return max((result.level for result in found), key=LEVELS.index, default="ok")


def test_a_sound_configuration_has_nothing_wrong(folder: Folder) -> None:
    # The stock files of the distribution are the largest twin there is.
    found = [
        result
        for check in (*configuration.CHECKS, *filters.CHECKS, *ai_jails.CHECKS)
        for result in check(folder.host())
        if check is not ai_jails.ai_jails_run
    ]
    assert [result for result in found if result.level in ("warning", "error")] == []


@pytest.mark.parametrize(
    ("regex", "said"),
    [
        ("^failed (login from <ADDR>$", "does not compile"),
        ("^failed login$", "yields no address"),
        ("^failed login from <HOSTX> <ADDR>$", "<HOSTX>"),
        ("^failed <script> from <ADDR>$", "<script>"),
    ],
)
def test_broken_filters_are_found(folder: Folder, regex: str, said: str) -> None:
    folder.filter(regex)
    found = list(filters.filters_compile(folder.host()))
    assert worst(found) == "error"
    assert said in found[0].sentence
    assert "Jail x" in found[0].sentence
    assert found[0].file == str(folder.path / "filter.d" / "x.conf")


@pytest.mark.parametrize(
    "regex",
    [
        "^failed login from <HOST>$",
        r"^<F-USER>\S+</F-USER> from <SUBNET>$",
        r"^failed \x3cscript> from <ADDR>$",
        r"^(?P<user>\S+) from <ADDR>$",
        r"^failed login\(from <ADDR>$",
    ],
)
def test_sound_filters_are_not(folder: Folder, regex: str) -> None:
    folder.filter(regex)
    assert list(filters.filters_compile(folder.host())) == []


@pytest.mark.parametrize("regex", ["^((a|b)+)+x from <ADDR>$", r"^(\w+\s?)*: <ADDR>$", "^(?:a|a)*b <ADDR>$"])
def test_a_regex_that_hangs_is_found_and_does_not_hang_us(folder: Folder, regex: str) -> None:
    folder.filter(regex)
    found = list(filters.filters_do_not_hang(folder.host()))
    assert worst(found) == "error"
    assert "Jail x" in found[0].sentence


@pytest.mark.parametrize(
    "regex", ["^(?:a|b)*x from <ADDR>$", r"^(?:\w+: )*<ADDR>$", r"^(?:\[\d+\])+ <ADDR>$", r"^(a{1,3}b)+ <ADDR>$"]
)
def test_repetitions_that_are_linear_are_not(folder: Folder, regex: str) -> None:
    folder.filter(regex)
    assert list(filters.filters_do_not_hang(folder.host())) == []


def check(folder: Folder, which: Callable[[Host], object]) -> list[Result]:
    return list(which(folder.host()))  # type: ignore[call-overload,no-any-return]


def test_a_percent_sign(folder: Folder) -> None:
    folder.filter("^GET /%%2e%%2e from <ADDR>$")
    assert check(folder, configuration.percent_signs) == []
    assert check(folder, configuration.configuration_loads) == []
    folder.filter("^GET /%2e from <ADDR>$")
    found = check(folder, configuration.percent_signs)
    assert [(result.level, result.line) for result in found] == [("error", 2)]
    assert worst(check(folder, configuration.configuration_loads)) == "error"


def test_a_regex_cut_by_a_comment(folder: Folder) -> None:
    folder.filter("^agent (Mozilla ;compatible) <ADDR>$")
    assert worst(check(folder, configuration.cut_regexes)) == "warning"
    folder.filter(r"^agent (Mozilla\x3b compatible; old) <ADDR>$ ; a comment")
    assert check(folder, configuration.cut_regexes) == []


def test_the_default_action_that_refers_to_itself(folder: Folder) -> None:
    settings = folder.path / "jail.local"
    settings.write_text("[DEFAULT]\naction = %(action_)s\n")
    assert check(folder, configuration.default_action) == []
    assert check(folder, configuration.configuration_loads) == []
    settings.write_text("# mail too\n[DEFAULT]\naction = %(known/action)s\n         sendmail\n")
    found = check(folder, configuration.default_action)
    assert [(result.level, result.file, result.line) for result in found] == [("error", str(settings), 3)]
    assert worst(check(folder, configuration.configuration_loads)) == "error"


@pytest.mark.parametrize("logpath", ["", "/nonexistent/x.log"])
def test_a_jail_without_a_log(folder: Folder, logpath: str) -> None:
    folder.jail(logpath=logpath)
    found = check(folder, configuration.jail_has_a_log)
    assert [result.level for result in found] == ["error"]
    assert "Jail x" in found[0].sentence


def test_missing_filter_and_action(folder: Folder) -> None:
    folder.jail("action = nowhere")
    assert worst(check(folder, configuration.configuration_loads)) == "error"
    folder.jail()
    (folder.path / "filter.d" / "x.conf").unlink()
    assert worst(check(folder, configuration.configuration_loads)) == "error"


def test_a_python_action_that_fails_to_import(folder: Folder) -> None:
    action = folder.path / "action.d" / "mine.py"
    folder.jail("action = mine.py")
    action.write_text("import json\nimport os.path\ntry:\n    import polars\nexcept ImportError:\n    pass\n")
    assert check(folder, configuration.python_actions) == []
    action.write_text("import json\nimport no_such_module.at_all\nprint('never run')\n")
    found = check(folder, configuration.python_actions)
    assert [result.level for result in found] == ["error"]
    assert "no_such_module" in found[0].sentence
    action.write_text("def (:\n")
    assert worst(check(folder, configuration.python_actions)) == "error"


def test_an_inherited_journal_backend(folder: Folder) -> None:
    assert check(folder, ai_jails.ai_jails_read_nothing) == []
    (folder.path / "jail.d" / "z.local").write_text("[fail2ban-ai]\nbackend = systemd\n")
    found = check(folder, ai_jails.ai_jails_read_nothing)
    assert worst(found) == "error"
    assert "whole journal" in found[0].sentence


def test_ai_jails_disabled(folder: Folder) -> None:
    assert not any("not enabled" in result.sentence for result in check(folder, ai_jails.ai_jails_run))
    (folder.path / "jail.d" / "z.local").write_text("[fail2ban-ai-net]\nenabled = false\n")
    found = check(folder, ai_jails.ai_jails_run)
    assert any("fail2ban-ai-net is not installed or not enabled" in result.sentence for result in found)


def test_recidive_that_counts_the_ai_jails(folder: Folder) -> None:
    folder.jail(f"[recidive]\nenabled = true\nbackend = polling\nlogpath = {folder.log}\n")
    assert worst(check(folder, ai_jails.recidive_counts_us)) == "warning"
    (folder.path / "filter.d" / "recidive.local").write_text("[Definition]\nignoreregex = \\[fail2ban-ai(?:-net)?\\]\n")
    assert check(folder, ai_jails.recidive_counts_us) == []


def test_a_check_that_fails_hides_no_other(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(host: Host) -> list[Result]:
        """Never."""
        raise ValueError("a surprise")

    monkeypatch.setattr(doctor, "CHECKS", (broken, ai_jails.ai_jails_read_nothing))
    assert [result.level for result in doctor.examine(folder.host())] == ["warning", "ok"]


def test_a_child_that_hangs_or_fails_is_an_error_in_time() -> None:
    with pytest.raises(TimeoutError):
        child.ask("while True: pass", None, seconds=0.5)
    with pytest.raises(ChildProcessError, match="MemoryError"):
        child.ask("x = 'a' * (2 << 30)", None)
