"""The autoencoder of Stable Diffusion (Rombach et al., arXiv 2112.10752)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.blocks import EPSILON, DecoderBlock, EncoderBlock, MidBlock
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.layers import Layers
from sdjax.networks.rematerialisation import rematerialised

Image = Float[Array, "b h w c"]
Latents = Float[Array, "b latent_h latent_w channels"]


class Posterior(NamedTuple):
    """The normal distribution of an image's latents, not scaled, float32."""

    mean: Latents
    logvar: Latents  # of the variance; in [-30, 20]

    @property
    def std(self) -> Latents:
        """exp(logvar / 2)."""
        return jnp.exp(0.5 * self.logvar)

    def sample(self, key: jax.Array) -> Latents:
        """mean + std noise."""
        return self.mean + self.std * jax.random.normal(key, self.mean.shape)


class Encoder(nn.Module):
    """From an image to the mean and log variance of its latents, before `quant_conv`."""

    config: AutoencoderConfig
    layers: Layers
    remat: str

    @nn.compact
    def __call__(self, image: Image) -> Float[Array, "b _ _ _"]:
        """[b, h / factor, w / factor, 2 latent_channels]."""
        config, layers, groups = self.config, self.layers, self.config.norm_num_groups
        last = len(config.block_out_channels) - 1
        block, mid = (rematerialised(kind, self.remat) for kind in (EncoderBlock, MidBlock))
        x = layers.conv(config.block_out_channels[0], name="conv_in")(image)
        for i, features in enumerate(config.block_out_channels):
            depth, name = config.layers_per_block, f"down_blocks_{i}"
            x = block(layers, features, groups, depth, i < last, name=name)(x)
        x = mid(layers, config.block_out_channels[-1], groups, name="mid_block")(x)
        x = jax.nn.silu(layers.group_norm(groups, EPSILON, name="conv_norm_out")(x))
        return layers.conv(2 * config.latent_channels, name="conv_out")(x)


class Decoder(nn.Module):
    """From latents, after `post_quant_conv`, to an image."""

    config: AutoencoderConfig
    layers: Layers
    remat: str

    @nn.compact
    def __call__(self, latents: Latents) -> Image:
        """[b, factor h, factor w, out_channels]."""
        config, layers, groups = self.config, self.layers, self.config.norm_num_groups
        last = len(config.block_out_channels) - 1
        block, mid = (rematerialised(kind, self.remat) for kind in (DecoderBlock, MidBlock))
        x = layers.conv(config.block_out_channels[-1], name="conv_in")(latents)
        x = mid(layers, config.block_out_channels[-1], groups, name="mid_block")(x)
        for i, features in enumerate(reversed(config.block_out_channels)):
            depth, name = config.layers_per_block + 1, f"up_blocks_{i}"
            x = block(layers, features, groups, depth, i < last, name=name)(x)
        x = jax.nn.silu(layers.group_norm(groups, EPSILON, name="conv_norm_out")(x))
        return layers.conv(config.out_channels, name="conv_out")(x)


class AutoencoderKL(nn.Module):
    """diffusers' `AutoencoderKL`, channels last, with its parameter names.

    Latents here are the autoencoder's own: the caller multiplies by `config.scaling_factor` for
    the diffusion model, and divides before decoding.  It computes in `dtype` (norms, logits and
    softmax in float32) from parameters in `param_dtype`.  What of each block is kept for the
    gradient is `remat` (`sdjax.networks.rematerialisation`).
    """

    config: AutoencoderConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32
    remat: str = "none"

    def setup(self) -> None:
        """Name the four parts."""
        layers = Layers(self.dtype, self.param_dtype)
        self.encoder = Encoder(self.config, layers, self.remat)
        self.decoder = Decoder(self.config, layers, self.remat)
        self.quant_conv = layers.conv(2 * self.config.latent_channels, 1)
        self.post_quant_conv = layers.conv(self.config.latent_channels, 1)

    def encode(self, image: Image) -> Posterior:
        """The latents of an `image` in [-1, 1]; ValueError unless `factor` divides its sides."""
        height, width, factor = *image.shape[1:3], self.config.factor
        if height % factor or width % factor:
            raise UserError(f"image is {height}x{width}, expected multiples of {factor}.")
        moments = self.quant_conv(self.encoder(image)).astype(jnp.float32)
        mean, logvar = jnp.split(moments, 2, axis=-1)
        return Posterior(mean, jnp.clip(logvar, -30.0, 20.0))

    def decode(self, latents: Latents) -> Image:
        """The image of `latents`, about [-1, 1] (not clipped), in `dtype`."""
        return self.decoder(self.post_quant_conv(latents))

    def __call__(self, image: Image) -> Float[Array, "b h w _"]:
        """Decode the mean; touches every parameter, which `init` needs."""
        return self.decode(self.encode(image).mean)

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct]:
        """The shape of the smallest image."""
        shape = (1, self.config.factor, self.config.factor, self.config.in_channels)
        return (jax.ShapeDtypeStruct(shape, jnp.float32),)
