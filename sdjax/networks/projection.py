"""The layer by which Zero-1-to-3 joins an embedding and a pose."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.extent import Extent


@dataclass(frozen=True)
class ProjectionConfig:
    """From so many numbers to so many features."""

    inputs: int
    features: int

    @property
    def extent(self) -> Extent:
        """A matrix and a vector."""
        return Extent(2, {"inputs": self.inputs, "features": self.features})


class Projection(nn.Module):
    """W x + b with W^T as `kernel` and b as `bias`, at the root of its parameters."""

    config: ProjectionConfig

    @nn.compact
    def __call__(self, x: Float[Array, "b _"]) -> Float[Array, "b _"]:
        """In float32, without rounding the factors."""
        shape = (self.config.inputs, self.config.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, shape[1:])
        return jnp.matmul(x, kernel, precision="highest") + bias[None]

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct]:
        """The shape of one input."""
        return (jax.ShapeDtypeStruct((1, self.config.inputs), jnp.float32),)
