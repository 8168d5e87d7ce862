"""The CLIP tokenizer of a diffusers folder, or of a pipeline."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sdjax.config.errors import UserError
from sdjax.config.fields import is_whole
from sdjax.files.plain_files import is_there, plain_file, read_json
from sdjax.text.framed import Framed, fitted

Tokenize = Callable[[Sequence[str]], Int[np.ndarray, "prompts tokens"]]

_CONTEXT = 77  # what every CLIP text encoder reads
_SETTINGS = "tokenizer_config.json"  # the pad token is only there
_SPLIT = ("vocab.json", "merges.txt")
_BOTH = "tokenizer.json"  # both in one, all that transformers 5 writes
_EXPECTED = "the `tokenizer` folder of a Stable Diffusion model in the diffusers layout"


@dataclass(frozen=True)
class Tokenizer:
    """Prompts as the rows of ids that a text encoder reads.

    A row has `length` int32 ids: start token, the prompt's tokens, end token, then pad tokens.
    """

    library: Any  # a tokenizer of transformers, slow or fast
    length: int

    def __call__(self, prompts: Sequence[str]) -> Int[np.ndarray, "prompts tokens"]:
        """The ids of `fitting(prompts)`."""
        return self.ids(self.fitting(prompts))

    def fitting(self, prompts: Sequence[str]) -> list[str]:
        """The prompts, `Framed` ones shortened to what fits between their frames.

        Warns of each that is too long, quoting the words that are lost.
        """
        texts, warned = [], set()
        for prompt in prompts:
            texts.append(prompt)
            if (count := self.count(prompt)) > self.length - 2:
                texts[-1], lost = self._cut(prompt)
                if getattr(prompt, "body", prompt) not in warned:
                    warned.add(getattr(prompt, "body", prompt))
                    _warn(prompt, count, self.length - 2, lost)
        return texts

    def ids(self, prompts: Sequence[str]) -> Int[np.ndarray, "prompts tokens"]:
        """A row per prompt; what is too long is cut at its end."""
        return np.stack([self._row(prompt) for prompt in prompts])

    def count(self, prompt: str) -> int:
        """The tokens of a prompt, without start and end."""
        return len(self._all(prompt)) - 2

    def _cut(self, prompt: str) -> tuple[str, str]:
        """What is read of a prompt that is too long, as text where that is shorter, and what is
        lost."""
        if isinstance(prompt, Framed):
            return fitted(prompt, lambda text: self.count(text) <= self.length - 2)
        return prompt, _lost(self.library, prompt, self._all(prompt), self.length - 1)

    def _row(self, prompt: str) -> Int[np.ndarray, "tokens"]:
        ids = self._all(prompt)
        if len(ids) > self.length:
            ids = [*ids[: self.length - 1], self.library.eos_token_id]
        padding = [self.library.pad_token_id] * (self.length - len(ids))
        return np.asarray(ids + padding, np.int32)

    def _all(self, prompt: str) -> list[int]:
        if not is_whole(prompt):
            raise UserError(f"the prompt {_shortened(prompt)!r} is no text, expected UTF-8.")
        with _silence():
            return list(self.library(str(prompt))["input_ids"])


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """The tokenizer of `folder` (a model's `tokenizer`); its rows are as long as the folder's
    `model_max_length`, 77 at most.

    Reads files only, never the network.  UserError if the folder, or one of tokenizer_config.json,
    vocab.json and merges.txt in it, is missing, unreadable or no CLIP's; tokenizer.json will do for
    the last two.
    """
    folder = Path(folder)
    _check_files(folder)
    with _silence():
        from transformers import CLIPTokenizerFast

        try:
            library = CLIPTokenizerFast.from_pretrained(str(folder), local_files_only=True)
            tokenizer = tokenizer_of(library)
            _check_frame(tokenizer)
        except Exception as error:  # the libraries below raise bare `Exception` too
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"the tokenizer in {str(folder)!r} cannot be read ({reason}), expected the files "
                "of a CLIP tokenizer; copy or download them again."
            ) from error
    return tokenizer


def tokenizer_of(library: Any) -> Tokenizer:
    """`load_tokenizer` with a tokenizer of transformers that is loaded, slow or fast."""
    return Tokenizer(library, int(min(library.model_max_length, _CONTEXT)))


def _check_files(folder: Path) -> None:
    needed = [_SETTINGS, *(() if is_there(folder / _BOTH) else _SPLIT)]
    missing = [name for name in needed if not (folder / name).is_symlink()]
    missing = [name for name in missing if not is_there(folder / name)]
    if missing:
        raise UserError(
            f"{str(folder)!r} holds no {' and no '.join(missing)}, expected {_EXPECTED}."
        )
    for name in [*needed, *([_BOTH] if is_there(folder / _BOTH) else [])]:
        if name.endswith(".json"):
            read_json(folder / name, _EXPECTED)
        else:
            plain_file(folder / name, _EXPECTED)


def _check_frame(tokenizer: Tokenizer) -> None:
    """ValueError unless an empty prompt is a start and an end token, with room between them."""
    library, ids = tokenizer.library, tokenizer._all("")
    if ids != [library.bos_token_id, library.eos_token_id] or library.pad_token_id is None:
        raise ValueError("it does not put a start and an end token around a prompt")
    if tokenizer.length < 3:
        raise ValueError(f"its model_max_length is {library.model_max_length}, 3 are needed")


def _warn(prompt: str, count: int, most: int, lost: str) -> None:
    framed = isinstance(prompt, Framed)
    warnings.warn(
        f"the prompt{' with its words for the view' if framed else ''} has {count} tokens and the "
        f"model reads {most}, so that its end {_shortened(lost)!r} is cut off; shorten the prompt.",
        stacklevel=3,
    )


def _lost(library: Any, prompt: str, ids: list[int], cut: int) -> str:
    """The end of the prompt whose tokens are `cut` off, as it is written where that is known."""
    first = _first_lost(library.convert_ids_to_tokens(ids), cut)
    with _silence():
        if not library.is_fast:
            return library.decode(ids[first:-1])
        offsets = library(prompt, return_offsets_mapping=True)["offset_mapping"]
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
