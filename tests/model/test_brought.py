"""An encoder that a site brings: trained on, scored with, the same each time; folders that could do harm are refused."""

import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tokens_of import made_up

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")
pytest.importorskip("sklearn")

import safetensors.torch
import torch
from tiny_encoders import VOCABULARY, make, tokenizer

from fail2ban_ai import paths
from fail2ban_ai.cli.group import cli
from fail2ban_ai.config_model import Model
from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import runtimes, weights
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer, Scores
from fail2ban_ai.model.tokenizer import LENGTH, PAD, Tokenizer
from fail2ban_ai.model.torch import TorchRuntime
from fail2ban_ai.training import brought, corpora, evaluate, fit_encoder, settings, train
from fail2ban_ai.training.simulator import training_world
from fail2ban_ai.training.step import Pieces

pytestmark = pytest.mark.torch

TEXTS = ["/", "/wp-login.php", "", "/a?id=0' or 0=0--" * 20, "curl/0.0.0", "\x00\u202e", "[SEP] [PAD] </s> <pad>"]
TINY = settings.setting("tiny")
FEW = settings.Setting(**TINY.as_dict() | {"encoder_steps": 4})


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, words, env={"FAIL2BAN_AI_CORPORA": None}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refusal(*words: str) -> str:
    done = CliRunner().invoke(cli, words, env={"FAIL2BAN_AI_CORPORA": None})
    assert done.exit_code != 0
    assert not isinstance(done.exception, SystemExit) or done.exception.code
    return " ".join((done.output + str(done.exception)).split())


