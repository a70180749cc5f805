"""Lines that an attacker might write into a log: with somebody else's address in them, or made to be slow."""

import re
from collections.abc import Iterator, Sequence

from fail2ban_ai.rules.forms import VICTIM
from fail2ban_ai.rules.services import head_of
from fail2ban_ai.rules.suggestion import LINE_LIMIT, Line

_LINES = 12  # of a suggestion that are tampered with
_BOUNDARY = re.compile(r"(?<=[\s\"=<(,:])|(?=[\s\">),])")
_START = re.compile(r"[A-Za-z][\w/.-]{0,60}(?:\(\S{1,60}\))?(?:\[\d{1,10}\])?: ")
_PAYLOADS = (
    "{v}",
    " {v} ",
    " from {v}",
    " from {v} port 22",
    " from {v} port 22 ssh2",
    " {v} port 22 [preauth]",
    " rhost={v}",
    " rip={v}, lip=192.0.2.164",
    "[{v}]: ",
    " client: {v}, ",
    "<ADDR> {v}",
    '" 404 5 "-" "x"',
    ' HTTP/1.1" 404 5 "-" "{v} - - [] ',
    "\\n{v} - - [14/Jun/2005:11:00:00 +0200] ",
    "\x00{v}",
    "\r{v} ",
)
SIZES = (1_000, 4_000, 16_000, 64_000)  # characters


def injected(lines: Sequence[Line], service: str) -> Iterator[tuple[str, str]]:
    """(address that may be taken, line) with VICTIM written wherever a client of the service may write.

    In an access log that is inside of the quoted fields, elsewhere the message of the service; besides that, a whole
    line of the victim's stands in each such place.
    """
    for line in _spread(lines):
        start = _start(line.text, service)
        own = line.text.replace(line.address, VICTIM)
        for at in _places(line.text, start, line.address):
            before, after = line.text[:at], line.text[at:]
            for payload in _PAYLOADS:
                yield line.address, before + payload.format(v=VICTIM) + after
            yield line.address, before + own[start:] + after
            if service == "web":
                yield line.address, before + own.replace('"', "'") + after


def _spread(lines: Sequence[Line]) -> list[Line]:
    step = max(1, len(lines) // _LINES)
    return [line for line in lines[::step] if len(line.text) <= 2_000][:_LINES]


def _start(text: str, service: str) -> int:
    if service == "web":
        return text.find('"') + 1
    own = head_of(service, text)
    if own is not None:
        return len("".join(own))
    found = _START.search(text)
    return found.end() if found else 0


def _places(text: str, start: int, address: str) -> list[int]:
    """Word boundaries from `start` on, none within the client's own address; at most 40."""
    spot = text.find(address, start)
    inside = range(spot + 1, spot + len(address)) if spot >= 0 else range(0)
    every = sorted({m.start() for m in _BOUNDARY.finditer(text) if m.start() >= start and m.start() not in inside})
    step = max(1, len(every) // 40)
    return [*every[::step], len(text)]


def slow(lines: Sequence[Line], service: str) -> Iterator[tuple[int, str]]:
    """(size, line) in groups of rising size: parts of a line that matches, drawn out with what its gaps hold."""
    for line in _spread(lines)[:3]:
        start = _start(line.text, service)
        places = _places(line.text, start, line.address)
        words = line.text[start:].split(" ")
        fills = ["a", "1", " ", '"', "/", "%41", "a ", "\\", line.text[start:] or "x", words[0] or "x"]
        for at in (places[0], places[len(places) // 2], places[-1]):
            for fill in fills:
                for size in SIZES:
                    made = line.text[:at] + fill * (size // len(fill)) + line.text[at:]
                    yield size, made[: min(LINE_LIMIT, size + len(line.text))]
