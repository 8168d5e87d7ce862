"""CLIP's image encoder: what image-conditioned diffusion models read an image with."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.networks.clip.config import VisionConfig
from sdjax.networks.clip.encoder import Encoder
from sdjax.networks.layers import Layers

Pixels = Float[Array, "b h w channels"]


class VisionOutput(NamedTuple):
    """A batch of images, embedded."""

    last_hidden_state: Float[Array, "b tokens hidden"]  # class token first; no final norm
    pooled: Float[Array, "b hidden"]  # the class token after the final norm
    projected: Float[Array, "b projection"] | None  # the pooled state, projected


class CLIPVision(nn.Module):
    """transformers' `CLIPVisionModel` (with projection, if the config has one) and its parameter
    names; computes in `dtype` from parameters in `param_dtype` and returns `dtype`."""

    config: VisionConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, pixels: Pixels) -> VisionOutput:
        """Embed images whose channels are already normalised by CLIP's mean and deviation.

        ValueError if they are not image_size x image_size.
        """
        size = self.config.image_size
        if pixels.shape[1:3] != (size, size):
            height, width = pixels.shape[1:3]
            raise UserError(f"pixels are {height}x{width}, expected {size}x{size}; resize them.")
        layers = Layers(self.dtype, self.param_dtype)
        last, pooled = VisionTransformer(self.config, layers, name="vision_model")(pixels)
        projected = None
        if self.config.projection_dim is not None:
            project = layers.dense(
                self.config.projection_dim, use_bias=False, name="visual_projection"
            )
            projected = project(pooled)
        return VisionOutput(last, pooled, projected)

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct]:
        """The shape of one image."""
        size = self.config.image_size
        return (jax.ShapeDtypeStruct((1, size, size, self.config.num_channels), jnp.float32),)


class VisionTransformer(nn.Module):
    """Embeddings, a norm and layers in which every token sees every other."""

    config: VisionConfig
    layers: Layers

    @nn.compact
    def __call__(
        self, pixels: Pixels
    ) -> tuple[Float[Array, "b tokens hidden"], Float[Array, "b hidden"]]:
        """The states after the last layer, and the normed class token."""
        epsilon = self.config.encoder.layer_norm_eps
        embedded = VisionEmbeddings(self.config, self.layers, name="embeddings")(pixels)
        # The checkpoints spell it so.
        embedded = self.layers.layer_norm(epsilon, name="pre_layrnorm")(embedded)
        encoder = Encoder(self.config.encoder, self.layers, is_causal=False, name="encoder")
        last = encoder(embedded)[-1]
        return last, self.layers.layer_norm(epsilon, name="post_layernorm")(last[:, 0])


class VisionEmbeddings(nn.Module):
    """A class token and the image's patches, plus a vector for the place of each."""

    config: VisionConfig
    layers: Layers

    @nn.compact
    def __call__(self, pixels: Pixels) -> Float[Array, "b tokens hidden"]:
        """[b, 1 + (image_size // patch_size)^2, hidden]."""
        width, patch = self.config.encoder.hidden_size, self.config.patch_size
        conv = self.layers.conv(
            width, patch, stride=patch, padding=(0, 0), use_bias=False, name="patch_embedding"
        )
        patches = conv(pixels)
        patches = patches.reshape(patches.shape[0], -1, width)
        first = self.param(
            "class_embedding", nn.initializers.normal(0.02), (width,), self.layers.param_dtype
        )
        first = jnp.broadcast_to(first.astype(patches.dtype), (patches.shape[0], 1, width))
        tokens = jnp.concatenate([first, patches], axis=1)
        place = self.layers.embed(tokens.shape[1], width, name="position_embedding")
        return tokens + place(jnp.arange(tokens.shape[1]))[None]
