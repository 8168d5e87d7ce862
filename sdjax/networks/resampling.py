"""Halving and doubling the resolution."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.layers import Layers


class Downsample(nn.Module):
    """A 3x3 convolution of stride 2: the UNet pads by (1, 1), the autoencoder by (0, 1)."""

    layers: Layers
    padding: tuple[int, int]

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h//2 w//2 c"]:
        """Height and width are even."""
        conv = self.layers.conv(x.shape[-1], stride=2, padding=self.padding, name="conv")
        return conv(x)


class Upsample(nn.Module):
    """Every pixel repeated to 2x2, then a 3x3 convolution."""

    layers: Layers

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
        """The nearest neighbour, smoothed by what was learned."""
        b, h, w, c = x.shape
        repeated = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, 2, w, 2, c))
        return self.layers.conv(c, name="conv")(repeated.reshape(b, 2 * h, 2 * w, c))
