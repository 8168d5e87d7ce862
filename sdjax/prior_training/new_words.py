"""Words that the tokenizer of a checkpoint lacks: tokens of their own, and vectors for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.prior_training.model import Model
from sdjax.prior_training.networks import networks
from sdjax.prior_training.tokenizer_files import extend_tokenizer
from sdjax.text.tokenizer import Tokenizer, load_tokenizer

_EMBEDDING = ["text_model", "embeddings", "token_embedding", "embedding"]  # of its parameters


def lacking(tokenizer: Tokenizer, words: Sequence[str]) -> list[str]:
    """Those that are more than one token."""
    return [word for word in words if tokenizer.count(word) > 1]


def with_words(model: Model, words: Sequence[str], folder: str | Path) -> Model:
    """The model with a token for each of `words`; its tokenizer is written to `folder`.

    The rows of the new ids stand below those of the token embedding: the mean of the rows of those
    of `words` that were tokens already, one at least.  Nothing else changes, so a prompt without
    new words has the same embeddings, bit for bit.
    """
    first = model.networks.text.config.vocab_size
    number = extend_tokenizer(model.tokenize, words, first, folder)
    # the end by its id: 2 in its place stands for the largest id, which is a word's now
    told = {"vocab_size": first + number, "eos_token_id": model.tokenize.library.eos_token_id}
    tables = model.tables._replace(text={**model.tables.text, **told})
    return model._replace(
        tables=tables,
        networks=networks(tables),
        params={**model.params, "text_encoder": _grown(model, words, number)},
        tokenize=load_tokenizer(folder),
    )


def _grown(model: Model, words: Sequence[str], number: int) -> dict[str, Any]:
    """The text encoder's parameters with `number` rows more."""
    new = set(lacking(model.tokenize, words))
    known = model.tokenize([word for word in words if word not in new])[:, 1]

    def with_rows(path: tuple[Any, ...], leaf: Float[Array, "..."]) -> Float[Array, "..."]:
        if [key.key for key in path] != _EMBEDDING:
            return leaf
        return jnp.concatenate([leaf, jnp.tile(leaf[known].mean(0), (number, 1))])

    return jax.tree_util.tree_map_with_path(with_rows, model.params["text_encoder"])
