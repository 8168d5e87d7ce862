"""The text encoder of Stable Diffusion, from prompts to embeddings."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.parameters import parameter_shapes
from sdjax.text.embeddings import Encode
from sdjax.text.tokenizer import Tokenize, load_tokenizer
from sdjax.weights.fingerprint import fingerprint as component_fingerprint
from sdjax.weights.load import Params, load_params


def text_encoder(folder: str | Path, *, dtype: DTypeLike = jnp.float32, skip: int = 0) -> Encode:
    """Load `tokenizer` and `text_encoder` of a model in `folder`; a function of prompts.

    It returns [prompts, tokens, features], the last hidden state of CLIP's text tower after the
    final norm; `skip` last layers are left out.  Stable Diffusion 2 uses the layer before the
    last, and its diffusers folder comes without the last layer: `skip` is 0 there too.
    `dtype` is that of the computation; the norms are in float32.

    Raises `ValueError` for missing, damaged or unsuitable files.
    """
    folder = Path(folder)
    tokenize = load_tokenizer(folder / "tokenizer")
    model = CLIPText(_config(folder / "text_encoder"), dtype=dtype)
    params = load_params(parameter_shapes(model), folder / "text_encoder")
    return encoder_of(tokenize, model, params, skip=skip)


def encoder_of(tokenize: Tokenize, model: CLIPText, params: Params, *, skip: int = 0) -> Encode:
    """`text_encoder` of parts that are there: a tokenizer, and a network with its parameters."""

    @jax.jit
    def apply(params, ids):
        return model.apply({"params": params}, ids, skip=skip).last_hidden_state

    def encode(prompts: Sequence[str]) -> Float[Array, "prompts tokens features"]:
        return apply(params, jnp.asarray(tokenize(prompts)))

    return encode


def fingerprint(folder: str | Path, *, dtype: DTypeLike = jnp.float32, skip: int = 0) -> str:
    """What the embeddings of `text_encoder(folder, dtype=dtype, skip=skip)` depend on, as a
    hexadecimal sha256 of the contents of the files and of the settings.

    ValueError if one of the two folders is missing.
    """
    files = [component_fingerprint(folder, name) for name in ("text_encoder", "tokenizer")]
    settings = [np.dtype(dtype).name, str(skip)]
    return hashlib.sha256(" ".join(files + settings).encode()).hexdigest()


def _config(folder: Path) -> TextConfig:
    try:
        fields = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{folder / 'config.json'}' cannot be read ({error}), expected the configuration of "
            "a CLIP text encoder; download the model again."
        ) from error
    return TextConfig.from_dict(fields)