@pytest.fixture(scope="module", params=["modernbert", "bert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    told = run("model", "train", "--setting", "tiny", "--encoder", str(folder), "--out", str(out))
    assert "runtime: torch" in told
    return out


@pytest.fixture(scope="module")
def runtime(trained: Path) -> TorchRuntime:
    found = runtimes.chosen(Model(runtime="torch", weights=trained))
    assert isinstance(found, TorchRuntime)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A sound folder that a test may spoil."""
    return make(tmp_path / "encoder", "bert")


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_is_written(folder: Path, trained: Path) -> None:
    held = weights.load(trained)
    assert {path.name for path in trained.iterdir()} == {*weights.BROUGHT_FILES, weights.CARD}
    assert set(held.card["sha256"]) == set(weights.BROUGHT_FILES)
    assert held.read("tokenizer.json") == (folder / "tokenizer.json").read_bytes()
    assert held.card["encoder"]["kind"] in brought.KINDS
    assert str(folder) not in (trained / weights.CARD).read_text() + (trained / weights.CONFIG).read_text()
    assert "encoder of your own" in run("model", "info", "--weights", str(trained))


def test_training_changed_what_was_brought(folder: Path, trained: Path) -> None:
    state = safetensors.torch.load_file(trained / "encoder.safetensors")
    before = brought.read(folder).state
    assert {name for name in state if name.startswith("body.")} == {f"body.{name}" for name in before}
    moved = [name for name, value in before.items() if not torch.equal(state[f"body.{name}"], value)]
    assert len(moved) > len(before) / 2


def test_the_same_seed_gives_the_same_scores(folder: Path, trained: Path, tmp_path: Path) -> None:
    run("model", "train", "--setting", "tiny", "--encoder", str(folder), "--out", str(tmp_path))
    assert weights.load(tmp_path).card["sha256"] == weights.load(trained).card["sha256"]
    tokens = made_up(200, actors=9, texts=60, seed=7)
    first, second = (Scorer(*_parts(each)).score(tokens) for each in (trained, tmp_path))
    assert np.isfinite(first.hostile).all()
    for name in ("hostile", "kind", "attack"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def _parts(folder: Path) -> tuple[TorchRuntime, weights.Weights]:
    held = weights.load(folder)
    return TorchRuntime(held), held


def test_training_and_runtime_encode_alike(trained: Path, runtime: TorchRuntime) -> None:
    made, _ = train.read(trained)
    assert np.abs(made.encode(TEXTS) - runtime.encode(TEXTS)[:, :-1]).max() <= 0.001


def test_batch_mates_change_nothing(runtime: TorchRuntime) -> None:
    others = made_up(300, actors=2, texts=300, seed=5).request
    assert np.array_equal(runtime.encode([*others, *TEXTS])[300:], runtime.encode(TEXTS))
    for i, text in enumerate(TEXTS):
        assert np.array_equal(runtime.encode([text])[0], runtime.encode(TEXTS)[i])


def test_another_actor_cannot_move_a_score(trained: Path, runtime: TorchRuntime) -> None:
    def scored(tokens: Any) -> Scores:
        return Scorer(runtime, weights.load(trained)).score(tokens)

    tokens = made_up(120, actors=6, texts=50, seed=3)
    own = [i for i, actor in enumerate(tokens.actor) if actor == tokens.actor[0]]
    without = scored(tokens).hostile[own]
    for i in range(120):
        if i not in own:
            tokens.request[i] = "/etc/passwd?x=' or 1=1 union select password from users--"
    assert np.array_equal(scored(tokens).hostile[own], without)


def test_a_log_is_scored(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL2BAN_AI_ROOT", str(tmp_path))
    paths.config().parent.mkdir(parents=True)
    log = tmp_path / "access.log"
    log.write_text(
        "".join(
            f'192.0.2.{i % 9} - - [03/Mar/2026:10:{i:02}:00 +0000] "GET /page{i} HTTP/1.1" 200 512 "-" "curl/8.0"\n'
            for i in range(60)
        )
    )
    for name in ("torch", "onnx"):
        paths.config().write_text(json.dumps({"model": {"runtime": name, "weights": str(trained)}}))
        if name == "torch":
            found = json.loads(run("analyze", str(log), "--json"))
            assert weights.load(trained).sha256 in json.dumps(found)
        else:
            assert "torch alone" in refusal("analyze", str(log), "--json")


def test_onnx_says_what_to_do(trained: Path) -> None:
    held = weights.load(trained)
    with pytest.raises(ModelError, match="runtime: torch"):
        OnnxRuntime(held)
    assert "torch alone" in refusal("model", "export", "--weights", str(trained), "--out", str(trained / "x"))


def test_a_server_of_other_weights_is_told(trained: Path, tmp_path: Path) -> None:
    own = weights.load(trained).sha256
    for name in weights.BROUGHT_FILES:
        other = Path(shutil.copytree(trained, tmp_path / name))
        change_of_file = weights.load(other)
        change_of_file.card["sha256"][name] = "0" * 64
        assert change_of_file.sha256 != own, name
        (other / name).write_bytes((other / name).read_bytes() + b" ")
        with pytest.raises(ModelError, match="damaged"):
            TorchRuntime(weights.load(other))


def test_a_watcher_bridges_with_the_processor(trained: Path, tmp_path: Path, runtime: TorchRuntime) -> None:
    token = tmp_path / "token"
    token.write_text("f" * 64)
    token.chmod(0o600)
    asking = runtimes.chosen(
        Model(runtime="remote", weights=trained, server="http://127.0.0.1:9", token_file=token)
    )  # nobody listens
    assert np.array_equal(asking.encode(TEXTS), runtime.encode(TEXTS))
    assert "not used" in (asking.trouble or "")
    asking.close()  # type: ignore[attr-defined]


def test_it_is_evaluated_as_any_model(trained: Path) -> None:
    host = corpora.simulated(training_world(5), "world")
    figures = evaluate.evaluate([host], weights.load(trained), lambda *_: None)["world"]
    assert (figures["hostile"] or 0) > 0
    assert figures["auc"] is not None


def test_what_is_read_is_written_again(trained: Path, tmp_path: Path) -> None:
    """As `model train --from-state` does with the parts that it leaves alone."""
    made, card = train.read(trained)
    train.write(tmp_path, made, card)
    assert weights.load(tmp_path).card == weights.load(trained).card


def test_a_part_kept_is_taken_up_and_leaves_nothing_in_another(trained: Path, tmp_path: Path) -> None:
    (mine, _), (own, card) = train.read(trained), train.read(weights.SHIPPED)

    def again() -> train.Learned:
        raise AssertionError("it was learned before")

    train._kept(tmp_path, TINY, "about mine", lambda: mine)
    assert train._kept(tmp_path, TINY, "about mine", again).encoder.config == mine.encoder.config
    setting = settings.Setting(**card["setting"])
    train._kept(tmp_path, setting, "about ours", lambda: own)
    assert train._kept(tmp_path, setting, "about ours", again).encoder.config is None


# Memory


def scarce(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Calls with more rows than `most` fail, as on a GPU whose memory is full."""
    states = brought.BroughtEncoder.states

    def limited(self: brought.BroughtEncoder, ids: torch.Tensor) -> torch.Tensor:
        if len(ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return states(self, ids)

    monkeypatch.setattr(brought.BroughtEncoder, "states", limited)


def lessons() -> list[fit_encoder.Lesson]:
    return [fit_encoder.Lesson(f"/page{i}", i % 3 if i % 2 else -1, i % 2 if i % 3 else -1) for i in range(40)]


def fitted(base: brought.Base) -> Any:
    return fit_encoder.train(
        lessons(), [], Tokenizer(base.tokenizer), setting=FEW, seed=1, tell=lambda *_: None, base=base
    )


def test_training_halves_its_batches(
    copy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    base = brought.read(copy)
    whole = fitted(base)
    scarce(monkeypatch, FEW.encoder_batch // 4)
    with caplog.at_level(logging.WARNING):
        pieces = fitted(base)
        encoded = fit_encoder.encode(pieces, Tokenizer(base.tokenizer), [f"/{i}" for i in range(96)])
    assert [each for each in caplog.messages if "reads batches of" in each] == [
        "The GPU's memory is full: it reads batches of 64 texts.",
        "The GPU's memory is full: it reads batches of 32 texts.",
    ]
    assert "The GPU's memory is full: it encodes batches of 32 texts." in caplog.messages
    assert np.isfinite(encoded).all()
    monkeypatch.undo()
    texts = [f"/page{i}" for i in range(9)]
    one, two = (fit_encoder.encode(each, Tokenizer(base.tokenizer), texts) for each in (whole, pieces))
    assert np.abs(one - two).max() < 0.05, "gradients of the pieces add up to the batch's, but for dropout"


def test_pieces_give_the_gradient_of_the_batch() -> None:
    values = torch.arange(8.0)

    def stepped(most: int) -> torch.Tensor:
        layer = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(layer.weight)

        def loss(rows: np.ndarray) -> torch.Tensor:
            if len(rows) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return (layer(values[rows].unsqueeze(1)) * 0.01).mean()

        optimiser = torch.optim.SGD(layer.parameters(), lr=1)
        Pieces().descend(loss, np.arange(8), layer, optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, 1))
        return layer.weight.detach()

    assert torch.allclose(stepped(8), stepped(1))
    assert not torch.allclose(stepped(8), torch.ones(1, 1))


def test_training_that_fits_in_no_piece_ends(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = brought.read(copy)
    encoder = base.encoder(TINY).eval()
    monkeypatch.setattr(brought, "read", lambda _: base)
    scarce(monkeypatch, 0)
    with pytest.raises(torch.OutOfMemoryError):
        fit_encoder.encode(encoder, Tokenizer(base.tokenizer), ["/"])
    words = ("model", "train", "--setting", "tiny", "--encoder", str(copy), "--out", str(tmp_path / "out"))
    assert "memory is too small" in refusal(*words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="takes the processor for a GPU")
@pytest.mark.parametrize(("most", "told"), [(2000, "in batches of"), (1, "the processor scores")])
def test_scoring_falls_back(
    trained: Path, runtime: TorchRuntime, most: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = runtime.encode(TEXTS)
    short = TorchRuntime(weights.load(trained))
    short._device = "cuda"
    to = torch.Tensor.to
    monkeypatch.setattr(torch.Tensor, "to", lambda x, *to_, **how: x if to_ == ("cuda",) else to(x, *to_, **how))
    states = short._encoder.states

    def limited(ids: torch.Tensor) -> torch.Tensor:
        if len(ids) > most and short._device == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return states(ids)

    monkeypatch.setattr(short._encoder, "states", limited)
    assert np.abs(short.encode(TEXTS) - expected).max() <= 0.002
    assert told in (short.trouble or "")


# Folders


@pytest.mark.parametrize("kind", brought.KINDS)
def test_each_kind_that_we_name_can_be_read(kind: str, tmp_path: Path) -> None:
    base = brought.read(make(tmp_path, kind))
    encoder, inner = base.encoder(TINY).eval(), Tokenizer(base.tokenizer)
    with torch.no_grad():
        rows = [torch.tensor([ids]) for ids in inner.encode(TEXTS)]
        padded = [torch.nn.functional.pad(row, (0, LENGTH - row.shape[1]), value=PAD) for row in rows]
        for short, long in zip(rows, padded, strict=True):
            assert torch.allclose(encoder(short), encoder(long), atol=1e-5), "padding says nothing"


def test_ids_of_a_text() -> None:
    marks = ["[CLS]", "[SEP]", "[PAD]"]
    inner = Tokenizer(tokenizer(wordpiece=False, marks=marks).to_str())
    empty, long, spelled = inner.encode(["", "ab" * 400, "[PAD]"])
    assert empty == [1, 2]
    assert len(long) == LENGTH
    assert (long[0], long[31], long[-1]) == (1, 2, 2)
    assert 3 not in spelled, "whoever writes a mark into a request gets the letters of it"
    assert PAD not in {i for ids in inner.encode(TEXTS) for i in ids}
    assert max(i for ids in inner.encode(TEXTS) for i in ids) < inner.size


def test_pickled_weights_are_not_read(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    ran = copy / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(ran),))

    (copy / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Bomb()}))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is pickled"):
        brought.read(copy)
    assert not ran.exists()


def test_code_is_not_run(copy: Path) -> None:
    (copy / "modeling.py").write_text("import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n")
    change(copy / "config.json", auto_map={"AutoModel": "modeling.Model"})
    with pytest.raises(ModelError, match="auto_map"):
        brought.read(copy)
    assert not (copy / "ran").exists()


def replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_a_config_chooses_no_other_arithmetic(copy: Path) -> None:
    """Attention kernels may be named by where to fetch them from, and half precision would score otherwise."""
    plain = brought.read(copy)
    change(copy / "config.json", attn_implementation="example/kernels", _attn_implementation="example/kernels")
    change(copy / "config.json", dtype="bfloat16", torch_dtype="bfloat16", return_dict=False, use_kernels=True)
    base = brought.read(copy)
    encoder = base.encoder(TINY)
    assert encoder.body.config._attn_implementation == "eager"
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert all(torch.equal(value, plain.state[name]) for name, value in base.state.items())


def _vocabulary(folder: Path) -> None:
    marks = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    larger = tokenizer(wordpiece=False, marks=marks)
    larger.add_tokens([f"word{i}" for i in range(VOCABULARY)])
    larger.save(str(folder / "tokenizer.json"))


def _index(folder: Path, *names: str) -> None:
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    parts = {f"tensor{i}": name for i, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": parts}))


def _pipe(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    os.mkfifo(folder / "tokenizer.json")


def _without(folder: Path, name: str) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    del state[name]
    safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})


def _not_finite(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state["bert.embeddings.word_embeddings.weight"][:] = float("nan")
    safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})


SPOILED: list[tuple[Any, str]] = [
    (shutil.rmtree, "no folder"),
    (lambda f: (f / "config.json").unlink(), r"no config\.json"),
    (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    (lambda f: (f / "config.json").write_text("[]"), "model_type None"),
    (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    (lambda f: change(f / "config.json", model_type="gpt2"), "expected one of bert"),
    (lambda f: change(f / "config.json", model_type=["bert"]), "expected one of bert"),
    (lambda f: change(f / "config.json", quantization_config={"quant_method": "gptq"}), "quantised"),
    (lambda f: change(f / "config.json", hidden_size="wide"), "cannot be used|describes no model|cannot be loaded"),
    (lambda f: change(f / "config.json", hidden_size=32), "cannot be loaded"),
    (lambda f: change(f / "config.json", num_hidden_layers=3), "lack"),
    (lambda f: (f / "tokenizer.json").unlink(), r"no tokenizer\.json"),
    (_pipe, r"no tokenizer\.json"),
    (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer cannot be read"),
    (lambda f: replace(f / "tokenizer.json", "[SEP]", "[END]"), "none of the marks"),
    (_vocabulary, "another model's"),
    (lambda f: (f / "model.safetensors").unlink(), r"no model\.safetensors\. Save"),
    (lambda f: (f / "model.safetensors").write_bytes(b"x" * 100), "cannot be loaded"),
    (lambda f: _index(f, "../part.safetensors"), "names files"),
    (lambda f: _index(f, "part.safetensors", "other.safetensors"), "names files"),
    (lambda f: _index(f, "part.bin"), "names files"),
    (_index, "names files"),
    (lambda f: (_index(f), (f / "model.safetensors.index.json").write_text("[]")), "no index"),
    (lambda f: _without(f, "bert.encoder.layer.1.output.dense.weight"), "lack 1 tensors"),
    (_not_finite, "damaged"),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILED)
def test_a_folder_that_is_refused(copy: Path, spoil: Any, words: str) -> None:
    spoil(copy)
    with pytest.raises(ModelError, match=words):
        brought.read(copy)


def test_too_short_for_our_texts(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"cannot read texts of {LENGTH} tokens"):
        brought.read(make(tmp_path, "bert", max_position_embeddings=LENGTH - 1))


def test_weights_in_parts_and_links_are_read(copy: Path, tmp_path: Path) -> None:
    whole = brought.read(copy)
    state = safetensors.torch.load_file(copy / "model.safetensors")
    names = sorted(state)
    placed = {}
    for i, part in enumerate((names[::2], names[1::2])):
        name = f"model-0000{i + 1}-of-00002.safetensors"
        safetensors.torch.save_file({key: state[key] for key in part}, copy / name, {"format": "pt"})
        placed |= dict.fromkeys(part, name)
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    linked = tmp_path / "snapshot"  # as the library's own cache is laid out
    linked.mkdir()
    for path in copy.iterdir():
        (linked / path.name).symlink_to(path)
    for each in (copy, linked):
        found = brought.read(each)
        assert all(torch.equal(value, found.state[name]) for name, value in whole.state.items())


def test_the_command_says_why(copy: Path, tmp_path: Path) -> None:
    (copy / "tokenizer.json").unlink()
    words = ("model", "train", "--setting", "tiny", "--encoder", str(copy), "--out", str(tmp_path / "out"))
    assert "no tokenizer.json" in refusal(*words)
    assert "a new one is trained" in refusal(*words, "--from-state")
    assert not (tmp_path / "out").exists()


def test_no_server_is_asked(copy: Path) -> None:
    change(copy / "config.json", _name_or_path="example/model")
    program = (
        "import socket, sys, pathlib\n"
        "def connect(*_): print('asked'); raise OSError\n"
        "socket.socket.connect = socket.getaddrinfo = connect\n"
        "from fail2ban_ai.training import brought\n"
        "brought.read(pathlib.Path(sys.argv[1]))\n"
        "from huggingface_hub import constants\n"
        "print(constants.HF_HUB_OFFLINE)\n"
    )
    words = [sys.executable, "-c", program, str(copy)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["True"]
    assert done.stderr == ""
