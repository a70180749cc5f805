"""Encoders as a site might bring them, with random weights: folders as the transformers library writes them."""

import warnings
from pathlib import Path

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

VOCABULARY = 400
WIDTH = 16
_TEXTS = ["/index.html?id=0' or 0=0--", "/wp-login.php", "mozilla/0.0 (x00; linux)", "sshd: failed password for <user>"]
_HEADS = {"distilbert": {"dim": WIDTH, "hidden_dim": 32, "n_heads": 2, "n_layers": 2}, "electra": {"embedding_size": 8}}


def make(folder: Path, kind: str, **values: object) -> Path:
    """A folder with an encoder of `kind` (a model_type) and a tokenizer of the sort that goes with it."""
    wordpiece = kind in ("bert", "distilbert", "electra")
    marks = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"] if wordpiece or kind == "modernbert" else _OF_ROBERTA
    definition = tokenizer(wordpiece=wordpiece, marks=marks)
    config = transformers.CONFIG_MAPPING[kind](
        **{
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 64,
            "pad_token_id": marks.index("<pad>") if "<pad>" in marks else 0,
            **_HEADS.get(kind, {}),
            **values,
        }
    )
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    definition.save(str(folder / "tokenizer.json"))
    return folder


_OF_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def tokenizer(*, wordpiece: bool, marks: list[str]) -> tokenizers.Tokenizer:
    """A tokenizer that sets a mark before and after each text."""
    if wordpiece:
        inner = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        inner.normalizer = normalizers.BertNormalizer()
        inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=marks, show_progress=False)
    else:
        inner = tokenizers.Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=marks,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    inner.train_from_iterator(_TEXTS, trainer)
    first, last = ("<s>", "</s>") if "<s>" in marks else ("[CLS]", "[SEP]")
    inner.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(name, marks.index(name)) for name in (first, last)]
    )
    # As many folders have it; we cut and pad ourselves.
    inner.enable_truncation(8)
    inner.enable_padding(length=8, pad_id=0)
    return inner
