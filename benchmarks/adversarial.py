"""The adversarial figures of docs/evaluation.md: evasion, framing, planted sentences, and payloads in 20 encodings.

    python benchmarks/adversarial.py > adversarial.md

Everything is simulated (fail2ban_ai/training/simulator/adversarial.py); takes some minutes.
"""

import base64
import html
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

from fail2ban_ai.addresses import actor_of, within
from fail2ban_ai.analysis import Logs, run
from fail2ban_ai.config import Settings
from fail2ban_ai.training.simulator import World
from fail2ban_ai.training.simulator.adversarial import CASES, adversarial, encoded

SEEDS = (1, 2, 3)


def _bytes(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _overlong(text: str) -> str:
    return "".join(f"%{0xC0 | ord(c) >> 6:02x}%{0x80 | ord(c) & 0x3F:02x}" for c in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "percent": lambda t: quote(t, safe=""),
    "form": quote_plus,
    "every byte": _bytes,
    "double": lambda t: _bytes(_bytes(t)),
    "triple": lambda t: quote(quote(quote(t, safe=""), safe=""), safe=""),
    "form, then percent": lambda t: quote(quote_plus(t), safe=""),
    "overlong": _overlong,
    "%u": lambda t: "".join(f"%u{ord(c):04X}" for c in t),
    "full width": lambda t: quote(_wide(t), safe=""),
    "entities, named": lambda t: quote(html.escape(t), safe=""),
    "entities, decimal": lambda t: "".join(f"%26%23{ord(c)}%3B" for c in t),
    "entities, hex": lambda t: "".join(f"%26%23x{ord(c):x}%3B" for c in t),
    "\\x": lambda t: "".join(f"%5Cx{ord(c):02x}" for c in t),
    "comments for spaces": lambda t: quote(t.replace(" ", "/**/"), safe=""),
    # Not thought of when the decoding was written:
    "entities of entities": lambda t: quote(html.escape(html.escape(t)), safe=""),
    "upper and lower case by turns": lambda t: quote("".join(c.upper() if i % 2 else c for i, c in enumerate(t))),
    "line feeds for spaces": lambda t: quote(t.replace(" ", "\n"), safe=""),
    "octal escapes": lambda t: "".join(f"%5C{ord(c):03o}" for c in t),
    "NUL before each word": lambda t: quote(" ".join("\0" + word for word in t.split(" ")), safe=""),
    "base64": lambda t: quote(base64.b64encode(t.encode()).decode(), safe=""),
}
UNSEEN = 6  # the last of them


def plain(text: str) -> str:
    """As little encoded as a request line allows."""
    return quote(text, safe="'()=<>/;,.:|*!$@[]{}\\^`~")


def banned(world: World) -> tuple[int, int, int, int]:
    """Banned and all of those that must be, banned and all of those that must be spared."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(path) for path in world.write(Path(folder))]
        found = run(Logs(paths, zones={"*": ZoneInfo("UTC")}), Settings(), compare=False)
    targets = [d.target for d in found.report.decisions if d.action == "ban"]
    hit = {one.address: any(within(str(actor_of(one.address)), t) for t in targets) for one in world.truth}
    bad = [hit[one.address] for one in world.truth if one.must == "ban"]
    good = [hit[one.address] for one in world.truth if one.must == "spare"]
    return sum(bad), len(bad), sum(good), len(good)


def main() -> None:
    """Print the tables."""
    print("| case | attackers banned | others banned |\n| --- | --- | --- |")
    for name in CASES:
        parts = [banned(adversarial(name, seed)) for seed in SEEDS]
        bad, all_bad, good, all_good = (sum(column) for column in zip(*parts, strict=True))
        print(f"| {name.replace('_', ' ')} | {f'{bad} of {all_bad}' if all_bad else '-'} | {good} of {all_good} |")
    print("\n| encoding | attackers banned |\n| --- | --- |")
    for i, (name, encode) in enumerate([("plain", plain), *ENCODINGS.items()]):
        bad, all_bad, _, _ = banned(encoded(encode, 1))
        print(
            f"| {name}{', new' if i > len(ENCODINGS) - UNSEEN else ''} | {bad / all_bad:.3f} of {all_bad} |", flush=True
        )


if __name__ == "__main__":
    main()
