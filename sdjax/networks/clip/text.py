"""CLIP's text encoder: what Stable Diffusion reads a prompt with."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.encoder import Encoder
from sdjax.networks.layers import Layers

# CLIP's configurations once said 2 where their tokenizer says 49407, the largest id.
_MISTAKEN_EOS = 2


class TextOutput(NamedTuple):
    """A batch of texts, embedded."""

    last_hidden_state: Float[Array, "b tokens hidden"]  # after the final norm
    pooled: Float[Array, "b hidden"]  # of the last layer, at the end-of-text token
    projected: Float[Array, "b projection"] | None  # the pooled state, projected


def end_of_text(input_ids: Int[Array, "b tokens"], eos_token_id: int) -> Int[Array, "b"]:
    """The first place of `eos_token_id`, or of the largest id where that is 2 (as transformers
    has it); place 0 where there is none."""
    if eos_token_id == _MISTAKEN_EOS:
        return jnp.argmax(input_ids, axis=-1)
    return jnp.argmax(input_ids == eos_token_id, axis=-1)


class CLIPText(nn.Module):
    """transformers' `CLIPTextModel` (with projection, if the config has one) and its parameter
    names; computes in `dtype` from parameters in `param_dtype` and returns `dtype`."""

    config: TextConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, input_ids: Int[Array, "b tokens"], skip: int = 0) -> TextOutput:
        """Embed token ids; padding is attended to like any token, as Stable Diffusion has it.

        `skip` leaves out so many of the last layers before the final norm of
        `last_hidden_state` (1: the penultimate layer); the pooled state keeps them.  ValueError
        for more tokens than there are positions, or if `skip` is not 0 .. the number of layers.
        """
        count, tokens = self.config.encoder.num_hidden_layers, input_ids.shape[1]
        if not 0 <= skip <= count:
            raise UserError(f"skip is {skip}, expected 0 to {count}, the number of layers.")
        if tokens > self.config.max_position_embeddings:
            raise UserError(
                f"The text has {tokens} tokens, expected at most "
                f"{self.config.max_position_embeddings}; pad or truncate it to that."
            )
        layers = Layers(self.dtype, self.param_dtype)
        last, skipped = TextTransformer(self.config, layers, name="text_model")(input_ids, skip)
        where = end_of_text(input_ids, self.config.eos_token_id)
        pooled = jnp.take_along_axis(last, where[:, None, None], axis=1)[:, 0]
        projected = None
        if self.config.projection_dim is not None:
            project = layers.dense(
                self.config.projection_dim, use_bias=False, name="text_projection"
            )
            projected = project(pooled)
        return TextOutput(skipped, pooled, projected)

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct]:
        """The shape of one text of one token."""
        return (jax.ShapeDtypeStruct((1, 1), jnp.int32),)


class TextTransformer(nn.Module):
    """Embeddings, causal layers and the final norm."""

    config: TextConfig
    layers: Layers

    @nn.compact
    def __call__(
        self, input_ids: Int[Array, "b tokens"], skip: int
    ) -> tuple[Float[Array, "b tokens hidden"], Float[Array, "b tokens hidden"]]:
        """The normed states after the last layer, and `skip` layers before that."""
        embedded = TextEmbeddings(self.config, self.layers, name="embeddings")(input_ids)
        encoder = Encoder(self.config.encoder, self.layers, is_causal=True, name="encoder")
        states = encoder(embedded)
        norm = self.layers.layer_norm(self.config.encoder.layer_norm_eps, name="final_layer_norm")
        last = norm(states[-1])
        return last, norm(states[-1 - skip]) if skip else last


class TextEmbeddings(nn.Module):
    """A vector for each token plus one for its place."""

    config: TextConfig
    layers: Layers

    @nn.compact
    def __call__(self, input_ids: Int[Array, "b tokens"]) -> Float[Array, "b tokens hidden"]:
        """Their sum."""
        width, positions = self.config.encoder.hidden_size, self.config.max_position_embeddings
        token = self.layers.embed(self.config.vocab_size, width, name="token_embedding")
        place = self.layers.embed(positions, width, name="position_embedding")
        return token(input_ids) + place(jnp.arange(input_ids.shape[1]))[None]
