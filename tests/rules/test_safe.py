"""The language of our regexes: what is in it, and what never is."""

import pytest

from fail2ban_ai.errors import RuleError
from fail2ban_ai.rules.safe import check

GOOD = [
    r'^<ADDR> \S{1,64} \S{1,64} \[\] "(?:GET|POST) (?:/\.env|/wp-[a-z]{1,9}\.php) HTTP/\d\.\d" [34]\d\d [\d-]{1,12} .{0,1000}$',
    r"^%(__prefix_line)sInvalid user <F-USER>(?:admin|test)</F-USER> from <ADDR> port \d{1,5}$",
    r"^%(__prefix_line)sInvalid user <F-USER>[^ ]{1,64}</F-USER> from <ADDR>(?: port \d\d)?$",
    r"^\S{1,255} <ADDR> - - \[\] \x3c .{0,10}$",
    r"^%(__prefix_line)slogin: user=\x3ca\x3e, rip=<ADDR>, lip=[\d.]{7,15}, session=\x3c[^\s\x3c\x3e]{1,30}\x3e$",
]
BAD = {
    r"^<ADDR> .*$": "unbounded",
    r"^<ADDR> (?:a+)+$": "unbounded",
    r"^<ADDR> (?:ab){1,9}$": "repeated",
    r"^<ADDR> a{1,9}{1,9}$": "repeated",
    r"^<ADDR> a{1,9}a$": "may hold",
    r"^<ADDR> [a-c]{0,9}[c-e]{0,9}x$": "may hold",
    r"^<ADDR> \d{1,3}(?:1|2)$": "may hold",
    r"^<ADDR> \d{1,3}(?: )?1$": "may hold",
    r"^<ADDR> x{1,9999}$": "count",
    r"^<ADDR> x{1,}$": "language",
    r"<ADDR> x$": r"\^ and end",
    r"^<ADDR> x": r"\^ and end",
    r"^<ADDR> x\$": r"\^ and end",
    r"^<HOST> x$": "tag",
    r"^<ADDR> <script>$": "tag",
    r"^x$": "ADDR",
    r"^<ADDR> <ADDR>$": "ADDR",
    r"^(?:<ADDR>|x) y$": "ADDR",
    r"^<ADDR> (?:a|)$": "empty",
    r"^<ADDR> (?:a$": "does not end",
    r"^<ADDR> a)$": "too many",
    r"^<ADDR> (?=a)$": "language",
    r"^<ADDR> (a)$": "language",
    r"^<ADDR> a\1$": "language",
    r"^<ADDR> %(__prefix_line)sa$": "language",
    r"^<ADDR>1$": "taken for a part",
    "^<ADDR> \u00e9$": "ASCII",
    "^<ADDR> a\nb$": "ASCII",
    r"^user .{1,64} from <ADDR> [^ ]{1,9}$": "may hold",
    r"^user [^:]{1,64}: <ADDR> [^,]{1,9}$": "not exact",
    r"^%(__prefix_line)sInvalid user root from <ADDR>x.{0,90}$": "message may hold blanks",
    r"^[^ ]{1,999} [^ ]{1,999} <ADDR>$": "before the address",
}


@pytest.mark.parametrize("regex", GOOD)
def test_what_we_write_passes(regex: str) -> None:
    check(regex)


@pytest.mark.parametrize("regex", BAD)
def test_what_we_never_write_is_refused(regex: str) -> None:
    with pytest.raises(RuleError, match=BAD[regex]):
        check(regex)
