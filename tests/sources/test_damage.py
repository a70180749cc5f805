import gzip
import os
import random
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai.errors import SourceError
from fail2ban_ai.sources import LogReader, SourceStats
from fail2ban_ai.sources import lines as lines_module
from fail2ban_ai.sources.lines import LINE_LIMIT, LineFile


def read(*paths, **options):
    reader = LogReader(paths, **options)
    frames = list(reader)
    return [text for frame in frames for text in frame["text"]], reader.stats


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.log"
    path.write_text("1 a\n2 b\n")
    return path


def test_gzip_is_known_by_its_first_bytes_not_its_name(tmp_path):
    (tmp_path / "a.log").write_bytes(gzip.compress(b"1 a\n3 c\n"))
    (tmp_path / "b.gz").write_text("2 b\n")
    texts, stats = read(tmp_path / "a.log", tmp_path / "b.gz")
    assert texts == ["1 a", "2 b", "3 c"]
    assert [each.problem for each in stats] == [None, None]


def test_gzip_of_several_members_is_read_whole(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"1 a\n") + gzip.compress(b"2 b\n"))
    assert read(tmp_path / "a.gz")[0] == ["1 a", "2 b"]


def noisy_log():
    rand = random.Random(5)  # noqa: S311 - noise that does not compress
    return "".join(f"{at} {rand.getrandbits(400):x}\n" for at in range(20_000)).encode()


@pytest.mark.parametrize("damage", ["cut", "overwritten", "checksum", "tail"])
def test_a_broken_gzip_gives_what_stands_before_the_damage(tmp_path, good, damage):
    packed = bytearray(gzip.compress(noisy_log()))
    if damage == "cut":
        packed = packed[: len(packed) // 2]
    elif damage == "overwritten":
        packed[len(packed) // 2 : len(packed) // 2 + 400] = b"\xff" * 400
    elif damage == "checksum":
        packed[-8] ^= 0xFF
    else:
        packed += b"no gzip member"
    (tmp_path / "x.log.1.gz").write_bytes(packed)
    texts, stats = read(tmp_path / "x.log.1.gz", good)
    assert "damaged gzip" in stats[0].problem
    assert stats[1].problem is None
    assert len(texts) >= 5000
    assert "2 b" in texts
    if damage in ("checksum", "tail"):
        assert stats[0].understood == 20_000


def test_any_gzip_header_and_noise(tmp_path, good):
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b" + os.urandom(3000))
    texts, stats = read(tmp_path / "x.gz", good)
    assert texts == ["1 a", "2 b"]
    assert stats[0].problem


def test_what_is_no_log_is_told_and_the_rest_read(tmp_path, good):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "wtmp").write_bytes(b"\x07\0\0\0" + bytes(380) * 9)
    (tmp_path / "prose").write_text("Nothing here has a stamp.\nNothing at all.\n")
    (tmp_path / "empty").touch()
    names = ["folder", "pipe", "wtmp", "missing", "prose", "empty"]
    texts, stats = read(*(tmp_path / name for name in names), good)
    assert texts == ["1 a", "2 b"]
    told = {name: each.problem for name, each in zip(names, stats, strict=False)}
    assert "is a directory" in told["folder"]
    assert "no regular file" in told["pipe"]
    assert "binary" in told["wtmp"]
    assert "No such file" in told["missing"]
    assert "no format fits" in told["prose"]
    assert told["empty"] is None
    assert [(each.read, each.understood, each.format) for each in stats[4:]] == [
        (2, 0, None),
        (0, 0, None),
        (2, 2, "seconds"),
    ]


def test_nothing_to_open_is_an_error_that_names_the_files(tmp_path):
    with pytest.raises(SourceError, match=r"missing.*No such file.*a directory"):
        LogReader([tmp_path / "missing", tmp_path])
    with pytest.raises(SourceError, match="no log"):
        LogReader([])
    with pytest.raises(SourceError, match="cannot be opened"):
        LogReader(["nul\0name"])


def test_a_file_that_vanishes_before_its_turn(tmp_path, good):
    late = tmp_path / "late.log"
    late.write_text("99999 z\n")
    reader = LogReader([good, late])
    late.unlink()
    assert pl.concat(list(reader)).height == 2
    assert "No such file" in reader.stats[1].problem


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines_module, "BLOCK", 4096)
    path = tmp_path / "a.log"
    path.write_text("".join(f"{at} x\n" for at in range(200_000)))
    reader = LogReader([path], chunk_lines=100)
    frames = iter(reader)
    first = next(frames)
    os.truncate(path, 10)
    rest = list(frames)
    assert first.height + sum(frame.height for frame in rest) < 200_000
    assert "shrank" in reader.stats[0].problem


def test_blank_lines_and_carriage_returns(tmp_path):
    (tmp_path / "a").write_bytes(b"\n1 a\r\n \t\n2 b\rc\nno stamp\n3 c")
    texts, stats = read(tmp_path / "a")
    assert texts == ["1 a", "2 b\rc", "3 c"]
    assert (stats[0].read, stats[0].understood) == (4, 3)


def test_nul_and_invalid_bytes_and_line_breaks_of_unicode_stay_inside_their_line(tmp_path):
    (tmp_path / "a").write_bytes(b"1 ok\n2 a\0\xff\xc3\x28\xe2\x80\xa8 5 \x0b\x0c\x85z\n")
    assert read(tmp_path / "a")[0] == ["1 ok", "2 a\0\ufffd\ufffd(\u2028 5 \x0b\x0c\ufffdz"]


@pytest.mark.parametrize("length", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 3 * LINE_LIMIT, 300_000])
@pytest.mark.parametrize("end", ["", "\n", "\n3 c\n"])
def test_an_endless_line_is_cut_and_counted(tmp_path, monkeypatch, length, end):
    monkeypatch.setattr(lines_module, "BLOCK", 50_000)  # so that lines cross blocks
    text = "2 " + "x" * (length - 2)
    (tmp_path / "a").write_text("1 a\n" + text + end)
    texts, stats = read(tmp_path / "a")
    assert texts == ["1 a", text[:LINE_LIMIT]] + (["3 c"] if "c" in end else [])
    assert stats[0].truncated == (length > LINE_LIMIT)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=40) | st.integers(0, 200).map(lambda n: b"x" * n), max_size=30),
    st.integers(1, 64),
    st.integers(1, 9),
)
def test_any_bytes_split_as_python_splits_them(tmp_path_factory, parts, block, chunk):
    path = tmp_path_factory.mktemp("any") / "log"
    data = b"some text so that it is no binary file " * 300 + b"\n" + b"\n".join(parts)
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "BLOCK", block)
        patch.setattr(lines_module, "LINE_LIMIT", 100)
        stats = SourceStats("log")
        frames = list(LineFile(str(path), stats).frames(chunk))
    made = [row for frame in frames for row in frame.rows()]
    split = [line[:100].decode("utf-8", "replace").removesuffix("\r") for line in data.split(b"\n")]
    assert made == [(text, number) for number, text in enumerate(split, 1) if re.search(r"[^\s]|[\x1c-\x1f]", text)]
    assert stats.truncated == sum(len(line) > 100 for line in data.split(b"\n"))
    assert all(frame.height <= chunk for frame in frames)


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c"])
def test_a_line_that_begins_like_a_compressed_file_is_a_line(magic):
    assert lines_module.split(magic + b" first\nsecond", 7)["line"].to_list() == [7, 8]
    assert lines_module.split(magic, 1)["raw"].to_list() == [magic.decode("utf-8", "replace")]
