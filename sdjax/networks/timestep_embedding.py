"""What a network knows of the timestep."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Num

from sdjax.networks.layers import Layers


def sinusoids(
    timesteps: Num[Array, "b"],
    features: int,
    *,
    flip_sin_to_cos: bool = True,
    freq_shift: float = 0.0,
) -> Float[Array, "b {features}"]:
    """(cos t w_k, sin t w_k) with w_k = 10000^(-k / (n - freq_shift)), k = 0 .. n - 1, in float32.

    n = features // 2 (an odd `features` ends in a zero); sines come first unless
    `flip_sin_to_cos`.  Source: arXiv 2006.11239, appendix B.
    """
    n = features // 2
    exponents = jnp.arange(n, dtype=jnp.float32) / (n - freq_shift)
    frequencies = jnp.exp(-jnp.log(10000.0) * exponents)
    angles = timesteps.astype(jnp.float32)[:, None] * frequencies[None, :]
    waves = [jnp.cos(angles), jnp.sin(angles)]
    embedded = jnp.concatenate(waves if flip_sin_to_cos else waves[::-1], axis=-1)
    return jnp.pad(embedded, ((0, 0), (0, features % 2)))


class TimestepEmbedding(nn.Module):
    """Two layers with a SiLU between them, on top of the sinusoids."""

    layers: Layers
    features: int

    @nn.compact
    def __call__(self, waves: Float[Array, "b _"]) -> Float[Array, "b {self.features}"]:
        """The embedding that all residual blocks read."""
        hidden = self.layers.dense(self.features, name="linear_1")(waves)
        return self.layers.dense(self.features, name="linear_2")(jax.nn.silu(hidden))
