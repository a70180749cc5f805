"""Hosts in one file: what comes out is what went in, and what is no such file is refused."""

import io
import lzma
import pickle
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.actors import NUMERIC, Tokens
from fail2ban_ai.errors import SourceError
from fail2ban_ai.model.labels import KINDS
from fail2ban_ai.training import corpora, packed
from fail2ban_ai.training.hosts import Host, Truth
from fail2ban_ai.training.simulator import training_world

_TEXT = st.text(st.characters(), max_size=8)  # lone surrogates too


@st.composite
def _hosts(draw: st.DrawFn) -> Host:
    n = draw(st.integers(0, 5))
    texts = st.lists(_TEXT, min_size=n, max_size=n)
    numbers = np.random.default_rng(draw(st.integers(0, 99)))
    columns = {name: draw(texts) for name in ("actor", "request", "second", "referer")}
    columns["path"] = [draw(st.none() | _TEXT) for _ in range(n)]
    columns["time"] = numbers.random(n)
    columns["numeric"] = numbers.random((n, len(NUMERIC)), np.float32)
    for column in fields(Tokens):
        shape = (n, 3) if column.name == "touched" else n
        columns.setdefault(column.name, numbers.integers(0, 2**40, shape))
    told = st.builds(Truth, st.booleans(), st.none() | st.sampled_from(KINDS), st.booleans())
    truth = draw(st.dictionaries(_TEXT, told, max_size=3))
    return Host(draw(_TEXT), Tokens(**columns), truth, draw(st.booleans()), 0.5 * n, made_of=tuple(draw(texts)))


def _same(one: Host, other: Host) -> bool:
    for column in fields(Tokens):
        a, b = getattr(one.tokens, column.name), getattr(other.tokens, column.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        else:
            assert a == b
    return (one.name, one.truth, one.real, one.days, one.made_of) == (
        other.name,
        other.truth,
        other.real,
        other.days,
        other.made_of,
    )


@pytest.fixture(scope="module")
def five() -> Host:
    return corpora.simulated(training_world(5), "five")


def _again(hosts: list[Host], path: Path) -> list[Host]:
    packed.pack(hosts, path)
    return packed.unpack(path)


@given(st.lists(_hosts(), max_size=3))
def test_what_comes_out_is_what_went_in(tmp_path_factory: pytest.TempPathFactory, hosts: list[Host]) -> None:
    found = _again(hosts, tmp_path_factory.mktemp("packed") / "hosts.xz")
    assert len(found) == len(hosts)
    assert all(_same(*pair) for pair in zip(hosts, found, strict=True))


def test_a_simulated_host_is_small_and_the_same(tmp_path: Path, five: Host) -> None:
    (found,) = _again([five], tmp_path / "hosts.xz")
    assert _same(five, found)
    assert (tmp_path / "hosts.xz").stat().st_size < five.tokens.numeric.nbytes / 4


def test_a_damaged_file_is_refused_by_name(tmp_path: Path, five: Host) -> None:
    path = tmp_path / "hosts.xz"
    with pytest.raises(SourceError, match=r"hosts\.xz cannot be read"):
        packed.unpack(path)
    packed.pack([five], path)
    whole = path.read_bytes()
    inner = lzma.decompress(whole)
    for content in (b"", whole[:-200], b"none of it", lzma.compress(inner[: len(inner) // 2]), lzma.compress(b"[]")):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"hosts\.xz are damaged"):
            packed.unpack(path)


@pytest.mark.parametrize("column", ["numeric", "letters", "actor", "header", "count"])
def test_columns_that_do_not_belong_together_are_refused(tmp_path: Path, five: Host, column: str) -> None:
    path = tmp_path / "hosts.xz"
    packed.pack([five], path)
    held = dict(np.load(io.BytesIO(lzma.decompress(path.read_bytes()))))
    for other in ({}, {column: held[column][..., :-1]}):
        made = io.BytesIO()
        np.savez(made, **({name: each for name, each in held.items() if name != column} | other))
        path.write_bytes(lzma.compress(made.getvalue()))
        with pytest.raises(SourceError, match=r"hosts\.xz are damaged"):
            packed.unpack(path)


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (Path("harmed"),)


def test_nothing_in_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = io.BytesIO()
    np.savez(made, header=np.array([_Harm()], object))
    for content in (made.getvalue(), pickle.dumps(_Harm())):
        Path("hosts.xz").write_bytes(lzma.compress(content))
        with pytest.raises(SourceError):
            packed.unpack(Path("hosts.xz"))
    assert not Path("harmed").exists()


def test_training_on_packed_hosts_needs_no_polars(tmp_path: Path, five: Host) -> None:
    pytest.importorskip("torch")
    packed.pack([five], tmp_path / "hosts.xz")
    without = "import sys; sys.modules['polars'] = sys.modules['pydantic'] = None; from pathlib import Path;"
    code = without + "from fail2ban_ai.training import packed, train; print(len(packed.unpack(Path(sys.argv[1]))))"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "hosts.xz"], check=False, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr
