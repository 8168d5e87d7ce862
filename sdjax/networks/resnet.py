"""The residual block of UNet and autoencoder."""

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.layers import Layers


class ResnetBlock(nn.Module):
    """x' + conv(silu(norm(h + W silu(time)))), h = conv(silu(norm(x))).

    x' is x, or a 1x1 convolution of it where the number of channels changes.
    """

    layers: Layers
    features: int
    groups: int
    epsilon: float

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w _"], time: Float[Array, "b _"] | None = None
    ) -> Float[Array, "b h w {self.features}"]:
        """`time` is the embedding of the timestep; a network without one passes none."""
        hidden = jax.nn.silu(self.layers.group_norm(self.groups, self.epsilon, name="norm1")(x))
        hidden = self.layers.conv(self.features, name="conv1")(hidden)
        if time is not None:
            shift = self.layers.dense(self.features, name="time_emb_proj")(jax.nn.silu(time))
            hidden = hidden + shift[:, None, None, :]
        hidden = self.layers.group_norm(self.groups, self.epsilon, name="norm2")(hidden)
        hidden = self.layers.conv(self.features, name="conv2")(jax.nn.silu(hidden))
        if x.shape[-1] != self.features:
            x = self.layers.conv(self.features, 1, name="conv_shortcut")(x)
        return x + hidden
