"""A suggested rule written by hand, for what happens to rules: a scanner that asks for shells nobody has."""

import dataclasses
import json
from pathlib import Path

from fail2ban_ai import paths
from fail2ban_ai.rules import suggestion
from fail2ban_ai.rules.suggestion import Jail, Line, Step, Suggestion, WouldBan

NAME = "ai-shells"
REGEX = r'^<ADDR> \S{1,64} \S{1,64} \[\] "GET /(?:shell|wso|c99)[a-z0-9]{0,8}\.php HTTP/1\.[01]" 404 \d{1,9} \"-\" \"[^"]{1,80}\"$'
FILTER = """\
# A rule for the tests.

[Definition]

failregex = {regex}

ignoreregex =

datepattern = ^[^\\[]*\\[({{DATE}})
              {{^LN-BEG}}
"""
AT = 1_700_000_000.0


def request(address: str, path: str, stamp: str = "14/Nov/2023:22:13:20 +0000", status: int = 404) -> str:
    return f'{address} - - [{stamp}] "GET {path} HTTP/1.1" {status} 153 "-" "curl/8.0"'


def rule(log: Path, name: str = NAME, regex: str = REGEX, **jail: object) -> Suggestion:
    values: dict[str, object] = {
        "filter": name,
        "service": "web",
        "backend": "polling",
        "logpaths": (str(log),),
        "journalmatch": "",
        "port": "http,https",
        "maxretry": 2,
        "findtime": 3600,
        "bantime": 7200,
    }
    return Suggestion(
        name=name,
        kind="paths",
        created=AT,
        campaigns=("c-1",),
        sources=4,
        windows=2,
        summary="4 addresses ask for web shells that this site does not have.",
        failregex=(regex,),
        jail=Jail(**{**values, **jail}),  # type: ignore[arg-type]
        proof=(Step("compiles", True, "1 regex", {}),),
        would_ban=(WouldBan("192.0.2.7", AT, request("192.0.2.7", "/shell.php")),),
        overlap={"nginx-botsearch": 0.25},
    )


def write(log: Path, *, folder: Path | None = None, text: str | None = None, **how: object) -> Path:
    """Write a suggestion as the watcher does; returns its folder."""
    made = rule(log, **how)  # type: ignore[arg-type]
    folder = folder or paths.suggestions() / made.name
    lines = [
        Line("cluster" if i < 3 else "later", AT + i, f"192.0.2.{i + 1}", request(f"192.0.2.{i + 1}", path))
        for i, path in enumerate(("/shell.php", "/wso2.php", "/c99.php", "/shell1.php"))
    ]
    sample = '# failJSON: { "time": "2023-11-14T23:13:20", "match": true , "host": "192.0.2.1" }\n'
    suggestion.write(
        folder,
        made,
        {
            "filter.conf": FILTER.format(regex=made.failregex[0]) if text is None else text,
            "jail.conf": f"[{made.name}]\nenabled = false\n",
            "samples": sample + request("192.0.2.1", "/shell.php") + "\n",
            "lines.jsonl": suggestion.dump_lines(lines),
            "evidence.md": "# Shells\n\nAsked for by 4 addresses.\n",
        },
    )
    return folder


def edit(folder: Path, **changes: object) -> None:
    """Change a written rule.json as an enemy would: without any check."""
    found = json.loads((folder / suggestion.RULE).read_text())
    for key, value in changes.items():
        target = found
        *outer, last = key.split("__")
        for one in outer:
            target = target[one]
        target[last] = value
    (folder / suggestion.RULE).write_text(json.dumps(found))


def proved(folder: Path) -> tuple[Step, ...]:
    """A proof that holds: what happens after it is another's business."""
    return (Step("compiles", True, "1 regex", {}),)


def refuted(folder: Path) -> tuple[Step, ...]:
    return (Step("benign-history", False, "hits 3 lines of 2 benign addresses", {"hits": 3.0}),)


__all__ = ["AT", "FILTER", "NAME", "REGEX", "dataclasses", "edit", "proved", "refuted", "request", "rule", "write"]
