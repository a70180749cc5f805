"""Read other detectors' sample lines (fail2ban, CrowdSec hub, OSSEC) and compare with what they say stands in them.

    python benchmarks/formats_check.py [CORPORA]

CORPORA (or $FAIL2BAN_AI_CORPORA) holds regression/{fail2ban,crowdsec_hub,ossec}/files.tgz. Prints a table and every
sample that is not read right; exits 1 below 95 % of all samples.
"""

import json
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from fail2ban_ai import addresses, formats

LEAST = 0.95
CET = ZoneInfo("Europe/Zurich")  # fail2ban's tests run in it
FAIL2BAN = re.compile(r"sshd|nginx-.*|apache-.*|dovecot|postfix.*|exim.*|vsftpd|proftpd|pam-generic|recidive")
CROWDSEC = re.compile(
    r"(?:crowdsecurity/)?(?:nginx|apache2|sshd|dovecot|postfix|postscreen|exim|vsftpd|proftpd|caddy|traefik)-logs"
)
OSSEC = {
    "sshd.ini", "apache.ini", "nginx.ini", "dovecot.ini", "postfix.ini", "exim.ini", "vsftpd.ini", "proftpd.ini",
    "pam.ini", "web_rules.ini", "web_appsec.ini", "access-control.ini", "syslog.ini", "fail2ban.ini",
}  # fmt: skip


@dataclass
class Tally:
    right: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, line: str, problem: str | None) -> None:
        if problem is None:
            self.right += 1
        else:
            self.missed.append(f"{problem}: {line[:300]!r}")


def files(archive: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            held = tar.extractfile(member) if member.isfile() else None
            if held is not None:
                yield member.name, held.read().decode("utf-8", "replace")


def read(line: str, path: str, hint: datetime | None) -> tuple[pl.DataFrame, bool]:
    """Events of one line and whether it was understood."""
    fmt = formats.guess([line], path)
    if fmt is None:
        return pl.DataFrame(), False
    frame = pl.DataFrame({"raw": [line], "line": [1]}, schema={"raw": pl.String, "line": pl.UInt32})
    parsed = fmt.parse(frame, source=path, clock=formats.Clock(CET, hint))
    return parsed.events, parsed.understood > 0


def fail2ban(archive: Path, tallies: dict[str, Tally]) -> int:
    """Tally fail2ban's samples; returns how many name their host in another line only."""
    elsewhere = 0
    for path, text in files(archive):
        name = Path(path).name
        if "/tests/files/logs/" not in path or not FAIL2BAN.fullmatch(name):
            continue
        label: dict[str, object] | None = None
        journal = False
        for line in text.splitlines():
            if "ptions:" in line and line.startswith("#"):
                journal = "journal" in line
            if found := re.match(r"#\s*failJSON:\s*(\{.*\})\s*$", line):
                label = json.loads(found[1])
            elif line and not line.startswith("#") and label is not None:
                if label.get("match") and "host" in label and str(label["host"]) not in line:
                    elsewhere += 1  # fail2ban joins lines of one connection; the address stands in another one
                elif label.get("match") and "host" in label:
                    shown = (
                        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00} {line}"
                        if journal and line[0].isalpha() and not re.match(r"[A-Z][a-z]{2} ", line)
                        else line
                    )
                    tallies.setdefault(f"fail2ban {name}", Tally()).add(line, fail2ban_problem(shown, name, label))
                label = None
    return elsewhere


def fail2ban_problem(line: str, name: str, label: dict[str, object]) -> str | None:  # noqa: PLR0911 - a list of checks
    when = datetime.strptime(str(label["time"]), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=CET) if "time" in label else None
    # Stamps without a year are read by fail2ban's tests as of August 2005.
    events, understood = read(line, name, datetime(2005, 8, 14, 12, tzinfo=CET))
    host = str(label["host"])
    address = addresses.parse(host)
    if address is None and re.fullmatch(r"[\d.]+", host):
        return None if events.is_empty() else f"{host} is no address"
    if address is None:  # a host name: to be understood, and no event
        return None if understood and events.is_empty() else f"host name {host}"
    if events.is_empty():
        return f"no event (understood: {understood})"
    event = events.row(0, named=True)
    if event["address"] != str(address):
        return f"address {event['address']}, not {address}"
    if when is not None and event["time"].replace(microsecond=0) != when.astimezone(UTC):
        return f"time {event['time']}, not {when}"
    user = label.get("user")
    if user is not None and (event["account"] or "") != user:
        return f"account {event['account']!r}, not {user!r}"
    return None


