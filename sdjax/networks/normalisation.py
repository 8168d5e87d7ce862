"""Group normalisation: Flax's, and on CPUs, in float32, with sums over places first."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float


class GroupNorm(nn.Module):
    """Each of `groups` groups of channels to mean 0 and variance 1 over all places, then
    scale x + bias per channel (Wu and He, arXiv 1803.08494).

    Statistics are float32 whatever `dtype`, with the variance as mean((x - mean)^2).  On CPUs and
    in float32 they are sums per channel first, which XLA makes faster there than sums over groups
    of channels; the same up to rounding.
    """

    groups: int
    epsilon: float
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b *places c"]) -> Float[Array, "b *places c"]:
        """In `dtype`."""
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, shape, self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, self.param_dtype)
        if not self.dtype == x.dtype == scale.dtype == jnp.float32:
            return self._by_group(x, scale, bias)
        return lax.platform_dependent(x, scale, bias, cpu=self._by_channel, default=self._by_group)

    @nn.nowrap
    def _by_group(self, x, scale, bias):
        norm = nn.GroupNorm(
            self.groups,
            epsilon=self.epsilon,
            dtype=self.dtype,
            param_dtype=self.param_dtype,
            use_fast_variance=False,
            parent=None,
        )
        return norm.apply({"params": {"scale": scale, "bias": bias}}, x)

    @nn.nowrap
    def _by_channel(self, x, scale, bias):
        scale, bias = (y.reshape(*[1] * (x.ndim - 1), -1) for y in (scale, bias))
        centred = x - self._mean(x)
        variance = self._mean(centred * centred)
        return centred * (lax.rsqrt(variance + self.epsilon) * scale) + bias

    @nn.nowrap
    def _mean(self, x):
        """[b, 1 .., c]: that of each channel's group."""
        places = tuple(range(1, x.ndim - 1))
        channels = x.mean(places).reshape(len(x), self.groups, -1)
        groups = jnp.broadcast_to(channels.mean(-1, keepdims=True), channels.shape)
        return groups.reshape(len(x), *(1 for _ in places), -1)
