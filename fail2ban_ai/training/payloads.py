"""Request texts with a class of attack, from the labelled sets and payload lists of the corpora folder.

Lists of payloads are bare values and normal traffic is whole URLs: a model would learn that difference and nothing
else. So bare values of every class, the benign one included, are put into the same kinds of URL, some encoded and some
not, and every text then goes the way of a logged request (canonical, masked). Texts are told apart on that final form.
"""

import csv
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

import yaml

from fail2ban_ai import canonical

MOST = 6000
"""Texts taken from one source at most: the lists are of very different size and copy each other."""

Reader = Callable[[Path], Iterator[tuple[str, str]]]  # yields (class, text)


@dataclass(frozen=True, slots=True)
class _Source:
    path: str  # below the corpora folder; files of one kind share a pattern
    attack: str  # class of its lines
    value: bool  # bare values, to be put into a URL
    member: str = ""  # of a .tgz: part of the member's name


_PATT = "payloads/payloadsallthethings/files.tgz"
_FUZZDB = "payloads/fuzzdb/files.tgz"
_CROWDSEC = "payloads/crowdsec_sec_lists/files.tgz"
_LIBINJECTION = "payloads/libinjection/files.tgz"

_SOURCES = (
    _Source("labelled_web/onebook/good-xss-200000.txt.gz", "benign", value=False),
    _Source("labelled_web/onebook/xss-200000.txt.gz", "xss", value=False),
    _Source("labelled_web/onebook/sql-10000.txt.gz", "sqli", value=False),
    _Source("labelled_web/csic2010/nxyd_normal.txt.gz", "benign", value=False),
    _Source("labelled_web/data_hacking/sql_injection/data/SQL_3.txt.gz", "sqli", value=True),
    _Source("labelled_web/grananqvist/data/XSSCollection.txt.gz", "xss", value=True),
    _Source("labelled_web/grananqvist/data/ShellCollection.txt", "rce", value=True),
    _Source("labelled_web/grananqvist/data/non-maliciousCollection.txt.gz", "benign", value=True),
    _Source("payloads/payloadbox_sqli/Intruder/**/*.txt", "sqli", value=True),
    _Source("payloads/payloadbox_xss/Intruder/xss-payload-list.txt.gz", "xss", value=True),
    _Source(_LIBINJECTION, "benign", value=True, member="false_positives"),
    _Source(_LIBINJECTION, "sqli", value=True, member="/sqli-"),
    _Source(_LIBINJECTION, "xss", value=True, member="/xss-"),
    _Source(_PATT, "sqli", value=True, member="SQL Injection/"),
    _Source(_PATT, "xss", value=True, member="XSS Injection/"),
    _Source(_PATT, "traversal", value=True, member="Traversal/"),
    _Source(_PATT, "traversal", value=True, member="File Inclusion/"),
    _Source(_PATT, "rce", value=True, member="Command Injection/"),
    _Source(_PATT, "rce", value=True, member="Template Injection/"),
    _Source(_PATT, "other", value=True, member="NoSQL Injection/"),
    _Source(_PATT, "other", value=True, member="LDAP Injection/"),
    _Source(_PATT, "other", value=True, member="XXE Injection/"),
    _Source(_PATT, "other", value=True, member="Open Redirect/"),
    _Source(_PATT, "scan", value=False, member="Insecure Management"),
    _Source(_FUZZDB, "sqli", value=True, member="attack/sql-injection/"),
    _Source(_FUZZDB, "xss", value=True, member="attack/xss/"),
    _Source(_FUZZDB, "traversal", value=True, member="attack/path-traversal/"),
    _Source(_FUZZDB, "traversal", value=True, member="attack/lfi/"),
    _Source(_FUZZDB, "rce", value=True, member="attack/os-cmd-execution/"),
    _Source(_FUZZDB, "other", value=True, member="attack/ldap/"),
    _Source(_FUZZDB, "other", value=True, member="attack/xpath/"),
    _Source(_FUZZDB, "scan", value=False, member="predictable-filepaths/login-file-locations/"),
    _Source(_FUZZDB, "scan", value=False, member="predictable-filepaths/webservers-appservers/"),
    _Source(_FUZZDB, "scan", value=False, member="predictable-filepaths/cgi/"),
    _Source(_FUZZDB, "secret", value=False, member="predictable-filepaths/UnixDotfiles"),
    _Source(_FUZZDB, "secret", value=False, member="predictable-filepaths/password-file"),
    _Source(_CROWDSEC, "traversal", value=False, member="web/path_traversal"),
    _Source(_CROWDSEC, "scan", value=False, member="web/admin_interfaces"),
    _Source(_CROWDSEC, "secret", value=False, member="web/sensitive_data"),
    _Source(_CROWDSEC, "webshell", value=False, member="web/backdoors"),
    _Source(_CROWDSEC, "rce", value=False, member="web/thinkphp"),
    _Source(_CROWDSEC, "rce", value=True, member="web/log4j2"),
)

