"""The files of a CLIP tokenizer for a small vocabulary."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from sdjax.text.tokenizer import Tokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


def write_tokenizer(folder: str | Path, words: Sequence[str], length: int) -> int:
    """Write `folder` so that transformers' `CLIPTokenizer` reads it; the size of the vocabulary.

    It is byte-level BPE as CLIP has it (Radford et al., arXiv 2103.00020): every text has tokens,
    and each of `words` (of ASCII letters) has one of its own.  Texts are padded with the end token
    to `length` tokens, start and end among them.
    """
    vocabulary, merges = _byte_pairs(words)
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    _write(Path(folder), vocabulary, merges, special, length)
    return len(vocabulary)


def extend_tokenizer(
    tokenizer: Tokenizer, words: Sequence[str], first: int, folder: str | Path
) -> int:
    """Write to `folder` a tokenizer that has a token for each of `words` too; how many are new.

    The new ids begin with `first`, and include the parts of which a word is put together.  All
    that was a token keeps its id, and texts whose words were tokens have the ids they had: merges
    are appended, which BPE tries after all others.  A word is put together from its end, so that
    of other unknown words few have other tokens than before, those that end alike.
    """
    library = tokenizer.library
    model = json.loads(library.backend_tokenizer.to_str())["model"]
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    ranks = {tuple(pair): rank for rank, pair in enumerate(pairs)}
    vocabulary = dict(model["vocab"])
    for word in words:
        while len(tokens := _split(word, ranks)) > 1:
            ranks[tokens[-2:]] = len(ranks)
            made = "".join(tokens[-2:])
            vocabulary.setdefault(made, first + len(vocabulary) - len(model["vocab"]))
    special = {name: str(token) for name, token in library.special_tokens_map.items()}
    _write(Path(folder), vocabulary, list(ranks), special, tokenizer.length)
    return len(vocabulary) - len(model["vocab"])


def _write(
    folder: Path,
    vocabulary: dict[str, int],
    merges: Sequence[tuple[str, str]],
    special: dict[str, Any],
    length: int,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines))
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    settings = {**special, "model_max_length": length, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))


def _byte_pairs(words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Ids and merges: the bytes, the bytes that end a word, what the merges make, the two marks.

    Merges are learned from the words themselves until each of them is one token.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    merges = _learn(words)
    merged = [first + second for first, second in merges]
    tokens = [*letters, *(letter + WORD_END for letter in letters), *merged, START, END]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges


def _learn(words: Sequence[str]) -> list[tuple[str, str]]:
    """The most frequent pair first, the first in the alphabet of those: the library's own training
    leaves the order of equally frequent pairs, and so the ids, to chance."""
    spelled, merges = [(*word[:-1], word[-1] + WORD_END) for word in words], []
    while pairs := Counter(pair for tokens in spelled for pair in pairwise(tokens)):
        merges.append(min(pairs, key=lambda pair: (-pairs[pair], pair)))
        spelled = [_merged(tokens, merges[-1]) for tokens in spelled]
    return merges


def _merged(tokens: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    if len(tokens) < 2:
        return tokens
    if tokens[:2] == pair:
        return ("".join(pair), *_merged(tokens[2:], pair))
    return (tokens[0], *_merged(tokens[1:], pair))


def _split(word: str, ranks: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """The tokens of a word of ASCII letters: the merge of the lowest rank first."""
    tokens = (*word[:-1], word[-1] + WORD_END)
    while known := [pair for pair in pairwise(tokens) if pair in ranks]:
        tokens = _merged(tokens, min(known, key=ranks.__getitem__))
    return tokens
