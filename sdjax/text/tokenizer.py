"""The CLIP tokenizer of a diffusers folder, or of a pipeline."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sdjax.config.errors import UserError

Tokenize = Callable[[Sequence[str]], Int[np.ndarray, "prompts tokens"]]

_CONTEXT = 77  # what every CLIP text encoder reads
_FILES = ("tokenizer_config.json", "vocab.json", "merges.txt")
_BOTH = "tokenizer.json"  # vocab.json and merges.txt in one, all that transformers 5 writes


def load_tokenizer(folder: str | Path) -> Tokenize:
    """The tokenizer of `folder` (a model's `tokenizer`), a function of prompts.

    It returns int32 ids, a row per prompt: start token, the prompt's tokens, end token, then the
    folder's pad token up to the folder's `model_max_length` (77 at most).  A prompt that is too
    long is cut, with a warning that quotes the words that are lost.

    Reads files only, never the network.  Raises `ValueError` if the folder, or one of
    tokenizer_config.json, vocab.json and merges.txt in it, is missing or unreadable; tokenizer.json
    will do for the last two.
    """
    folder = Path(folder)
    needed = _FILES[:1] if (folder / _BOTH).is_file() else _FILES
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{str(folder)!r} holds no {' and no '.join(missing)}, expected the `tokenizer` folder "
            "of a Stable Diffusion model in the diffusers layout."
        )
    with _silence():
        from transformers import CLIPTokenizerFast

        try:
            tokenizer = CLIPTokenizerFast.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:  # the libraries below raise bare `Exception` too
            raise UserError(
                f"the tokenizer in {str(folder)!r} cannot be read ({error}), expected the files "
                "of a CLIP tokenizer; copy or download them again."
            ) from error
    return tokenizer_of(tokenizer)


def tokenizer_of(tokenizer: Any) -> Tokenize:
    """`load_tokenizer` with a tokenizer of transformers that is loaded, slow or fast."""
    length = min(tokenizer.model_max_length, _CONTEXT)

    def tokenize(prompts: Sequence[str]) -> Int[np.ndarray, "prompts tokens"]:
        return np.stack([_row(tokenizer, prompt, length) for prompt in prompts])

    return tokenize


def _row(tokenizer: Any, prompt: str, length: int) -> Int[np.ndarray, "tokens"]:
    """The ids of one prompt, cut and padded to `length`."""
    with _silence():
        ids = tokenizer(prompt)["input_ids"]
    if len(ids) > length:
        lost = _lost(tokenizer, prompt, ids, length - 1)
        warnings.warn(
            f"the prompt has {len(ids) - 2} tokens and the model reads {length - 2}, so that its "
            f"end {_shortened(lost)!r} is cut off; shorten the prompt.",
            stacklevel=2,
        )
        ids = [*ids[: length - 1], tokenizer.eos_token_id]
    return np.asarray(ids + [tokenizer.pad_token_id] * (length - len(ids)), np.int32)


def _lost(tokenizer: Any, prompt: str, ids: list[int], cut: int) -> str:
    """The end of the prompt whose tokens are `cut` off, as it is written where that is known."""
    first = _first_lost(tokenizer.convert_ids_to_tokens(ids), cut)
    with _silence():
        if not tokenizer.is_fast:
            return tokenizer.decode(ids[first:-1])
        offsets = tokenizer(prompt, return_offsets_mapping=True)["offset_mapping"]
    return prompt[offsets[first][0] :].strip()


def _shortened(text: str, longest: int = 80) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def _first_lost(tokens: list[str], cut: int) -> int:
    """The first token of the word that `cut` falls into: of a word cut in two, all is lost."""
    while cut > 1 and not tokens[cut - 1].endswith("</w>"):
        cut -= 1
    return cut


@contextmanager
def _silence() -> Iterator[None]:
    """Without the log messages of the libraries that are used inside."""
    level = logging.root.manager.disable
    logging.disable(max(level, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(level)