_HTTPPARAMS = {"norm": "benign", "sqli": "sqli", "xss": "xss", "cmdi": "rce", "path-traversal": "traversal"}
_CRS = {"930": "traversal", "931": "other", "932": "rce", "933": "rce", "934": "rce", "941": "xss", "942": "sqli"}
_PATHS = (
    "/search",
    "/index.php",
    "/",
    "/en/list",
    "/api/v0/items",
    "/p/view.asp",
    "/shop/cart.jsp",
    "/user",
    "/wp/a.php",
)
_NAMES = (
    "q",
    "id",
    "s",
    "name",
    "page",
    "cat",
    "search",
    "query",
    "lang",
    "file",
    "title",
    "user",
    "item",
    "ref",
    "url",
)


def load(corpora: Path, seed: int) -> dict[str, str]:
    """Class of attack (labels.ATTACKS) by final text; a text of two classes keeps the first that is not benign."""
    rng = Random(seed)  # noqa: S311 - sampling of training data
    found: dict[str, str] = {}
    for attack, texts, value in _all(corpora):
        unique = sorted(set(texts))
        for text in rng.sample(unique, min(MOST, len(unique))):
            target = wrapped(text, rng) if value else text if text.startswith("/") else f"/{text}"
            final = canonical.mask(canonical.unpadded(canonical.canonical(target).text))
            if found.get(final, "benign") == "benign":
                found[final] = attack
    return found


def wrapped(value: str, rng: Random) -> str:
    """A bare value as the parameter of a request, encoded as a browser, a tool or nobody would."""
    encode = rng.choice((quote, quote_plus, str, lambda text: quote(text, safe="/:,;()=")))
    others = "".join(f"{rng.choice(_NAMES)}={rng.randrange(99)}&" for _ in range(rng.choice((0, 0, 1, 2))))
    after = rng.choice(("", "", f"&{rng.choice(_NAMES)}=1"))
    return f"{rng.choice(_PATHS)}?{others}{rng.choice(_NAMES)}={encode(value)}{after}"


def _all(corpora: Path) -> Iterator[tuple[str, list[str], bool]]:
    for source in _SOURCES:
        for path in sorted(corpora.glob(source.path)):
            yield source.attack, [_target(line) for line in _lines(path, source.member)], source.value
    by_class: dict[str, list[str]] = {}
    for attack, text in [*_httpparams(corpora), *_crs(corpora)]:
        by_class.setdefault(attack, []).append(text)
    for attack, texts in sorted(by_class.items()):
        yield attack, texts, True
    yield "secret", list(_nuclei(corpora)), False


def _lines(path: Path, member: str) -> Iterator[str]:
    contents: list[bytes] = []
    if path.suffix == ".tgz":
        with tarfile.open(path) as archive:
            for item in archive:
                if item.isfile() and member in item.name and "README" not in item.name and "LICENSE" not in item.name:
                    held = archive.extractfile(item)
                    contents.append(held.read() if held else b"")
    else:
        contents.append(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    for content in contents:
        for line in content.decode("utf-8", "replace").splitlines():
            if line.strip() and not line.startswith("# "):
                yield line[:1000]


def _target(line: str) -> str:
    """A line's request target where it is a request of CSIC's form ("get http://host/path"), else the line."""
    method, space, rest = line.partition(" ")
    if space and method in ("get", "post", "put") and rest.startswith("http"):
        return "/" + rest.split("/", 3)[-1]
    return line


def _httpparams(corpora: Path) -> Iterator[tuple[str, str]]:
    content = gzip.decompress((corpora / "labelled_web/httpparams/payload_train.csv.gz").read_bytes()).decode()
    for row in csv.DictReader(io.StringIO(content)):
        yield _HTTPPARAMS[row["attack_type"]], row["payload"]


def _crs(corpora: Path) -> Iterator[tuple[str, str]]:
    """The Core Rule Set's regression cases: the query or body of a request that must match, or must not."""
    with tarfile.open(corpora / "payloads/crs/files.tgz") as archive:
        for item in archive:
            attack = _CRS.get(item.name.rsplit("/", 1)[-1][:3])
            held = archive.extractfile(item) if attack and item.isfile() else None
            if held is None or attack is None:
                continue
            for test in yaml.safe_load(held.read()).get("tests", []):
                stage = test["stages"][0]
                text = str(stage["input"].get("data") or stage["input"].get("uri", "").partition("?")[2])
                log = json.dumps(stage.get("output", {}))
                if text and ("expect_ids" in log) != ("no_expect_ids" in log):
                    yield ("benign" if "no_expect_ids" in log else attack), text.partition("=")[2] or text


def _nuclei(corpora: Path) -> Iterator[str]:
    """The paths that templates for exposed files ask for."""
    for line in _lines(corpora / "payloads/nuclei_geeknik/templates.tgz", ".yaml"):
        _, found, path = line.partition("{{BaseURL}}")
        if found and len(path) > 2:
            yield path.strip("\"' ")
