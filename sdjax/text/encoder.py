"""The text encoder of Stable Diffusion, from prompts to embeddings."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.text.embeddings import Encode
from sdjax.text.tokenizer import Tokenize, load_tokenizer
from sdjax.weights.fingerprint import fingerprint as component_fingerprint
from sdjax.weights.load import Params, load_params
from sdjax.weights.lora import Lora
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes

_NAME = "text_encoder"
NO_LORA = Lora()


def text_encoder(
    folder: str | Path,
    *,
    dtype: DTypeLike = jnp.float32,
    skip: int = 0,
    lora: Lora = NO_LORA,
    tokenize: Tokenize | None = None,
) -> Encode:
    """Load `tokenizer` and `text_encoder` of a model in `folder`; a function of prompts.

    It returns [prompts, tokens, features], the last hidden state of CLIP's text tower after the
    final norm; `skip` last layers are left out.  Stable Diffusion 2 uses the layer before the
    last, and its diffusers folder comes without the last layer: `skip` is 0 there too.
    `dtype` is that of the computation; the norms are in float32.  `lora` is added to the weights.
    `tokenize` stands in for the tokenizer of the folder.

    Raises `UserError` for missing, damaged or unsuitable files.
    """
    folder = Path(folder)
    tokenize = load_tokenizer(folder / "tokenizer") if tokenize is None else tokenize
    model = CLIPText(text_config(folder), dtype=dtype)
    shapes = tensor_shapes(folder / _NAME)
    template = checked_template(model, shapes, f"'{folder / _NAME}'")
    params = load_params(template, folder / _NAME, changes=lora.changes(_NAME))
    return encoder_of(tokenize, model, params, skip=skip)


def encoder_of(tokenize: Tokenize, model: CLIPText, params: Params, *, skip: int = 0) -> Encode:
    """`text_encoder` of parts that are there: a tokenizer, and a network with its parameters."""

    @jax.jit
    def apply(params, ids):
        return model.apply({"params": params}, ids, skip=skip).last_hidden_state

    def encode(prompts: Sequence[str]) -> Float[Array, "prompts tokens features"]:
        ids = tokenize(prompts)
        if ids.max() >= model.config.vocab_size:
            raise UserError(
                f"The tokenizer has a token {ids.max()}, while the text encoder knows "
                f"{model.config.vocab_size}; take both from the same model."
            )
        return apply(params, jnp.asarray(ids))

    return encode


def text_config(folder: Path) -> TextConfig:
    """The configuration of the `text_encoder` in a model's folder; UserError if it is damaged or of
    another network."""
    file = folder / _NAME / "config.json"
    return TextConfig.from_dict(read_json(file, "the configuration of a CLIP text encoder"))


def fingerprint(
    folder: str | Path, *, dtype: DTypeLike = jnp.float32, skip: int = 0, lora: Lora = NO_LORA
) -> str:
    """What the embeddings of `text_encoder(folder, dtype=dtype, skip=skip, lora=lora)` depend on,
    as a hexadecimal sha256 of the contents of the files and of the settings.

    UserError if one of the two folders is missing.
    """
    files = [component_fingerprint(folder, name) for name in (_NAME, "tokenizer")]
    settings = [np.dtype(dtype).name, str(skip), *filter(None, [lora.fingerprint()])]
    return hashlib.sha256(" ".join(files + settings).encode()).hexdigest()