def crowdsec(archive: Path, tallies: dict[str, Tally]) -> None:
    held = dict(files(archive))
    pattern = re.compile(
        r'results\["s01-parse"\]\["([^"]+)"\]\[(\d+)\]\.Evt\.(?:Parsed|Meta)\["([^"]+)"\] == "((?:[^"\\]|\\.)*)"'
    )
    success = re.compile(r'results\["s01-parse"\]\["([^"]+)"\]\[(\d+)\]\.Success == true')
    for path, text in held.items():
        if not path.endswith("parser.assert"):
            continue
        logs = [
            other for name, other in held.items() if Path(name).parent == Path(path).parent and name.endswith(".log")
        ]
        if len(logs) != 1:
            continue
        lines = [line for line in logs[0].split("\n") if line.strip()]
        good = {(name, int(at)) for name, at in success.findall(text)}
        facts: dict[tuple[str, int], dict[str, str]] = {}
        for parser, at, key, value in pattern.findall(text):
            if CROWDSEC.fullmatch(parser) and (parser, int(at)) in good:
                facts.setdefault((parser, int(at)), {})[key] = json.loads(f'"{value}"') if "\\x" not in value else value
        for (parser, at), fact in facts.items():
            source = fact.get("source_ip")
            if source is None or at >= len(lines):
                continue
            line = lines[at]
            if source not in line:  # asserts number the lines that reached the parser
                continue
            tallies.setdefault(f"crowdsec {parser.rpartition('/')[2]}", Tally()).add(
                line, crowdsec_problem(line, fact, path)
            )


def crowdsec_problem(line: str, fact: dict[str, str], path: str) -> str | None:
    events, understood = read(line, path, None)
    address = addresses.parse(fact["source_ip"])
    if address is None:
        return None if understood and events.is_empty() else f"host name {fact['source_ip']}"
    if events.is_empty():
        return f"no event (understood: {understood})"
    event = events.row(0, named=True)
    if event["address"] != str(address):
        return f"address {event['address']}, not {address}"
    user = fact.get("username") or fact.get("user") or fact.get("target_user")
    if user and user not in ("-", "N/A") and (event["account"] or "") != user:
        return f"account {event['account']!r}, not {user!r}"
    return None


def ossec(archive: Path, tallies: dict[str, Tally]) -> None:
    for path, text in files(archive):
        name = Path(path).name
        if name not in OSSEC:
            continue
        for found in re.finditer(r"^log \d+ (?:pass|fail) = (.*)$", text, re.MULTILINE):
            line = found[1].strip()
            if re.match(r"\d{4}-\d\d-\d\d .* (?:GET|POST) ", line):
                continue  # IIS
            held = [a for a in re.findall(r"\d+\.\d+\.\d+\.\d+", line) if addresses.parse(a)]
            if held:
                events, understood = read(line, name, None)
                named = events.is_empty() or events["address"][0] in {str(addresses.parse(a)) for a in held}
                problem = None if understood and named else f"understood: {understood}"
                tallies.setdefault(f"ossec {name.removesuffix('.ini')}", Tally()).add(line, problem)


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["FAIL2BAN_AI_CORPORA"]) / "regression"
    tallies: dict[str, Tally] = {}
    elsewhere = fail2ban(folder / "fail2ban" / "files.tgz", tallies)
    crowdsec(folder / "crowdsec_hub" / "files.tgz", tallies)
    ossec(folder / "ossec" / "files.tgz", tallies)
    print("| samples | read right | of | share |\n| --- | ---: | ---: | ---: |")
    for name, tally in sorted(tallies.items()):
        count = tally.right + len(tally.missed)
        print(f"| {name} | {tally.right} | {count} | {tally.right / count:.1%} |")
    right = sum(tally.right for tally in tallies.values())
    count = right + sum(len(tally.missed) for tally in tallies.values())
    print(f"| all | {right} | {count} | {right / count:.1%} |")
    print(f"| all, and those whose address stands in another line | {right} | {count + elsewhere} |", end=" ")
    print(f"{right / (count + elsewhere):.1%} |")
    for name, tally in sorted(tallies.items()):
        for miss in tally.missed:
            print(f"{name}: {miss}")
    return 0 if right / (count + elsewhere) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
