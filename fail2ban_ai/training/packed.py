"""Hosts in one file, to be trained on where there is neither Polars nor a log: each text once, columns one by one.

    xz of an .npz:  header (JSON: per host what Host holds besides tokens), letters and lengths (of each distinct text),
                    and a column for each field of Tokens, all hosts in one; texts by number, -1 for None

Nothing in it is code: numpy is told to read no pickled object.
"""

import io
import json
import lzma
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fail2ban_ai.actors import NUMERIC, Tokens
from fail2ban_ai.actors.tokens import joined, none
from fail2ban_ai.errors import SourceError
from fail2ban_ai.training.hosts import Host, Truth

_TEXTS = ("actor", "request", "second", "referer", "path")
_PRESET = 2  # of xz: a third of the time of the default for files a tenth larger
_HOST = ("name", "real", "days", "made_of")


def pack(hosts: Sequence[Host], path: Path) -> None:
    """Write these hosts, but for their event frames, to a file."""
    whole = joined([none(), *(host.tokens for host in hosts)])
    number: dict[str, int] = {}
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in (column.name for column in fields(Tokens)):
        column = getattr(whole, name)
        if name in _TEXTS:
            codes = [-1 if text is None else number.setdefault(text, len(number)) for text in column]
            columns[name] = np.array(codes, np.int32)
        else:
            columns[name] = np.ascontiguousarray(column.T)  # values of one kind side by side are smaller packed
    letters = [text.encode("utf-8", "surrogatepass") for text in number]
    columns["lengths"] = np.array([len(each) for each in letters], np.int64)
    columns["letters"] = np.frombuffer(b"".join(letters), np.uint8)
    columns["header"] = np.frombuffer(json.dumps([_described(host) for host in hosts]).encode(), np.uint8)
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **columns)
    path.write_bytes(lzma.compress(held.getvalue(), preset=_PRESET))


def unpack(path: Path) -> list[Host]:
    """The hosts of such a file.

    Raises:
        SourceError: it cannot be read, or is not such a file.
    """
    try:
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False) as held:
            return _hosts({name: held[name] for name in held.files})
    except OSError as error:
        raise SourceError(f"The packed hosts {path} cannot be read: {error.strerror}.") from error
    except (lzma.LZMAError, zipfile.BadZipFile, AttributeError, EOFError, LookupError, TypeError, ValueError) as error:
        raise SourceError(f"The packed hosts {path} are damaged: {error}.") from error


def _described(host: Host) -> dict[str, Any]:
    truth = {actor: asdict(told) for actor, told in host.truth.items()}
    return {name: getattr(host, name) for name in _HOST} | {"tokens": len(host.tokens), "truth": truth}


def _hosts(held: dict[str, npt.NDArray[Any]]) -> list[Host]:
    """Raises LookupError, TypeError or ValueError where something is missing or of another kind."""
    letters = held["letters"].tobytes()
    ends = np.cumsum(held["lengths"]).tolist()
    if (ends[-1] if ends else 0) != len(letters) or (held["lengths"] < 0).any():
        raise ValueError("its texts are cut off")
    texts: list[str | None] = [
        letters[start:end].decode("utf-8", "surrogatepass") for start, end in zip([0, *ends], ends, strict=False)
    ]
    texts.append(None)  # at -1
    columns: dict[str, Any] = {}
    for name in (column.name for column in fields(Tokens)):
        found = held[name]
        columns[name] = [texts[code] for code in found.tolist()] if name in _TEXTS else np.ascontiguousarray(found.T)
    whole = Tokens(**columns)
    header = json.loads(held["header"].tobytes())
    size = sum(each["tokens"] for each in header)
    if {len(getattr(whole, name)) for name in columns} != {size} or whole.numeric.shape[1:] != (len(NUMERIC),):
        raise ValueError("its columns are not those of its hosts")
    hosts, start = [], 0
    for each in header:
        end = start + each["tokens"]
        tokens = Tokens(**{name: getattr(whole, name)[start:end] for name in columns})
        truth = {actor: Truth(**told) for actor, told in each["truth"].items()}
        hosts.append(Host(each["name"], tokens, truth, each["real"], each["days"], made_of=tuple(each["made_of"])))
        start = end
    return hosts
