"""What a watcher and `model serve` say to one another: one POST of texts, one answer of encoded texts.

    POST /        Authorization: Bearer TOKEN, X-Fail2ban-AI-Weights: SHA-256; a JSON list of texts
    200           int16 thousandths, little-endian, one row for each text
    401 409 4xx   the token, the weights or the request is wrong; 503: busy; a sentence says what

Thousandths lose nothing: a runtime rounds to them.
"""

import json
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fail2ban_ai.canonical import LIMIT
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.model.runtime import Floats

WEIGHTS = "X-Fail2ban-AI-Weights"
MOST_TEXTS = 256
"""Texts of one request: what a processor encodes within the deadline, too."""
MOST_BYTES = 1 << 20
"""Of a request's body. 256 texts of LIMIT characters, each escaped as six, are 615 KB."""

_SCALE = 1000
_MOST = 4.0  # no number of an encoded text is beyond it
_TOKEN = re.compile(r"[\x21-\x7e]{32,512}")
_LONGEST = 2 * LIMIT  # characters of one text; none is longer than LIMIT and what masking writes


def request(texts: Sequence[str]) -> bytes:
    """The body that asks for these texts, at most MOST_TEXTS."""
    return json.dumps(list(texts), separators=(",", ":")).encode()


def texts_of(body: bytes) -> list[str]:
    """The texts of a body. ValueError when it is none: its sentence is for whoever sent it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(found, list) or len(found) > MOST_TEXTS:
        raise ValueError(f"The body is no list of at most {MOST_TEXTS} texts.")
    for text in found:
        if not isinstance(text, str) or len(text) > _LONGEST or not _is_unicode(text):
            raise ValueError(f"The body holds something else than texts of at most {_LONGEST} characters.")
    return found


def answer(rows: Floats) -> bytes:
    """Encoded texts (rounded by a runtime) as bytes."""
    return np.rint(rows * _SCALE).astype("<i2").tobytes()


def rows_of(content: bytes, texts: int, width: int) -> Floats:
    """The encoded texts [texts, width], the very floats that a runtime gives. ValueError when the content is none."""
    if len(content) != 2 * texts * width:
        raise ValueError(f"{len(content)} bytes are not {texts} texts of {width} numbers")
    steps = np.frombuffer(content, "<i2")
    if steps.size and np.abs(steps.astype(np.int32)).max() > _MOST * _SCALE:
        raise ValueError(f"a number is beyond -{_MOST:.0f}..{_MOST:.0f}")
    rows: Floats = (steps.astype(np.float32) / np.float32(_SCALE)).reshape(texts, width)
    return rows


def token(path: Path) -> str:
    """The secret that both sides hold: 32 printable characters or more, alone in a file.

    Raises:
        ConfigError: the file cannot be read, others than its owner and group may read it or others than its owner
            write it, it belongs to somebody else, or it holds no token.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; expected a file that holds the token") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is not a regular file")
        if stat.S_IMODE(status.st_mode) & 0o027:
            raise ConfigError(f"{path} holds a secret and is open to others: chmod 640 {path}")
        if status.st_uid not in (0, os.geteuid()):
            raise ConfigError(f"{path} belongs to user {status.st_uid}; expected root or the user of this process")
        content = os.read(handle, 1024).decode("utf-8", "replace").strip()
    finally:
        os.close(handle)
    if _TOKEN.fullmatch(content) is None:
        raise ConfigError(f"{path} holds no token; expected 32 characters or more, as of `openssl rand -hex 32`")
    return content


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
