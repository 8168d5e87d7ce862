"""The layers that every network is made of, with one choice of dtypes."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from sdjax.networks.convolution import convolve
from sdjax.networks.normalisation import GroupNorm


@dataclass(frozen=True)
class Layers:
    """Makes layers that compute in `dtype` and keep their parameters in `param_dtype`.

    Every layer casts its inputs and parameters to `dtype` and returns it.  Norms take their
    statistics in float32 whatever the dtypes, as mean((x - mean)^2): E[x^2] - mean^2 would cancel
    on the large activations of the autoencoder.
    """

    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    def dense(self, features: int, *, use_bias: bool = True, name: str | None = None) -> nn.Dense:
        """x W + b on the last axis."""
        return nn.Dense(
            features, use_bias=use_bias, dtype=self.dtype, param_dtype=self.param_dtype, name=name
        )

    def conv(
        self,
        features: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        padding: tuple[int, int] | None = None,
        use_bias: bool = True,
        name: str | None = None,
    ) -> nn.Conv:
        """A square convolution of [b, h, w, c]; `padding` is (before, after), by default
        kernel // 2 on both sides."""
        sides = (kernel // 2, kernel // 2) if padding is None else padding
        return nn.Conv(
            features,
            (kernel, kernel),
            strides=(stride, stride),
            padding=(sides, sides),
            use_bias=use_bias,
            dtype=self.dtype,
            param_dtype=self.param_dtype,
            conv_general_dilated_cls=_convolution,
            name=name,
        )

    def group_norm(self, groups: int, epsilon: float, *, name: str | None = None) -> GroupNorm:
        """Each of `groups` groups of channels to mean 0 and variance 1 over all places."""
        return GroupNorm(groups, epsilon, self.dtype, self.param_dtype, name=name)

    def layer_norm(self, epsilon: float = 1e-5, *, name: str | None = None) -> nn.LayerNorm:
        """The channels of each token to mean 0 and variance 1."""
        return nn.LayerNorm(
            epsilon=epsilon,
            dtype=self.dtype,
            param_dtype=self.param_dtype,
            use_fast_variance=False,
            name=name,
        )

    def embed(self, count: int, features: int, *, name: str | None = None) -> nn.Embed:
        """A table of `count` vectors."""
        return nn.Embed(count, features, dtype=self.dtype, param_dtype=self.param_dtype, name=name)


def _convolution():
    """What `nn.Conv` calls; one function, so that equal layers stay equal."""
    return convolve
